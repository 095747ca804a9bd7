/** What the end-to-end tests share: pools that are closed whatever happens, and a look at what is left behind. */
import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { afterEach, expect } from "vitest"
import { createPool, type Pool, type PoolOptions } from "../../src/index.ts"
import type * as basic from "../fixtures/modules/basic.ts"
import type * as resources from "../fixtures/modules/resources.ts"

export type Basic = typeof basic
export type Resources = typeof resources

const open = new Set<Pool<unknown>>()

afterEach(async () => {
  for (const pool of open) await pool.close({ timeout: 0 })
  open.clear()
})

/** A pool of the basic module that is closed after the test. */
export function basicPool(options: Partial<PoolOptions> = {}): Pool<Basic> {
  return keep(
    createPool<Basic>({
      module: new URL("../fixtures/modules/basic.ts", import.meta.url),
      max: 1,
      logger: false,
      ...options,
    }),
  )
}

/** A pool of one runner with the module resources.ts, closed after the test. */
export function resourcePool(options: Partial<PoolOptions> = {}): Pool<Resources> {
  const module = new URL("../fixtures/modules/resources.ts", import.meta.url)
  return keep(createPool<Resources>({ module, max: 1, logger: false, ...options }))
}

/** What it rejects with; undefined if it does not. */
export const thrownBy = (promise: PromiseLike<unknown>) =>
  Promise.resolve(promise).then(
    () => undefined,
    (error: any) => error,
  )

/** Closes `pool` after the test. */
export function keep<T>(pool: Pool<T>): Pool<T> {
  open.add(pool as Pool<unknown>)
  return pool
}

/** The next event of a kind. */
export function once<E extends Parameters<Pool<unknown>["on"]>[0]>(pool: Pool<any>, event: E): Promise<any> {
  return new Promise(resolve => {
    const off = pool.on(event, value => {
      off()
      resolve(value)
    })
  })
}

/** A promise and the function that resolves it: to be told that remote code has come so far. */
export function told<T = void>(): { promise: Promise<T>; tell: (value?: T) => Promise<void> } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(r => {
    resolve = r
  })
  return { promise, tell: async value => resolve(value as T) }
}

/** Temporary directories of runners, on this machine. */
export function runnerDirs(): string[] {
  return readdirSync(tmpdir()).filter(name => name.startsWith("slurm-flame-basic-"))
}

/** True while the process exists (a zombie does not). */
export function isAlive(pid: number): boolean {
  try {
    return !/^[ZX]/.test(execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).trim())
  } catch {
    return false // ps exits with 1 when there is no such process
  }
}

/** Waits for something that has no event: another process's end. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const until = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > until) expect.fail(`not within 20 s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
