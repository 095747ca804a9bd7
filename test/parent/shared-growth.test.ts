/** A pool whose runners share jobs: how many it boots, and in what company those that were lost are replaced. */
import { describe, expect, it, vi } from "vitest"
import { local } from "../../src/local/backend.ts"
import type { PoolOptions } from "../../src/parent/pool-options.ts"
import { simulatedPool } from "../simulated/pool.ts"
import type { SimulatedRunner } from "../simulated/runner.ts"

/** A pool with four runners to a job; they come up at once. `turns` has the numbers of runners that were made in one turn. */
function setUp(options: Partial<PoolOptions>) {
  const turns: number[] = []
  let inTurn = 0
  const made = () => {
    if (inTurn++ === 0)
      queueMicrotask(() => {
        turns.push(inTurn)
        inTurn = 0
      })
  }
  const backend = Object.assign(local(), { runnersPerJob: 4 })
  const script = { boot: (runner: SimulatedRunner) => runner.up(), received: () => {}, made }
  const simulated = simulatedPool({ backend, ...options }, script)
  return { ...simulated, turns }
}

/** `check` holds, now or soon. */
const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 })

describe("runners that share jobs", () => {
  it.each([
    ["one call brings a whole job", { max: 8 }, 1, [4]],
    ["no more jobs than are needed", { max: 12 }, 6, [8]],
    ["as far as max allows", { max: 6 }, 5, [6]],
    ["a pool that is smaller than a job", { max: 3 }, 1, [3]],
  ])("%s", async (_, options, calls, expected) => {
    const { pool, turns } = setUp(options)
    const all = Array.from({ length: calls }, () => pool.api.f().catch(() => undefined))
    await soon(() => expect(pool.stats().runners.map(({ state }) => state)).not.toContain("submitted"))
    expect(turns).toEqual(expected)
    await pool.close({ timeout: 0 })
    await Promise.all(all)
  })

  it("`min` is rounded up as well, and kept", async () => {
    const { pool, turns } = setUp({ min: 1, max: 8 })
    await pool.ready()
    expect(pool.stats().runners).toHaveLength(4)
    expect(turns).toEqual([4])
    await pool.close()
  })

  it("those of a lost job are replaced by one job, although they are lost one after the other", async () => {
    const { pool, runners, turns } = setUp({ min: 4, max: 4 })
    await pool.ready()
    for (const runner of [...runners]) {
      runner.end("cancelled")
      await new Promise(setImmediate)
    }
    await soon(() => expect(pool.stats().runners).toHaveLength(4))
    expect(turns).toEqual([4, 4])
    await pool.close()
  })

  it("one that is lost alone is replaced alone where there is room for no more", async () => {
    const { pool, runners, turns } = setUp({ min: 4, max: 4 })
    await pool.ready()
    runners[2]!.end("crashed")
    await soon(() => expect(pool.stats().runners).toHaveLength(4))
    expect(turns).toEqual([4, 1])
    await pool.close()
  })
})
