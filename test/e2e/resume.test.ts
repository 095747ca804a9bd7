/** Work that goes on: on runners that end too soon, are killed, or let it go. */
import { describe, expect, it } from "vitest"
import { type CallResumed, createPool, local, type Pool, type PoolOptions } from "../../src/index.ts"
import type * as resume from "../fixtures/modules/resume.ts"
import { eventually, isAlive, keep, once, thrownBy } from "./helpers.ts"

type Resume = typeof resume
type Seen = resume.Seen

const ENDINGS: readonly resume.Ending[] = ["throw", "wrap", "never", "handler", "block"]

function resumePool(options: Partial<PoolOptions> = {}): Pool<Resume> {
  const module = new URL("../fixtures/modules/resume.ts", import.meta.url)
  return keep(createPool<Resume>({ module, max: 1, logger: false, ...options }))
}

function resumed(pool: Pool<Resume>): CallResumed[] {
  const events: CallResumed[] = []
  pool.on("call:resumed", event => events.push(event))
  return events
}

const digestOf = (to: number): number[] => {
  const digest = new Uint32Array(8)
  for (let n = 1; n <= to; n++) {
    for (let i = 0; i < digest.length; i++) digest[i] = (Math.imul(digest[i]!, 31) + n + i) >>> 0
  }
  return [...digest]
}

describe("a resumable call on jobs that are too short for it", () => {
  it("comes to the exact result, however it ends there", async () => {
    // Told to end after seven seconds, the boot included, with one and a half for it: on a busy machine boots take seconds.
    const backend = () => local({ walltime: 10_000, signalBefore: 3_000 })
    const to = 100
    const run = async (ending: resume.Ending) => {
      const pool = resumePool({ backend: backend() })
      const events = resumed(pool)
      const kept: number[] = []
      const seen: Seen[] = []
      const told = (s: Seen) => void seen.push(s)
      const counted = (n: number) => void kept.push(n)
      const result = await pool.with({ resumable: true }).count(to, 100, ending, told, counted)
      return { ending, pool, events, kept, seen, result }
    }
    for (const { ending, events, kept, seen, result } of await Promise.all(ENDINGS.map(run))) {
      expect(result.digest, ending).toEqual(digestOf(to))
      expect(result.by).toHaveLength(to)
      expect(result.by).toEqual([...result.by].sort((a, b) => a - b))
      expect(result.attempt).toBeGreaterThan(1)
      expect(new Set(seen.map(s => s.ppid)).size).toBe(result.attempt)
      for (const [i, { attempt, resumed: from }] of seen.entries()) {
        expect(attempt).toBe(i + 1)
        if (i > 0) expect(from, ending).toBeGreaterThan(seen[i - 1]!.resumed)
      }
      expect(kept).toEqual([...kept].sort((a, b) => a - b))
      expect(events.map(e => e.attempt)).toEqual(seen.slice(1).map(s => s.attempt))
      for (const event of events) {
        const from = { state: expect.any(String), jobId: expect.any(String) }
        expect(event).toMatchObject({ name: "count", id: undefined, reason: "walltime", from })
        expect(event.checkpoint).toBeInstanceOf(Date)
      }
    }
  }, 150_000)

  it("is begun again when its function has ended, and not when its runner has", async () => {
    const pool = resumePool({ max: 2, backend: local({ walltime: 9_000, signalBefore: 6_000 }) })
    const states: string[] = []
    pool.on("call:resumed", ({ from }) => states.push(from.state))
    await pool.with({ resumable: true }).lateState()
    expect(states).toEqual(["draining"])
  })
})

it("whoever is killed whenever, each attempt goes on from the newest state that was kept, and the result is exact", async () => {
  const to = 150
  const one = async (seed: number) => {
    let dice = seed
    const roll = (sides: number) => {
      dice = (Math.imul(dice, 1_103_515_245) + 12_345) >>> 0
      return (dice >>> 8) % sides
    }
    const pool = resumePool()
    const seen: Seen[] = []
    /** The newest state that the function was told is kept. */
    let newest = 0
    let kills = 0
    const result = await pool.with({ resumable: true }).count(
      to,
      5,
      "never",
      s => {
        expect(s.resumed, `seed ${seed}`).toBeGreaterThanOrEqual(newest) // nothing that was kept is lost
        expect(s.resumed).toBeLessThanOrEqual(newest + 1) // nor anything done that was not kept
        seen.push(s)
      },
      n => {
        newest = n
        const { pid, ppid } = seen.at(-1)!
        if (kills === 6 || roll(20) !== 0) return
        kills += 1
        for (const victim of [[pid], [ppid], [pid, ppid]][roll(3)]!) process.kill(victim, "SIGKILL")
      },
    )
    expect(result.digest, `seed ${seed}`).toEqual(digestOf(to))
    expect(result.by).toEqual([...result.by].sort((a, b) => a - b))
    expect(seen.map(s => s.attempt)).toEqual(seen.map((_, i) => i + 1))
    expect(seen.length - 1).toBe(kills)
    return kills
  }
  const seeds = [1, 2, 3].map(() => Math.floor(Math.random() * 2 ** 30))
  const kills = await Promise.all(seeds.map(one))
  expect(kills.reduce((a, b) => a + b)).toBeGreaterThan(0)
}, 90_000)

it("100 MB are kept and gone on from", async () => {
  const pool = resumePool()
  const bytes = 100_000_000
  const result = await pool.with({ resumable: true }).large(bytes)
  expect(result).toMatchObject({ bytes, last: 7 })
  if (process.env.FLAME_FIGURES) process.stderr.write(`${JSON.stringify(result)}\n`)
}, 60_000)

describe("a call whose worker is killed", () => {
  it("goes on from what it kept, typed arrays included, and the event says from where", async () => {
    const pool = resumePool()
    const events = resumed(pool)
    expect(await pool.with({ resumable: true }).copies()).toEqual({
      list: [50],
      bytes: [5, ...new Array(999).fill(0)],
      type: "Float64Array",
    })
    expect(events).toMatchObject([{ name: "copies", attempt: 2, reason: "crashed" }])
  })

  it("goes on as long as it gets on, and is given up when it does not", async () => {
    const pool = resumePool()
    expect(await pool.with({ resumable: true }).crash(4, true)).toEqual([1, 2, 3, 4, 5])
    const error = await thrownBy(pool.with({ resumable: { attempts: 2 } }).crash(4, false))
    expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "crashed", started: true, retryable: false })
    expect(error.message).toMatch(
      /crash was begun 2 times in a row without a newer state in its checkpoint \(it has none\).*SIGKILL/s,
    )
    expect(error.hint).toMatch(/currentCall\(\)\.checkpoint/)
  })

  it("is given up when it keeps the same state again and again", async () => {
    const pool = resumePool()
    const error = await thrownBy(pool.with({ resumable: true, timeout: "1m" }).treads())
    expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "crashed", started: true })
    expect(error.message).toMatch(/treads was begun 3 times in a row without a newer state in its checkpoint/)
  })

  it("costs no retry, and a retry goes on from the checkpoint too", async () => {
    const pool = resumePool()
    expect(await pool.with({ resumable: true, retries: 1 }).crash(2, true)).toEqual([1, 2, 3])
  })
})

it("goes on when supervisor and worker are killed", async () => {
  const pool = resumePool()
  const events = resumed(pool)
  const seen: Seen[] = []
  const to = 20
  const result = await pool.with({ resumable: true }).count(
    to,
    20,
    "never",
    s => void seen.push(s),
    n => {
      if (n === 7) for (const pid of [seen[0]!.ppid, seen[0]!.pid]) process.kill(pid, "SIGKILL")
    },
  )
  expect(result.digest).toEqual(digestOf(to))
  expect(seen).toHaveLength(2)
  expect(seen[1]!.resumed).toBeGreaterThanOrEqual(7)
  expect(events).toHaveLength(1)
  expect(isAlive(seen[0]!.pid)).toBe(false)
})

describe("a call that is not resumable", () => {
  it("has all of it, and nothing happens", async () => {
    expect(await resumePool().api.ordinary()).toEqual([false, 1, undefined, undefined])
  })

  it("is lost to the walltime when it ends by the drain's reason, which is the cause", async () => {
    const pool = resumePool({ backend: local({ walltime: 6_000, signalBefore: 3_000 }) })
    const error = await thrownBy(pool.api.count(1_000, 10, "throw"))
    expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "walltime", started: true })
    expect(error.cause).toMatchObject({
      code: "ERR_FLAME_STATE",
      message: expect.stringMatching(/draining: walltime/),
    })
  })
})

describe("the states that a drain asks for", () => {
  const draining = () => local({ walltime: 7_000, signalBefore: 4_000 })

  it("leave the checkpoint before them where they cannot be had", async () => {
    const pool = resumePool({ backend: draining() })
    const lines: string[] = []
    pool.on("log", ({ line }) => lines.push(line))
    expect(await pool.with({ resumable: true }).badHandlers()).toBe("before")
    expect(lines.join("\n")).toMatch(/onDrain handler failed; the checkpoint before it counts: Error: a bad handler/)
    expect(lines.join("\n")).toMatch(/has not given its state yet/)
    expect(lines.join("\n")).not.toMatch(/taken back/)
  })

  it("are asked for at its beginning and near its end", async () => {
    const pool = resumePool({ backend: draining() })
    expect(await pool.with({ resumable: true }).asked()).toBe(2)
  })

  it("are waited for, for a moment, when the function ends at once", async () => {
    const pool = resumePool({ backend: draining() })
    expect(await pool.with({ resumable: true }).lateState()).toBe("late")
  })
})

it("a checkpoint that cannot be kept says so, and the one before it counts", async () => {
  const pool = resumePool()
  expect(await pool.with({ resumable: true }).refused()).toMatchObject({
    code: "ERR_FLAME_NOT_SERIALIZABLE",
    path: "checkpoint.rows[1]",
    after: 1,
  })
})

describe("limits in the middle of attempts", () => {
  it("an abort ends the call while it runs for the second time", async () => {
    const pool = resumePool()
    const stop = new AbortController()
    const second = once(pool, "call:resumed")
    const seen: Seen[] = []
    const call = pool.with({ resumable: true, signal: stop.signal }).wait(s => {
      seen.push(s)
      if (s.attempt === 1) process.kill(s.pid, "SIGKILL")
    })
    const failed = thrownBy(call)
    await second
    await eventually(() => seen.length === 2, "the second attempt to begin")
    stop.abort(new Error("enough"))
    expect(await failed).toMatchObject({ code: "ERR_FLAME_CALL_ABORTED", started: true })
    await pool.close()
    expect(seen).toHaveLength(2)
  })

  it("a timeout is for all attempts, and for the wait between them", async () => {
    const pool = resumePool()
    const error = await thrownBy(
      pool.with({ resumable: { attempts: 1_000 }, timeout: 2_000 }).wait(s => process.kill(s.ppid, "SIGKILL")),
    )
    expect(error).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: true })
  })
})

describe("other ways to call", () => {
  it("map and cast go on, each call by itself", async () => {
    const pool = resumePool({ max: 2 })
    const results = await pool.map([1, 2], (api, times) => api.crash(times, true), { resumable: true })
    expect(results).toEqual([
      [1, 2],
      [1, 2, 3],
    ])
    const again = once(pool, "call:resumed")
    pool.cast(api => api.crash(1, true), { resumable: true })
    expect(await again).toMatchObject({ name: "crash", attempt: 2 })
    expect(await pool.call(async api => (await api.crash(1, true)).length, { resumable: true })).toBe(2)
  })

  it.each([false, true])("a pool that closes lets a function come to its end, resumable: %s", async resumable => {
    const pool = resumePool()
    let closing: Promise<void> | undefined
    const called = pool.call(
      async api => {
        await api.crash(0, false)
        closing = pool.close()
        await new Promise(resolve => setImmediate(resolve)) // no call of it is under way now
        return await api.crash(0, false)
      },
      { resumable },
    )
    expect(await called).toEqual([1])
    await closing
  })

  it("a function that does not come to its end is not waited for when the pool is closed", async () => {
    const pool = resumePool()
    const called = thrownBy(pool.call(() => new Promise(() => {}), { resumable: true }))
    await pool.close({ timeout: 0 })
    expect(await called).toMatchObject({ code: "ERR_FLAME_POOL_CLOSED" })
  })

  it("what cannot go on is refused", async () => {
    const pool = resumePool()
    expect(() => pool.with({ resumable: true, link: false })).toThrow(/contradict/)
    await expect(pool.place(api => api.wait(() => {}), { resumable: true } as never)).rejects.toThrow(
      /stays on its runner/,
    )
    expect(() => pool.with({ resumable: { attempts: 0 } })).toThrow(/at least 1/)
    expect(() => pool.with({ resumable: "yes" as never })).toThrow(/true, false or/)
  })

  it("closing the pool ends it for good", async () => {
    const pool = resumePool()
    const events = resumed(pool)
    const seen: Seen[] = []
    const call = thrownBy(pool.with({ resumable: true }).wait(s => void seen.push(s)))
    await eventually(() => seen.length === 1, "the call to run")
    await pool.close({ timeout: 0 })
    expect(await call).toMatchObject({ code: expect.stringMatching(/^ERR_FLAME_/) })
    expect(events).toEqual([])
  })
})
