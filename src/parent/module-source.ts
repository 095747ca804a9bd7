/**
 * The user's module, made ready to run in a job. Owns the decision whether it is bundled, and the bundle's file: one private
 * directory that lives as long as the pool. JavaScript runs as it is; TypeScript is bundled here, once, with esbuild.
 */
import { existsSync, mkdirSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, extname, isAbsolute, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { ModuleError, OptionError } from "../shared/errors.ts"
import { bundle } from "./bundle.ts"

/** Whether and how the module is bundled. */
export type BundleOption = boolean | { external?: readonly string[] }

/** What a worker is told to import; `source` is the user's own file, for messages. */
export interface ReadyModule {
  readonly module: string
  readonly source: string
}

const TYPESCRIPT = new Set([".ts", ".mts", ".cts", ".tsx", ".jsx"])

export class ModuleSource {
  readonly #file: string
  readonly #bundle: BundleOption | undefined
  #ready: Promise<ReadyModule> | undefined
  #dir: string | undefined

  /** @throws OptionError when `module` names no file; ModuleError when the file is not there. */
  constructor(module: URL | string, bundleOption: BundleOption | undefined) {
    this.#file = fileOf(module)
    this.#bundle = bundleOption
    if (!existsSync(this.#file)) {
      throw new ModuleError(this.#file, `the module ${this.#file} does not exist`, {
        hint: "write it as `new URL('./train.ts', import.meta.url)`: relative to the file that says so",
      })
    }
  }

  /** Absolute path of the user's file. */
  get file(): string {
    return this.#file
  }

  /** The name of the file without its extension. */
  get name(): string {
    return this.#file.slice(dirname(this.#file).length + 1).replace(/\.[^.]+$/, "")
  }

  /** Bundles at the first call. @throws ModuleError with esbuild's words when it cannot. */
  ready(): Promise<ReadyModule> {
    this.#ready ??= this.#prepare()
    return this.#ready
  }

  /** Deletes the bundle. */
  async dispose(): Promise<void> {
    await this.#ready?.catch(() => {}) // its failure went to those who asked for the module
    if (this.#dir !== undefined) await rm(this.#dir, { recursive: true, force: true })
  }

  async #prepare(): Promise<ReadyModule> {
    const source = this.#file
    const wanted = this.#bundle ?? TYPESCRIPT.has(extname(source))
    if (wanted === false) return { module: pathToFileURL(source).href, source }
    this.#dir = await mkdtemp(join(bundleRoot(), "bundle-"))
    const out = join(this.#dir, `${this.name}.mjs`)
    await bundle(source, out, wanted === true ? [] : (wanted.external ?? []))
    return { module: pathToFileURL(out).href, source }
  }
}

/** In the home directory, which nodes share; a node's /tmp is its own. */
function bundleRoot(): string {
  const root = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "slurm-flame")
  mkdirSync(root, { recursive: true, mode: 0o700 })
  return root
}

function fileOf(module: unknown): string {
  const hint = "write it as `new URL('./train.ts', import.meta.url)`"
  const text = module instanceof URL ? module.href : module
  if (typeof text !== "string" || text === "") {
    throw new OptionError("module", "`module` is the file that runners serve, as a URL or an absolute path", { hint })
  }
  if (text.startsWith("file:")) return fileURLToPath(text)
  if (isAbsolute(text)) return text
  throw new OptionError("module", `\`module\` is neither a file URL nor an absolute path: ${JSON.stringify(text)}`, {
    hint,
  })
}
