/** Pools whose runners have an end: where calls go that need time, what is booted and ended for them, what has no chance. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { local } from "../../src/local/backend.ts"
import { WalltimeError } from "../../src/shared/errors.ts"
import { Clock, turn } from "../property/clock.ts"
import { type Api, simulatedPool } from "../simulated/pool.ts"
import type { Received, SimulatedRunner } from "../simulated/runner.ts"

let clock: Clock
beforeEach(() => {
  clock = new Clock()
})
afterEach(() => clock.uninstall())

const MINUTE = 60_000

interface Play {
  /** How long each runner lives; undefined: without an end, and nobody says so before the test does. */
  limitMs?: number | ((serial: number) => number | undefined)
  /** Boots wait for the test. */
  slow?: boolean
}

/** A pool whose runners serve at once, live for so long, and answer when the test says so. */
function setUp(options: Parameters<typeof simulatedPool>[0], { limitMs = 10 * MINUTE, slow = false }: Play = {}) {
  const requests: Received[] = []
  const booting: SimulatedRunner[] = []
  const limitOf = typeof limitMs === "number" ? () => limitMs : limitMs
  const up = (runner: SimulatedRunner) => {
    const limit = limitOf(runner.serial)
    runner.time.set(limit === undefined ? undefined : Date.now() + limit, limit)
    runner.up()
  }
  const site = simulatedPool(
    { idleShutdownAfter: "infinity", ...options },
    {
      boot: runner => {
        if (slow) booting.push(runner)
        else queueMicrotask(() => up(runner))
      },
      received: request => void requests.push(request),
    },
  )
  const answer = async (request = requests.at(-1)!) => {
    request.waiter.resolve(request.args[0])
    request.waiter.done()
    await turn()
  }
  /** Where a call was sent that was made with this argument. */
  const at = (name: string) => requests.find(({ args }) => args[0] === name)?.target.runnerId
  const states = () => site.runners.map(({ state, retiring }) => (state === "ready" ? (retiring ?? "ready") : state))
  return { ...site, requests, booting, up, answer, at, states }
}

/** What is left of its work is given up. */
async function close(pool: { close(options: object): Promise<void> }): Promise<void> {
  const closing = pool.close({ timeout: 0 })
  await clock.advance(1_000)
  await closing
}

const errorOf = (promise: PromiseLike<unknown>) =>
  Promise.resolve(promise).then(
    () => undefined,
    (error: unknown) => error,
  )

describe("a call that needs time", () => {
  it.each<[string, (pool: ReturnType<typeof setUp>["pool"]) => unknown]>([
    ["with", pool => pool.with({ needs: "8m" }).f("long")],
    ["call", pool => pool.call(api => api.f("long"), { needs: "8m" })],
    ["cast", pool => pool.cast(api => api.f("long"), { needs: "8m" })],
    ["place", pool => pool.place(api => api.f("long") as never, { needs: "8m" }).catch(() => {})],
    ["map", pool => pool.map(["long"], (api: Api, x: unknown) => api.f(x), { needs: "8m" }).then(x => x)],
    ["spawn", async pool => (await pool.spawn({ needs: "8m" })).api.f("long")],
  ])(
    "through %s: a runner is booted for it, although one that has too little time left is idle",
    async (_how, make) => {
      const { pool, runners, answer, at } = setUp({ max: 2 })
      const first = pool.api.f("short")
      await turn()
      await answer()
      await first
      await clock.advance(3 * MINUTE)
      const made = Promise.resolve(make(pool)).catch(() => {})
      await turn()
      await turn()
      expect(at("long")).toBe(runners[1]!.id)
      expect(pool.stats()).toMatchObject({ queued: 0 })
      await close(pool)
      await made
    },
  )

  it("keeps nobody else waiting, is counted among those that wait, and a runner that boots is for it", async () => {
    const { pool, runners, booting, up, answer, at } = setUp({ max: 2 }, { slow: true })
    const first = pool.api.f("short")
    await turn()
    up(booting[0]!)
    await turn()
    await answer()
    await first
    await clock.advance(3 * MINUTE)
    const long = pool.with({ needs: "8m" }).f("long")
    await turn()
    expect([runners.length, pool.stats().queued]).toEqual([2, 1])
    const next = pool.api.f("next")
    await turn()
    await answer()
    expect(await next).toBe("next")
    await clock.advance(MINUTE)
    expect(runners).toHaveLength(2)
    up(booting[1]!)
    await turn()
    expect(at("long")).toBe(runners[1]!.id)
    await answer()
    expect(await long).toBe("long")
    await close(pool)
  })

  it("is given a runner without an end, and one whose end was put off", async () => {
    const { pool, runners, at } = setUp({ max: 1 }, { limitMs: serial => (serial === 1 ? undefined : MINUTE) })
    void errorOf(pool.with({ needs: "10h" }).f("long"))
    await turn()
    expect(at("long")).toBe(runners[0]!.id)
    await close(pool)

    const other = setUp({ max: 1 }, { limitMs: 10 * MINUTE })
    const first = other.pool.spawn()
    await turn()
    const lease = await first
    await clock.advance(9 * MINUTE)
    void errorOf(other.pool.with({ needs: "5m" }).f("long"))
    other.runners[0]!.time.set(Date.now() + 11 * MINUTE)
    await lease.release()
    await turn()
    expect(other.at("long")).toBe(other.runners[0]!.id)
    await close(other.pool)
  })

  it("waits until it is known when a runner ends that serves already; what needs nothing does not", async () => {
    const { pool, runners, booting, at, answer, states } = setUp({ max: 1 }, { slow: true })
    void errorOf(pool.with({ needs: "8m" }).f("long"))
    const plain = pool.api.f("plain")
    await turn()
    booting[0]!.vague = true
    booting[0]!.up()
    await turn()
    expect([at("long"), at("plain")]).toEqual([undefined, runners[0]!.id])
    await answer()
    await plain
    await clock.advance(5_000)
    expect([at("long"), states()]).toEqual([undefined, ["ready"]])
    runners[0]!.time.set(Date.now() + 10 * MINUTE)
    await turn()
    expect(at("long")).toBe(runners[0]!.id)
    await close(pool)
  })
})

describe("at max", () => {
  it("a runner that is idle and has too little time left makes room: the one that ends first, and one at a time", async () => {
    const { pool, runners, answer, at, states, requests } = setUp({ max: 3, min: 3 })
    await pool.ready()
    runners[1]!.time.set(Date.now() + 5 * MINUTE)
    await clock.advance(3 * MINUTE)
    const drains: unknown[] = []
    pool.on("runner:drain", ({ id, drainReason }) => drains.push([id, drainReason]))
    const long = pool.with({ needs: "8m" }).f("long")
    expect(states()).toEqual(["ready", "draining", "ready"])
    expect(drains).toEqual([[runners[1]!.id, "walltime"]])
    await turn()
    await turn()
    expect(at("long")).toBe(runners[3]!.id)
    expect(states()).toEqual(["ready", "gone", "ready", "ready"])
    await answer(requests[0])
    expect(await long).toBe("long")
    await close(pool)
  })

  it("one that works is let go when its work is done, where none has the time", async () => {
    const { pool, runners, answer, at, states, requests } = setUp({ max: 2 })
    const work = [pool.api.f("a"), pool.api.f("b")]
    await turn()
    runners[1]!.time.set(Date.now() + 5 * MINUTE)
    await clock.advance(3 * MINUTE)
    const long = pool.with({ needs: "8m" }).f("long")
    expect(states()).toEqual(["ready", "walltime"])
    await answer(requests[1])
    await turn()
    expect(at("long")).toBe(runners[2]!.id)
    await answer(requests[2])
    await answer(requests[0])
    await Promise.all([...work, long])
    await close(pool)
  })

  it("none makes room while one that works has the time: until it has not any more", async () => {
    const { pool, runners, answer, at, states, requests } = setUp({ max: 1 })
    const work = pool.api.f("a")
    await turn()
    const long = pool.with({ needs: "8m" }).f("long")
    expect(states()).toEqual(["ready"])
    await clock.advance(3 * MINUTE) // nothing happens but that
    expect(states()).toEqual(["walltime"])
    await answer(requests[0])
    await turn()
    expect(at("long")).toBe(runners[1]!.id)
    await answer(requests[1])
    await Promise.all([work, long])
    await close(pool)
  })

  it("a runner with a lease stays", async () => {
    const { pool, runners, at, states } = setUp({ max: 1 })
    const spawned = pool.spawn()
    await turn()
    const lease = await spawned
    await clock.advance(3 * MINUTE)
    void errorOf(pool.with({ needs: "8m" }).f("long"))
    await clock.advance(3 * MINUTE)
    expect(states()).toEqual(["ready"])
    await lease.release()
    await turn()
    await turn()
    expect(at("long")).toBe(runners[1]!.id)
    await close(pool)
  })

  it("who waits for the home of its key goes elsewhere when that has not the time any more", async () => {
    const { pool, runners, at } = setUp({ max: 2 })
    const a = pool.with({ key: "k" }).f("a")
    await turn()
    const b = errorOf(pool.with({ key: "k", needs: "8m" }).f("b"))
    await turn()
    expect([runners.length, at("b"), pool.stats().queued]).toEqual([1, undefined, 1])
    await clock.advance(3 * MINUTE)
    expect(at("b")).toBe(runners[1]!.id)
    void errorOf(a)
    await close(pool)
    await b
  })
})

describe("a call that needs more than a runner has", () => {
  it("is refused at once where the limit is known before, with the time that is missing", async () => {
    const { pool, runners } = setUp({ max: 1, backend: local({ walltime: "10m" }) })
    const error = await errorOf(pool.with({ needs: "25m" }).f("long"))
    expect(error).toBeInstanceOf(WalltimeError)
    expect((error as Error).message).toMatch(/^f needs 25m, .* limit of its jobs is 10m.* 15m2s too long\n.*hint/)
    expect(await errorOf(pool.spawn({ needs: "25m" }))).toMatchObject({
      code: "ERR_FLAME_WALLTIME",
      needsMs: 25 * MINUTE,
    })
    expect(await errorOf(pool.call(api => api.f(), { needs: "25m" }))).toBeInstanceOf(WalltimeError)
    const settled = await pool.map([1], (api: Api) => api.f(), { needs: "25m", onError: "settle" })
    expect(settled).toMatchObject([{ status: "rejected", reason: { code: "ERR_FLAME_WALLTIME" } }])
    expect([runners.length, pool.stats().queued]).toEqual([0, 0])
    await close(pool)
  })

  it("is refused when the first runner serves, where only that tells; who came later hears it at once", async () => {
    const { pool, runners } = setUp({ max: 3 })
    const all = [errorOf(pool.with({ needs: "25m" }).f("long")), errorOf(pool.spawn({ needs: "25m" }))]
    expect(await Promise.all(all)).toMatchObject([{ code: "ERR_FLAME_WALLTIME" }, { code: "ERR_FLAME_WALLTIME" }])
    expect(runners).toHaveLength(2)
    expect(await errorOf(pool.with({ needs: "25m" }).f("long"))).toBeInstanceOf(WalltimeError)
    await close(pool)
  })

  it("boots only so many that turn out too short as are remembered", async () => {
    const { pool, runners } = setUp({ max: 1 }, { limitMs: serial => (serial === 1 ? 10 : 5) * MINUTE })
    await Promise.all([errorOf(pool.with({ needs: "8m" }).f("first")), turn().then(() => runners[0]!.end("node-fail"))])
    await clock.advance(5_000)
    const late = errorOf(pool.with({ needs: "8m" }).f("late"))
    let error: unknown
    void late.then(e => {
      error = e
    })
    for (let i = 0; i < 60 && !error; i++) await clock.advance(1_000)
    expect(error).toBeInstanceOf(WalltimeError)
    expect(runners.length).toBeLessThan(7)
    await close(pool)
  })

  it("runs where nothing is said of what it needs, and on a lease nothing may be said", async () => {
    const { pool, answer } = setUp({ max: 1, backend: local({ walltime: "10m" }) })
    const call = pool.with({ needs: 0 }).f("x")
    await turn()
    await answer()
    expect(await call).toBe("x")
    const lease = await pool.spawn()
    expect(() => lease.with({ needs: "1m" })).toThrow(/`needs` means nothing here: a lease is one runner already/)
    expect(() => pool.with({ needs: "soon" as never })).toThrow(/`needs` is not a duration/)
    expect(() => pool.with({ needs: Number.POSITIVE_INFINITY })).toThrow(/`needs`/)
    await close(pool)
  })
})

describe("what is learned", () => {
  /** Calls of `f` that took so long, one after the other. */
  async function teach({ pool, answer }: ReturnType<typeof setUp>, n: number, ms: number) {
    for (let i = 0; i < n; i++) {
      const call = pool.api.f(`lesson ${i}`)
      await turn()
      await turn()
      await clock.advance(ms)
      await answer()
      await call
    }
  }

  it("sends a call to a runner that has the time, once enough have succeeded", async () => {
    const site = setUp({ max: 2 }, { limitMs: 60 * MINUTE })
    await teach(site, 19, 2 * MINUTE)
    const { pool, runners, at, answer } = site
    await clock.advance(20 * MINUTE)
    const plain = pool.api.f("with 2 minutes left") // 19 samples are not enough
    await turn()
    expect(at("with 2 minutes left")).toBe(runners[0]!.id)
    await clock.advance(100_000)
    await answer()
    await plain
    const next = pool.api.f("next")
    await turn()
    await turn()
    expect(at("next")).toBe(runners[1]!.id)
    await answer()
    await next
    await close(pool)
  })

  it("refuses nothing, and keeps nobody waiting for more than a new runner has", async () => {
    const site = setUp({ max: 1 }, { limitMs: serial => (serial === 1 ? 600 : 10) * MINUTE })
    await teach(site, 20, 20 * MINUTE)
    const { pool, runners, at, answer } = site
    await clock.advance(195 * MINUTE)
    const next = pool.api.f("next")
    for (let i = 0; i < 5; i++) await turn()
    expect(at("next")).toBe(runners[1]!.id)
    expect(runners).toHaveLength(2)
    await answer()
    expect(await next).toBe("next")
    await close(pool)
  })

  it.each<[string, Parameters<typeof setUp>[0], Play]>([
    ["with learnNeeds: false", { max: 2, learnNeeds: false }, { limitMs: 60 * MINUTE }],
    ["where runners have no end", { max: 2 }, { limitMs: () => undefined }],
  ])("is nothing %s", async (_when, options, play) => {
    const site = setUp(options, play)
    await teach(site, 25, 2 * MINUTE)
    const { pool, runners, at } = site
    await clock.advance(9 * MINUTE)
    void errorOf(pool.api.f("next"))
    await turn()
    expect(at("next")).toBe(runners[0]!.id)
    await close(pool)
  })
})
