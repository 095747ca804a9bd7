/** Pools whose runners are simulated. */
import { fileURLToPath } from "node:url"
import { local } from "../../src/local/backend.ts"
import { FlamePool } from "../../src/parent/pool.ts"
import { checkPoolOptions, type PoolOptions } from "../../src/parent/pool-options.ts"
import { type Script, SimulatedRunner } from "./runner.ts"

/** The functions that a simulated runner has: one, whose answer is the script's business. */
export interface Api {
  f(...args: unknown[]): Promise<unknown>
}

/** A pool, and its runners in the order in which they were made. */
export function simulatedPool(
  options: Partial<PoolOptions>,
  script: Script,
): { pool: FlamePool<Api>; runners: SimulatedRunner[] } {
  const runners: SimulatedRunner[] = []
  const module = process.argv[1] ?? fileURLToPath(import.meta.url) // any file that exists: nobody loads it
  const checked = checkPoolOptions(
    { module, bundle: false, max: 1, logger: false, name: "simulated", ...options },
    { backend: () => local(), inRunner: false },
  )
  const pool = new FlamePool<Api>(checked, (identity, host) => {
    const runner = new SimulatedRunner(identity, host, checked.maxConcurrency, script)
    runners.push(runner)
    script.made?.(runner)
    return runner
  })
  return { pool, runners }
}
