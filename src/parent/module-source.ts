/**
 * The user's module, made ready to run in a job. Owns the decision whether it is bundled, and the bundle, which lives as long
 * as the pool. JavaScript runs as it is; TypeScript is bundled here, once, with esbuild.
 */
import { createHash } from "node:crypto"
import { readdirSync, statSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { basename, dirname, extname, isAbsolute, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { ModuleError, OptionError } from "../shared/errors.ts"
import { suggest } from "../shared/suggest.ts"
import { bundle } from "./bundle.ts"
import { BundleDir, bundleRoot } from "./bundle-dir.ts"

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
  #dir: BundleDir | undefined

  /** @throws OptionError when an argument is not what it should be; ModuleError when the file is not there. */
  constructor(module: URL | string, bundleOption: BundleOption | undefined) {
    this.#file = fileOf(module)
    this.#bundle = checkBundle(bundleOption)
    const found = statSync(this.#file, { throwIfNoEntry: false })
    if (!found) {
      const near = neighbour(this.#file)
      throw new ModuleError(this.#file, `the module ${this.#file} does not exist`, {
        hint: near
          ? `did you mean ${near}, which is there?`
          : "write it as `new URL('./train.ts', import.meta.url)`: relative to the file that says so",
      })
    }
    if (!found.isFile()) {
      throw new ModuleError(this.#file, `the module ${this.#file} is not a file`, {
        hint: "name the file whose exports the runners serve, for example its index.ts",
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

  /** Bundles at the first call, and again after it failed: the file may have been mended. @throws ModuleError with esbuild's words when it cannot. */
  ready(): Promise<ReadyModule> {
    if (this.#ready) return this.#ready
    const ready = this.#prepare()
    this.#ready = ready
    ready.catch(() => {
      this.#dir?.remove()
      this.#dir = undefined
      this.#ready = undefined
    })
    return ready
  }

  /**
   * Of the text that runners import: the bundle, or the file itself where it is not bundled; what that imports is not looked at.
   * @throws ModuleError when it cannot be bundled
   */
  async digest(): Promise<string> {
    const { module } = await this.ready()
    const text = await readFile(fileURLToPath(module), "utf8")
    // In its comments a bundle names its sources as seen from where the program was started.
    return createHash("sha256")
      .update(text.replaceAll(/^\/\/ .*$/gm, ""))
      .digest("hex")
  }

  /** Deletes the bundle. */
  async dispose(): Promise<void> {
    await this.#ready?.catch(() => {}) // its failure went to those who asked for the module
    this.#dir?.remove()
  }

  async #prepare(): Promise<ReadyModule> {
    const source = this.#file
    const wanted = this.#bundle ?? TYPESCRIPT.has(extname(source))
    if (wanted === false) return { module: pathToFileURL(source).href, source }
    this.#dir = makeDir(source)
    const out = join(this.#dir.path, `${this.name}.mjs`)
    await bundle(source, out, wanted === true ? [] : (wanted.external ?? []))
    return { module: pathToFileURL(out).href, source }
  }
}

/** @throws ModuleError with what to do when no bundle can be written. */
function makeDir(source: string): BundleDir {
  try {
    return new BundleDir()
  } catch (cause) {
    throw new ModuleError(source, `${source} cannot be bundled: no directory in ${bundleRoot()}: ${messageOf(cause)}`, {
      cause,
      hint: "set XDG_CACHE_HOME to a directory you may write to and all nodes share",
    })
  }
}

/** A file beside the missing one whose name is nearly the same: `train.ts` where `train.js` was asked for. */
function neighbour(file: string): string | undefined {
  const dir = dirname(file)
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return undefined
  const names = readdirSync(dir).filter(name => /\.[cm]?[jt]sx?$/.test(name))
  const stem = (name: string) => basename(name, extname(name))
  const near = names.find(name => stem(name) === stem(file)) ?? suggest(basename(file), names)
  return near === undefined ? undefined : join(dir, near)
}

function fileOf(module: unknown): string {
  const hint = "write it as `new URL('./train.ts', import.meta.url)`"
  const text = module instanceof URL ? module.href : module
  if (typeof text !== "string" || text === "") {
    throw new OptionError("module", "`module` is the file that runners serve, as a URL or an absolute path", { hint })
  }
  if (isAbsolute(text)) return text
  if (!text.startsWith("file:")) {
    throw new OptionError("module", `\`module\` is neither a file URL nor an absolute path: ${JSON.stringify(text)}`, {
      hint,
    })
  }
  try {
    return fileURLToPath(text)
  } catch (cause) {
    throw new OptionError("module", `\`module\` is no URL of a file here: ${text}: ${messageOf(cause)}`, {
      cause,
      hint,
    })
  }
}

function checkBundle(option: unknown): BundleOption | undefined {
  if (option === undefined || typeof option === "boolean") return option
  if (typeof option === "object" && option !== null && Object.keys(option).every(name => name === "external")) {
    const { external = [] } = option as { external?: unknown }
    if (Array.isArray(external) && external.every(name => typeof name === "string")) return option as BundleOption
  }
  throw new OptionError("bundle", "`bundle` is true, false, or an object with a list of package names, `external`", {
    hint: "bundle: { external: ['sharp'] }",
  })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
