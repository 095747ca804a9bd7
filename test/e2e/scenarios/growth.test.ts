/** When runners are booted, and for whom. The numbers are those of FLAME's scenarios. */
import { describe, expect, it } from "vitest"
import type { GrowEnd } from "../../../src/parent/grow-hooks.ts"
import { basicPool, once, told } from "../helpers.ts"
import { heard, hold, thrownBy, work } from "./work.ts"

const idsOf = (runners: readonly { id: string }[]) => runners.map(({ id }) => id)

describe("growth", () => {
  it("#1 min runners are there before the first call, and no others; a call returns its value", async () => {
    const pool = basicPool({ min: 1, max: 2, maxConcurrency: 2 })
    await pool.ready()
    const { runners } = pool.stats()
    expect(runners).toMatchObject([{ state: "ready", inFlight: 0 }])
    expect(await pool.api.add(1, 2)).toBe(3)
    expect(idsOf(pool.stats().runners)).toEqual(idsOf(runners))
  })

  it("#2 a call beside a long one runs on the same runner while that has a slot", async () => {
    const pool = basicPool({ min: 1, max: 2, maxConcurrency: 2 })
    const grown = heard(pool, "grow")
    await hold(pool.api, 1)
    const { id } = await pool.api.where()
    expect(pool.stats().runners).toMatchObject([{ id, inFlight: 1 }])
    expect(grown).toEqual([]) // the first one was under way when this began to listen
  })

  it("#3 a call that finds all slots taken boots a second runner, and runs there", async () => {
    const pool = basicPool({ min: 1, max: 2, maxConcurrency: 2 })
    await hold(pool.api, 2)
    const { runners } = pool.stats()
    expect(runners).toMatchObject([{ inFlight: 2 }])
    const { id } = await pool.api.where()
    expect(idsOf(pool.stats().runners)).toEqual([...idsOf(runners), id])
  })

  it("#4 at max, who will not wait is told so and disturbs nobody; who waits is served", async () => {
    const pool = basicPool({ min: 1, max: 2, maxConcurrency: 2 })
    const held = await hold(pool.api, 4)
    const { runners } = pool.stats()
    expect(runners).toMatchObject([{ inFlight: 2 }, { inFlight: 2 }])
    expect(await thrownBy(pool.with({ timeout: 100 }).add(1, 1))).toMatchObject({
      code: "ERR_FLAME_CALL_TIMEOUT",
      timeoutMs: 100,
      started: false,
      retryable: true,
    })
    expect(pool.stats()).toMatchObject({ queued: 0, inFlight: 4 })
    const waiting = pool.api.add(1, 2)
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 4 })
    await held[0]!.finish()
    expect(await waiting).toBe(3)
    await Promise.all(held.map(({ finish }) => finish()))
    expect(idsOf(pool.stats().runners)).toEqual(idsOf(runners))
  })

  it("#5 two first calls at once run side by side on the one runner that is booted for them", async () => {
    const pool = basicPool({ max: 1, maxConcurrency: 2 })
    const grown = heard(pool, "grow")
    const both = await hold(pool.api, 2) // neither would begin if it waited for the other
    expect(pool.stats().runners).toMatchObject([{ inFlight: 2 }])
    await Promise.all(both.map(({ finish }) => finish()))
    expect(grown).toHaveLength(1)
  })

  it("#6 three casts on two runners: they begin in order, and no third runner is asked for", async () => {
    const starts: number[] = []
    const pool = basicPool({ max: 2, onGrowStart: ({ count }) => void starts.push(count) })
    const ups = heard(pool, "runner:up")
    const errors = heard(pool, "error")
    const began: { n: number; id: string }[] = []
    const casts = [1, 2, 3].map(n => {
      const run = { started: told(), done: told(), over: told() }
      pool.cast(async api => {
        const { id } = await api.where()
        began.push({ n, id })
        await run.started.tell()
        await run.done.promise
        await run.over.tell()
      })
      return run
    })
    expect(pool.stats()).toMatchObject({ queued: 3, inFlight: 0 })
    await Promise.all(casts.slice(0, 2).map(({ started }) => started.promise))
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 2 })
    // Which of two processes answers first is theirs; the one that served first was given the first cast.
    const byCast = [...began].sort((a, b) => a.n - b.n)
    expect(byCast).toEqual(ups.map(({ id }, i) => ({ n: i + 1, id })))
    void casts[1]!.done.tell()
    await casts[2]!.started.promise
    expect(began.at(-1)).toEqual({ n: 3, id: byCast[1]!.id }) // in the slot that became free
    for (const { done } of casts) void done.tell()
    await Promise.all(casts.map(({ over }) => over.promise))
    await pool.close()
    expect(starts).toEqual([1, 2])
    expect(errors).toEqual([])
  })

  it("#7 an onGrowStart that throws fails that boot alone: what waits for it runs on the next", async () => {
    const starts: number[] = []
    const ends: GrowEnd[] = []
    const ended = told()
    const pool = basicPool({
      min: 1,
      max: 2,
      onGrowStart: ({ count }) => {
        starts.push(count)
        if (starts.length === 2) throw new Error("no quota today")
      },
      onGrowEnd: event => {
        ends.push(event)
        if (event.error) void ended.tell()
      },
    })
    const failed = once(pool, "error")
    const [long] = await hold(pool.api, 1)
    const ran: string[] = []
    const queued = work(pool.api)
    void queued.started.then(() => ran.push("queued"))
    await ended.promise
    expect(await failed).toMatchObject({ message: "no quota today" })
    expect(ends).toMatchObject([{ count: 1 }, { count: 1, error: { message: "no quota today" } }])
    expect(ran).toEqual([])
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 1 })
    await queued.started // with the first slot taken all the time
    expect(ends).toHaveLength(3)
    expect(ends[2]).toMatchObject({ count: 2, error: undefined })
    expect(starts).toEqual([1, 2, 2])
    expect(pool.stats()).toMatchObject({ queued: 0, runners: [{ inFlight: 1 }, { inFlight: 1 }] })
    await Promise.all([long!.finish(), queued.finish()])
  })

  it("#43 single use, four calls at once, max 1: each has a runner of its own, one after the other", async () => {
    // With more slots than one as well: a runner for one call serves one.
    const pool = basicPool({ max: 1, maxConcurrency: 4, singleUse: true })
    const starts = heard(pool, "grow")
    const downs = heard(pool, "runner:down")
    const places = await Promise.all([1, 2, 3, 4].map(() => pool.api.where()))
    expect(new Set(idsOf(places)).size).toBe(4)
    expect(new Set(places.map(({ ppid }) => ppid)).size).toBe(4)
    await pool.close()
    expect(starts.map(({ count }) => count)).toEqual([1, 1, 1, 1])
    expect(downs.map(({ goneReason }) => goneReason)).toEqual(Array(4).fill("single-use"))
    expect(idsOf(downs)).toEqual(idsOf(places))
  })

  it("#45 a runner of min that is lost is replaced, although nobody calls", async () => {
    const pool = basicPool({ min: 1, max: 2, heartbeat: "5m", orphanTimeout: "10m" })
    const first = await pool.api.where()
    const up = once(pool, "runner:up")
    const down = once(pool, "runner:down")
    process.kill(first.ppid, "SIGKILL")
    expect(await down).toMatchObject({ id: first.id, evidence: { signal: "SIGKILL" } })
    const { id } = await up
    expect(id).not.toBe(first.id)
    expect(idsOf(pool.stats().runners)).toEqual([id])
    await pool.ready()
    expect((await pool.api.where()).id).toBe(id)
  })

  it("#50 callbacks that throw are told as errors and change nothing", async () => {
    const ends: unknown[] = []
    const pool = basicPool({
      idleShutdownAfter: 50,
      onGrowEnd: ({ runnerId }) => {
        ends.push(runnerId)
        throw new Error("thrown by onGrowEnd")
      },
      onShrink: async ({ runnerId }) => {
        ends.push(runnerId)
        throw new Error("rejected by onShrink")
      },
    })
    const errors = heard(pool, "error")
    const down = once(pool, "runner:down")
    const { id } = await pool.api.where()
    expect(await down).toMatchObject({ id, goneReason: "idle" })
    const next = await pool.api.where()
    expect(next.id).not.toBe(id)
    await pool.close()
    expect(ends).toEqual([id, id, next.id, next.id])
    const texts = ["thrown by onGrowEnd", "rejected by onShrink"]
    expect(errors.map(({ message }) => message)).toEqual([...texts, ...texts])
  })
})
