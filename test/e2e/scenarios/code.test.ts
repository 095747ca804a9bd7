/**
 * Scenarios 31-36 and 53: code reaches runners, and nothing but our own is ever deleted. The reference packs files and sends them; here
 * the module is one bundle on the shared file system, or the user's own file, so each number has its nearest behaviour.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createPool, type PoolOptions } from "../../../src/index.ts"
import { keep } from "../helpers.ts"

/** For modules that lie where no package is installed. */
const RUNNER = new URL("../../../dist/runner/index.js", import.meta.url).href

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "flame-code-"))
  vi.stubEnv("XDG_CACHE_HOME", join(dir, "cache"))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true, force: true })
})

interface Api {
  value(): Promise<unknown>
  file(): Promise<string>
  scratch(link: string): Promise<string>
}

/** Writes files below the test's directory; the first is the module of the pool. */
function poolOf(files: Record<string, string>, options: Partial<PoolOptions> = {}) {
  write(files)
  const module = join(dir, Object.keys(files)[0]!)
  return keep(createPool<Api>({ module, max: 1, logger: false, ...options }))
}

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
}

/** What lies in the directories of bundles. */
function bundles(): string[] {
  const root = join(dir, "cache", "slurm-flame")
  return existsSync(root) ? readdirSync(root).flatMap(name => readdirSync(join(root, name))) : []
}

const TS = {
  "train.ts": `import { half } from "./lib/half.ts"
export const value = (): number => half(8)`,
  "lib/half.ts": "export const half = (n: number): number => n / 2",
}

describe("code", () => {
  // The reference lists the files that go with the first sync: here they are all in the one file a runner loads.
  it("#31 #34 reaches the first runner whole: one bundle of the module and what it imports, made, found and loaded", async () => {
    const pool = poolOf(TS)
    // The bundle is all there is: the sources are gone before a runner boots.
    await vi.waitFor(() => expect(bundles()).toEqual(["train.mjs", "train.mjs.map"]), 10_000)
    rmSync(join(dir, "train.ts"))
    rmSync(join(dir, "lib"), { recursive: true })
    expect(await pool.api.value()).toBe(4)
  })

  // The reference ships a diff before each call. A pool here keeps to one version of its code: what changed is for the next pool, so
  // that no call meets another version than the one beside it.
  it("#32 #35 of a bundle is one version for the life of the pool, for runners that boot later as well; a new pool has the new one", async () => {
    const pool = poolOf(TS)
    const first = await pool.spawn()
    write({ "lib/half.ts": "export const half = (n: number): number => n * 100" })
    expect(await first.api.value()).toBe(4)
    await first.terminate()
    expect(await pool.api.value()).toBe(4) // a runner that booted after the change
    expect(await poolOf({ "train.ts": TS["train.ts"] }).api.value()).toBe(800)
  })

  it("#32 #35 that is not bundled is what lies there when a runner boots: off for JavaScript, and with bundle: false", async () => {
    for (const bundle of [undefined, false]) {
      const pool = poolOf({ "plain.mjs": "export const value = () => 1" }, bundle === undefined ? {} : { bundle })
      const first = await pool.spawn()
      expect(await first.api.value()).toBe(1)
      write({ "plain.mjs": "export const value = () => 2" })
      expect(await first.api.value()).toBe(1)
      await first.terminate()
      expect(await pool.api.value()).toBe(2)
    }
    expect(bundles()).toEqual([])
  })

  // The reference says which applications are started there; here, what is left out of the bundle is loaded where it is installed.
  it("#33 leaves out what `external` names: that is loaded from where the module finds it", async () => {
    const files = {
      "train.ts": `import { where } from "pkg"
export const value = (): string => where`,
      "node_modules/pkg/package.json": '{ "name": "pkg", "type": "module", "exports": "./main.js" }',
      "node_modules/pkg/main.js": "export const where = import.meta.url",
    }
    const pool = poolOf(files, { bundle: { external: ["pkg"] } })
    expect(await pool.api.value()).toBe(new URL(`file://${join(dir, "node_modules/pkg/main.js")}`).href)
  })

  it("#36 pool.close() takes the bundle away", async () => {
    const pool = poolOf(TS)
    await pool.api.value()
    expect(bundles()).not.toEqual([])
    await pool.close()
    expect(readdirSync(join(dir, "cache", "slurm-flame"))).toEqual([])
  })
})

describe("a runner's end", () => {
  // The reference deletes what it was told to extract into, by default "/". Here nobody names a directory: what goes is what was made.
  it.each([
    ["is let go", async (pool: { close(): Promise<void> }) => pool.close()],
    ["is told to end", async (_pool: unknown, supervisor: () => void) => supervisor()],
  ])(
    "#53 removes its own directory and nothing else when it %s: neither its neighbours nor what a link in it leads to",
    async (_how, end) => {
      const temp = join(dir, "tmp")
      write({ "tmp/foreign.txt": "mine", "tmp/slurm-flame-other-AbC123/data.txt": "mine", "data/set.txt": "mine" })
      const module = `import { symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runner } from ${JSON.stringify(RUNNER)}
export function scratch(target) {
  const { tmpdir } = runner()
  symlinkSync(target, join(tmpdir, "link"))
  writeFileSync(join(tmpdir, "own.txt"), "")
  return tmpdir
}
export const value = () => process.ppid`
      const pool = poolOf({ "scratch.mjs": module }, { env: { TMPDIR: temp } })
      const own = await pool.api.scratch(join(dir, "data"))
      expect(dirname(own)).toBe(temp)
      expect(readdirSync(own).toSorted()).toEqual([".slurm-flame", "link", "own.txt"])
      const supervisor = (await pool.api.value()) as number
      await end(pool, () => process.kill(supervisor, "SIGTERM"))
      await vi.waitFor(() => expect(existsSync(own)).toBe(false), 20_000)
      await pool.close()
      expect(readdirSync(temp).toSorted()).toEqual(["foreign.txt", "slurm-flame-other-AbC123"])
      for (const file of ["tmp/foreign.txt", "tmp/slurm-flame-other-AbC123/data.txt", "data/set.txt"]) {
        expect(readFileSync(join(dir, file), "utf8")).toBe("mine")
      }
    },
  )
})
