/** Calls that say what time they need, on real runners that do not live long. */
import { describe, expect, it } from "vitest"
import { local } from "../../src/local/backend.ts"
import { WalltimeError } from "../../src/shared/errors.ts"
import { basicPool, once, thrownBy } from "./helpers.ts"

const backend = local({ walltime: "30s", signalBefore: "2s" })

/** A pool with one runner that has used up three seconds of its time, and what a call needs that it has not left, but a new one has. */
async function aged(max: number) {
  const pool = basicPool({ max, backend })
  const key = { key: "k" }
  await pool.with(key).nap(3_000)
  const { pid } = await pool.with(key).where()
  const { deadline } = pool.stats().runners[0]!
  const needs = deadline!.getTime() - Date.now() - 1_800 // 2 s are kept
  return { pool, pid, needs }
}

describe("with runners that live for eight seconds", () => {
  it("a stream of short calls and of calls that take a third of that: none is lost", async () => {
    const pool = basicPool({ max: 2, backend: local({ walltime: "8s", signalBefore: "2s" }) })
    const gone: string[] = []
    pool.on("runner:down", ({ goneReason }) => gone.push(goneReason))
    let streaming = true
    let short = 0
    const stream = async () => {
      for (; streaming; short++) await pool.api.nap(50)
    }
    const long = async () => {
      for (let i = 0; i < 4; i++) await pool.with({ needs: 2_800 }).nap(2_500)
    }
    const streams = Promise.all([stream(), stream()])
    await Promise.all([long(), long()])
    streaming = false
    await streams
    expect(short).toBeGreaterThan(10)
    expect(gone.length).toBeGreaterThan(1)
  }, 60_000)

  it("a call that needs more is refused before anything is booted", async () => {
    const pool = basicPool({ max: 2, backend: local({ walltime: "8s", signalBefore: "2s" }) })
    const error = await thrownBy(pool.with({ needs: "25m" }).nap(1))
    expect(error).toBeInstanceOf(WalltimeError)
    expect(error.message).toMatch(/^nap needs 25m, .* is 8s, which leaves 6s for calls .* 24m54s too long/)
    expect(pool.stats().runners).toEqual([])
  })
})

describe("a runner that has too little time left", () => {
  it("is not given to a call that needs more, although it is idle: another is booted", async () => {
    const { pool, pid, needs } = await aged(2)
    const all = await pool.map([1, 2], api => api.where(), { needs, concurrency: 1 })
    expect(all.map(one => one.pid === pid)).toEqual([false, false])
    expect((await pool.with({ needs: 1_000, key: "k" }).where()).pid).toBe(pid)
  }, 30_000)

  it("makes room for another at max", async () => {
    const { pool, pid, needs } = await aged(1)
    const drains = once(pool, "runner:drain")
    expect((await pool.with({ needs }).where()).pid).not.toBe(pid)
    expect(await drains).toMatchObject({ drainReason: "walltime" })
  }, 30_000)

  it("loses its keys to another", async () => {
    const { pool, pid, needs } = await aged(2)
    const moved = await pool.with({ key: "k", needs }).where()
    expect(moved.pid).not.toBe(pid)
    expect((await pool.with({ key: "k" }).where()).pid).toBe(moved.pid)
  }, 30_000)

  it("is not leased to who needs more", async () => {
    const { pool, pid, needs } = await aged(2)
    const lease = await pool.spawn({ needs })
    expect((await lease.api.where()).pid).not.toBe(pid)
  }, 30_000)
})
