/** A pool's own rules, over simulated runners: orders of events that real ones show only by chance. */
import { describe, expect, it } from "vitest"
import { type Api, simulatedPool } from "../simulated/pool.ts"
import type { Received, SimulatedRunner } from "../simulated/runner.ts"

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Runners that boot and answer when the test says so. */
function setUp(options: Parameters<typeof simulatedPool>[0]) {
  const requests: Received[] = []
  const booting: SimulatedRunner[] = []
  const site = simulatedPool(options, {
    boot: runner => void booting.push(runner),
    received: request => void requests.push(request),
  })
  return { ...site, requests, booting }
}

describe("a listener that hears of a new runner", () => {
  it("may scale down: no more are booted than there may be now", async () => {
    const { pool, runners } = setUp({ max: 4 })
    pool.on("grow", () => pool.scale({ min: 0, max: 1 }))
    pool.scale({ min: 3 })
    await turn()
    expect(runners).toHaveLength(1)
    await pool.close({ timeout: 0 })
  })

  it("may make that runner one too many: it is not booted", async () => {
    const booted: string[] = []
    const { pool, runners } = setUp({
      max: 2,
      onGrowStart: ({ runnerId }) => void booted.push(runnerId),
    })
    const calls = Promise.allSettled(["a", "b"].map(x => pool.api.f(x)))
    pool.on("grow", () => pool.scale({ max: 1 }))
    pool.scale({ max: 3 })
    const more = Promise.allSettled([pool.api.f("c")])
    await turn()
    const [gone] = runners.filter(runner => runner.state === "gone").slice(-1)
    expect(gone).toBeDefined()
    expect(booted).not.toContain(runners.at(-1)!.id)
    await pool.close({ timeout: 0 })
    await calls
    await more
  })
})

describe("a runner that is gone", () => {
  it("is in no snapshot, also while its calls are given to another", async () => {
    const { pool, booting, runners } = setUp({ max: 1 })
    const call = pool.with({ retries: 1 }).f("x")
    await turn()
    booting[0]!.up()
    await turn()
    const seen: number[] = []
    pool.on("grow", () => seen.push(pool.stats().runners.length))
    runners[0]!.end("node-fail")
    expect(seen).toEqual([1])
    expect(pool.stats()).toMatchObject({ inFlight: 0, queued: 1 })
    // It has begun: that the pool is closed would say that it has not.
    const lost = expect(call).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", started: true })
    await pool.close({ timeout: 0 })
    await lost
  })
})

describe("calls one after the other", () => {
  it.each(["api", "call", "map"])(
    "are served by one runner, with pool.%s: who hears of a result finds the slot free",
    async how => {
      const { pool, booting, requests, runners } = setUp({ max: 5 })
      const made: Promise<unknown>[] = []
      const one = (n: number) => (how === "api" ? pool.api.f(n) : pool.call(api => api.f(n)))
      const row = async () => {
        if (how === "map") await pool.map([1, 2, 3], (api: Api, n: number) => api.f(n), { concurrency: 1 })
        else for (const n of [1, 2, 3]) await one(n)
      }
      made.push(row())
      await turn()
      booting[0]!.up()
      for (const n of [1, 2, 3]) {
        await turn()
        const { waiter } = requests[n - 1]!
        waiter.resolve(n)
        waiter.done()
      }
      await Promise.all(made)
      expect(runners).toHaveLength(1)
      await pool.close()
    },
  )
})

it("what an iterator's step throws when it is looked at fails the map, and nothing else", async () => {
  const { pool } = setUp({ max: 1 })
  const step = {
    done: false,
    get value(): number {
      throw new Error("looked at")
    },
  }
  const items = { [Symbol.asyncIterator]: () => ({ next: async () => step }) }
  await expect(pool.map(items, () => 1)).rejects.toThrow("looked at")
  await pool.close()
})

it("a function that fails by itself and is run again lets the process breathe", async () => {
  const { pool, booting } = setUp({ max: 1 })
  let runs = 0
  let beats = 0
  const timer = setInterval(() => beats++, 0)
  const call = pool.call(
    async () => {
      runs += 1
      throw Object.assign(new Error("again"), { code: "AGAIN" })
    },
    { retries: { times: 1e9, on: ["AGAIN"] }, timeout: "100ms" },
  )
  const ended = expect(call).rejects.toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT" })
  await turn()
  booting[0]!.up()
  await ended
  clearInterval(timer)
  expect([runs > 1, beats > 1]).toEqual([true, true])
  await pool.close()
})

describe("close()", () => {
  it("lets a function that lost its runner be run again, as was declared, while there is time", async () => {
    const { pool, booting, requests, runners } = setUp({ max: 1 })
    const call = pool.call(api => api.f("x"), { retries: 1 })
    await turn()
    booting[0]!.up()
    await turn()
    const closed = pool.close({ timeout: "5s" })
    runners[0]!.end("node-fail")
    await turn()
    expect(booting).toHaveLength(2)
    booting[1]!.up()
    await turn()
    const { waiter } = requests[1]!
    waiter.resolve("done")
    waiter.done()
    expect(await call).toBe("done")
    await closed
  })

  it("fails calls that wait for the runner of their key when the time is over", async () => {
    const { pool, booting, runners } = setUp({ max: 1 })
    const calls = [1, 2].map(n => pool.with({ key: "k" }).f(n))
    await turn()
    booting[0]!.up()
    await turn()
    const results = Promise.allSettled(calls)
    const closed = pool.close({ timeout: 0 })
    expect(await results).toMatchObject([
      { reason: { code: "ERR_FLAME_RUNNER_LOST" } },
      { reason: { code: "ERR_FLAME_POOL_CLOSED" } },
    ])
    await closed
    expect(runners).toHaveLength(1)
  })
})
