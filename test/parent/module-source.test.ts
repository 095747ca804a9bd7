import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { type BundleOption, ModuleSource } from "../../src/parent/module-source.ts"
import { ModuleError } from "../../src/shared/errors.ts"

let dir: string
let source: ModuleSource | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "flame-test-"))
  vi.stubEnv("XDG_CACHE_HOME", join(dir, "cache"))
})
afterEach(async () => {
  await source?.dispose()
  source = undefined
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true, force: true })
})

/** Writes files below the test's directory; the first is the module. */
function write(files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return join(dir, Object.keys(files)[0]!)
}

async function ready(file: string, option?: BundleOption) {
  source = new ModuleSource(file, option)
  return await source.ready()
}

/** What the module prints when plain node runs it, as a runner does: no TypeScript, source maps on. */
function run(module: string): { stdout: string; stderr: string } {
  const { stdout, stderr } = spawnSync(process.execPath, ["--enable-source-maps", fileURLToPath(module)], {
    encoding: "utf8",
  })
  return { stdout, stderr }
}

const bundles = () => readdirSync(join(dir, "cache", "slurm-flame"))

describe("JavaScript", () => {
  it("runs as it is", async () => {
    const file = write({ "train.js": "" })
    expect(await ready(file)).toEqual({ module: pathToFileURL(file).href, source: file })
    expect(existsSync(join(dir, "cache"))).toBe(false)
  })

  it("is bundled where that is asked for", async () => {
    const file = write({ "train.mjs": "import { x } from './x.mjs'; console.log(x)", "x.mjs": "export const x = 5" })
    const { module } = await ready(file, true)
    rmSync(join(dir, "x.mjs"))
    expect(run(module).stdout).toBe("5\n")
  })
})

describe("TypeScript", () => {
  it("becomes one file that node runs, once, in a directory that goes with the pool", async () => {
    const file = write({
      "my.train.ts":
        "import { twice } from './lib/twice.ts'\nexport enum E { A = 1 }\nconsole.log(twice(E.A) satisfies number)",
      "lib/twice.ts": "export const twice = (n: number): number => n * 2",
    })
    const first = await ready(file)
    expect(first.source).toBe(file)
    expect(source!.name).toBe("my.train")
    expect(await source!.ready()).toBe(first)
    expect(run(first.module).stdout).toBe("2\n")
    expect(bundles()).toHaveLength(1)
    expect(readdirSync(dirname(fileURLToPath(first.module))).toSorted()).toEqual(["my.train.mjs", "my.train.mjs.map"])
    await source!.dispose()
    expect(bundles()).toEqual([])
    await source!.dispose()
  })

  it("leaves the user's types and lines as they are when bundling is switched off", async () => {
    const file = write({ "train.ts": "" })
    expect((await ready(file, false)).module).toBe(pathToFileURL(file).href)
  })

  it("keeps each file's own idea of where it is", async () => {
    const file = write({
      "train.ts":
        "import { here } from './lib/here.ts'\nconsole.log(import.meta.url, here, import.meta.dirname, import.meta.filename)",
      "lib/here.ts": "export const here: string = import.meta.url",
    })
    const { stdout } = run((await ready(file)).module)
    const url = (name: string) => pathToFileURL(join(dir, name)).href
    expect(stdout).toBe(`${url("train.ts")} ${url("lib/here.ts")} ${dir} ${file}\n`)
  })

  it("gives the user's own lines in stacks, also below a line that was changed", async () => {
    const file = write({
      "train.ts":
        "interface A {\n  a: string\n}\nconst a: A = { a: import.meta.url }\n\nimport { fail } from './fail.ts'\nfail(a)\n",
      "fail.ts": "type T = object\n\n\nexport function fail(_: T): never {\n  throw new Error('boom')\n}\n",
    })
    const { stderr } = run((await ready(file)).module)
    expect(stderr).toMatch(/boom/)
    expect(stderr).toContain(`${join(dir, "fail.ts")}:5:`)
    expect(stderr).toContain(`${file}:7:`)
  })

  it("finds what lies beside it, and CommonJS that requires Node's modules", async () => {
    const file = write({
      "train.ts": "import { name } from 'common'\nconsole.log(name)",
      "node_modules/common/package.json": '{ "name": "common", "main": "main.cjs" }',
      "node_modules/common/main.cjs": "exports.name = require('node:path').basename('/a/b')",
    })
    expect(run((await ready(file)).module).stdout).toBe("b\n")
  })

  it.each([
    ["CommonJS", '{ "name": "pkg", "main": "main.cjs" }', "main.cjs", "exports.file = __filename"],
    [
      "ES modules alone",
      '{ "name": "pkg", "exports": { "import": "./main.mjs" } }',
      "main.mjs",
      "export const file = import.meta.filename ?? new URL(import.meta.url).pathname",
    ],
  ])("leaves an external package of %s where it is", async (_kind, json, main, text) => {
    const file = write({
      "train.ts": "import { file } from 'pkg'\nconsole.log(file)",
      "node_modules/pkg/package.json": json,
      [`node_modules/pkg/${main}`]: text,
    })
    expect(run((await ready(file, { external: ["pkg"] })).module).stdout).toBe(
      `${join(dir, "node_modules/pkg", main)}\n`,
    )
  })

  it("leaves slurm-flame where it is: a second copy would know nothing of the first", async () => {
    const file = write({ "train.ts": "import { OptionError } from 'slurm-flame'\nconsole.log(OptionError.name)" })
    expect(run((await ready(file)).module).stdout).toBe("OptionError\n")
  })

  it.each([
    [
      "a syntax error",
      { "train.ts": "const a = 1\nexport function (\n" },
      /cannot be bundled:\n {2}\S*train\.ts:2:\d+: .*"\("/,
    ],
    [
      "an import that is not there",
      { "train.ts": "\n\nimport './nope.ts'" },
      /train\.ts:3:\d+: Could not resolve "\.\/nope\.ts"/,
    ],
    ["a package that is not there", { "train.ts": "import 'no-such-pkg'" }, /Could not resolve "no-such-pkg"/],
    ["an external package that is not there", { "train.ts": "import 'nope'" }, /train\.ts:1:\d+: .*nope/],
  ])("says where %s is, and what to do", async (_what, files, message) => {
    const file = write(files as Record<string, string>)
    const error = await ready(file, { external: ["nope"] }).then(
      () => undefined,
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(ModuleError)
    expect(error).toMatchObject({ module: file, hint: expect.stringContaining("bundle: { external") })
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message.startsWith(`${file} cannot be bundled`)).toBe(true)
    await source!.dispose()
    expect(bundles()).toEqual([]) // nothing is left of a bundle that failed
  })
})

it("says what to do when the place for bundles is a file", async () => {
  const file = write({ "train.ts": "", cache: "" })
  await expect(ready(file)).rejects.toThrow(ModuleError)
  await expect(source!.ready()).rejects.toThrow(/no directory in .*slurm-flame: .*\n.*set XDG_CACHE_HOME/)
})

it("can be disposed of before anything was made", async () => {
  const file = write({ "train.ts": "" })
  source = new ModuleSource(pathToFileURL(file), undefined)
  await source.dispose()
  expect(source.name).toBe(basename(file, ".ts"))
})
