/** What the tables of mistakes share: pools that are closed after each test, and directories in which nothing may be left. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createPool, type Pool, type PoolOptions, slurm } from "slurm-flame"
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest"

// Private directories: what is left in them was left by these tests, whatever else runs on this machine.
let scratch: string
/** A path in this run's own directory. */
export const at = (name: string) => join(scratch, name)
const fixture = (name: string) => new URL(`../../fixtures/modules/errors/${name}`, import.meta.url)
const pools = new Set<Pool<any>>()

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "flame-test-errors-"))
  for (const name of ["tmp", "cache", "empty"]) mkdirSync(at(name))
  writeFileSync(at("syntax.ts"), "export const a = 1\nexport function train(x: number {\n}\n")
  writeFileSync(at("imports-missing.ts"), "import { load } from './data.ts'\nexport const train = () => load()\n")
})
beforeEach(() => {
  vi.stubEnv("TMPDIR", at("tmp"))
  vi.stubEnv("XDG_CACHE_HOME", at("cache"))
})
afterEach(async () => {
  for (const pool of pools) await pool.close({ timeout: 0 })
  pools.clear()
  vi.unstubAllEnvs()
})
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true })
})

/** A pool of runners on this machine that is closed after the test. */
export function pool(module = "train.ts", options: Partial<PoolOptions> = {}): Pool<any> {
  const made = createPool<any>({ module: fixture(module), max: 1, logger: false, ...options })
  pools.add(made)
  return made
}

/** A pool whose runners would be jobs, were anything as it should be. */
export function slurmPool(host: string, options: Partial<PoolOptions> = {}): Pool<any> {
  vi.stubEnv("SLURM_FLAME_HOST", host)
  vi.stubEnv("PATH", at("empty"))
  return pool("train.ts", { backend: slurm(), ...options })
}

/** The call that most mistakes show in. */
export const train = (made: Pool<any>, ...args: unknown[]) => made.api.train(...args)

/** Loops over `stream`. */
export async function iterate(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) expect.fail("nothing can come")
}

/** One mistake and what must be said of it. */
export interface Row {
  /** The mistake. */
  mistake: string
  make(): unknown
  error: string
  code: string
  /** What the message says of the mistake. */
  says: RegExp
  /** What it says to do, in its hint. */
  todo: RegExp
  /** What the whole error shows beyond its message: where it happened, and its cause. */
  shows?: RegExp
}

// The name of an error's class, and its code.
export const NO_EXPORT = { error: "NoExportError", code: "ERR_FLAME_NO_EXPORT" }
export const MODULE = { error: "ModuleError", code: "ERR_FLAME_MODULE" }
export const OPTION = { error: "OptionError", code: "ERR_FLAME_OPTION" }
export const HOST = { error: "HostError", code: "ERR_FLAME_HOST" }
export const BOOT = { error: "BootError", code: "ERR_FLAME_BOOT" }
export const NOT_SERIALIZABLE = { error: "NotSerializableError", code: "ERR_FLAME_NOT_SERIALIZABLE" }
export const CLOSED = { error: "PoolClosedError", code: "ERR_FLAME_POOL_CLOSED" }
export const RELEASED = { error: "ReleasedError", code: "ERR_FLAME_RELEASED" }
export const ABORTED = { error: "CallAbortedError", code: "ERR_FLAME_CALL_ABORTED" }
/** In the stack of an error: the very line that made the mistake. */
export const HERE = /-rows\.ts:\d+/
