/** When runners that have nothing to do are ended. The numbers are those of FLAME's scenarios. */
import { describe, expect, it } from "vitest"
import type { RunnerInfo } from "../../../src/index.ts"
import { basicPool, once } from "../helpers.ts"
import { heard, hold } from "./work.ts"

describe("an idle runner", () => {
  it("#23 beyond min is ended; the one of min stays", async () => {
    const idleShutdownAfter = 300
    const pool = basicPool({ min: 1, max: 2, idleShutdownAfter })
    const downs = heard(pool, "runner:down")
    const both = await hold(pool.api, 2)
    const ids = pool.stats().runners.map(({ id }) => id)
    expect(ids).toHaveLength(2)
    const down = once(pool, "runner:down")
    await Promise.all(both.map(({ finish }) => finish())) // from now on both have nothing to do
    const { id, goneReason } = await down
    expect(goneReason).toBe("idle")
    expect(ids).toContain(id)
    // The clock is a pool with the same patience and no min: its runner comes and goes, and this one stays.
    const clock = basicPool({ idleShutdownAfter })
    for (let round = 0; round < 2; round++) {
      const over = once(clock, "runner:down")
      await clock.api.add(1, 1)
      expect(await over).toMatchObject({ goneReason: "idle" })
    }
    expect(downs).toHaveLength(1)
    const [left, ...more] = pool.stats().runners
    expect(left).toMatchObject({ id: ids.find(other => other !== id), state: "ready" })
    expect(more).toEqual([])
  })

  it("#24 that nobody ever called is ended after the time; a call begins the time anew", async () => {
    // A runner that is there without a call is one of min, which has a time of its own.
    const unused = basicPool({ min: 1, minIdleShutdownAfter: 100 })
    const down = once(unused, "runner:down")
    expect(await down).toMatchObject({ goneReason: "idle" })

    const used = basicPool({ min: 1, minIdleShutdownAfter: 1_500 })
    const over = once(used, "runner:down")
    await used.ready()
    const since = performance.now()
    await used.api.nap(1_000)
    expect(await over).toMatchObject({ goneReason: "idle" })
    expect(performance.now() - since).toBeGreaterThan(2_490) // it began when the call was over
  })

  it("#25 stays as long as the user says no, which is asked each time the time is over, and goes on a yes", async () => {
    const asked: { at: number; runner: RunnerInfo }[] = []
    const after = 100
    const when = (runner: RunnerInfo) => asked.push({ at: performance.now(), runner }) === 4
    const pool = basicPool({ idleShutdownAfter: { after, when } })
    const down = once(pool, "runner:down")
    const { id } = await pool.api.where()
    const since = performance.now()
    expect(await down).toMatchObject({ id, goneReason: "idle" })
    // It was up, with nothing to do, at each of the four times: the last of them is more than twice the time later.
    expect(asked.map(({ runner }) => runner)).toMatchObject(Array(4).fill({ id, state: "ready", inFlight: 0 }))
    for (const [i, { at }] of asked.entries()) expect(at - since).toBeGreaterThan((i + 1) * after - 10)
  })

  it("#25 goes at the first yes", async () => {
    const asked: string[] = []
    const when = async ({ id }: RunnerInfo) => asked.push(id) > 0
    const pool = basicPool({ idleShutdownAfter: { after: 100, when } })
    const down = once(pool, "runner:down")
    const { id } = await pool.api.where()
    expect(await down).toMatchObject({ id, goneReason: "idle" })
    expect(asked).toEqual([id])
  })
})
