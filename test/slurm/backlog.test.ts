import { describe, expect, it } from "vitest"
import type { Job, JobStatus } from "../../src/shared/backend.ts"
import { Backlog, type Places } from "../../src/slurm/backlog.ts"

const NEVER = new AbortController().signal
const turn = () => new Promise(resolve => setImmediate(resolve))

/** Asks for `jobs` jobs as a group does: again for the rest, until all have a place. `sizes`: of the arrays that came of it. */
function ask(backlog: Backlog, pool: string, jobs: number, limit: number, signal = NEVER) {
  const sizes: number[] = []
  const waiting: ((status: JobStatus) => void)[] = []
  const job = {
    onStatus(listener: (status: JobStatus) => void) {
      waiting.push(listener)
      return () => {}
    },
  } as unknown as Job
  const run = async () => {
    for (let left = jobs; left > 0; ) {
      const places: Places = await backlog.enter(pool, left, limit, signal)
      sizes.push(places.count)
      for (let i = 0; i < places.count; i++) places.give(job)
      places.leave()
      left -= places.count
    }
  }
  const done = run().catch((error: unknown) => error)
  /** So many of those that wait in the queue begin to run. */
  const start = async (count: number) => {
    for (const tell of waiting.splice(0, count)) tell({ state: "running" })
    await turn()
  }
  return { sizes, waiting, start, done }
}

describe("Backlog", () => {
  it("lets so many jobs wait in the queue and no more, in few pieces", async () => {
    const backlog = new Backlog()
    const a = ask(backlog, "a", 1_000, 100)
    await turn()
    expect(a.sizes).toEqual([100])
    await a.start(49)
    expect(a.sizes).toEqual([100])
    await a.start(1)
    expect(a.sizes).toEqual([100, 50])
    while (a.waiting.length > 0) {
      expect(backlog.pending).toBeLessThanOrEqual(100)
      await a.start(1)
    }
    await a.done
    expect(a.sizes).toEqual([100, ...Array.from({ length: 18 }, () => 50)])
    expect(backlog).toMatchObject({ pending: 0, full: false })
  })

  it("takes back the places of submissions that failed, and of jobs that ended in the queue", async () => {
    const backlog = new Backlog()
    const places = await backlog.enter("a", 10, 10, NEVER)
    const b = ask(backlog, "a", 4, 10)
    await turn()
    expect(b.sizes).toEqual([])
    expect(backlog.full).toBe(true)
    places.leave()
    places.leave()
    await turn()
    expect(b.sizes).toEqual([4])
    for (const tell of b.waiting) tell({ state: "ended", outcome: "cancelled", evidence: {} })
    expect(backlog.pending).toBe(0)
  })

  it("keeps no pool from starting, whatever the others have in the queue", async () => {
    const backlog = new Backlog()
    const a = ask(backlog, "a", 500, 100)
    await turn()
    const b = ask(backlog, "b", 5, 100)
    await turn()
    expect(b.sizes).toEqual([1]) // although a's 100 may wait for days
    await b.start(1)
    expect(b.sizes).toEqual([1, 1])
    await a.start(50) // what becomes free goes to who has fewer in the queue
    expect(b.sizes).toEqual([1, 1, 3])
    expect(a.sizes).toEqual([100])
  })

  it("shares what is free between pools that want more than there is", async () => {
    const backlog = new Backlog()
    const first = await backlog.enter("x", 100, 100, NEVER)
    const pools = ["a", "b"].map(pool => ask(backlog, pool, 300, 100))
    await turn()
    expect(pools.map(({ sizes }) => sizes)).toEqual([[1], [1]])
    first.leave()
    await turn()
    const got = pools.map(({ sizes }) => sizes.reduce((sum, size) => sum + size, 0))
    expect(Math.abs(got[0]! - got[1]!)).toBeLessThanOrEqual(2)
    expect(backlog.pending).toBeGreaterThan(90)
    expect(backlog.pending).toBeLessThanOrEqual(100)
  })

  it("forgets who gives up, at once", async () => {
    const backlog = new Backlog()
    await backlog.enter("a", 10, 10, NEVER)
    const gone = new AbortController()
    const a = ask(backlog, "a", 5, 10, gone.signal)
    gone.abort("no longer wanted")
    expect(await a.done).toBe("no longer wanted")
    expect(backlog.full).toBe(false)
    await expect(backlog.enter("b", 1, 10, AbortSignal.abort("at once"))).rejects.toBe("at once")
    expect(backlog.pending).toBe(10)
  })

  it("has no limit where none is wanted", async () => {
    const a = ask(new Backlog(), "a", 5_000, Number.POSITIVE_INFINITY)
    await a.done
    expect(a.sizes).toEqual([5_000])
  })
})
