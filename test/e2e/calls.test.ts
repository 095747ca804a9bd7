/** What was made cheap about calls, where it could have been made wrong: on real runners. */
import { describe, expect, it, vi } from "vitest"
import { createPool } from "../../src/index.ts"
import { Fleet } from "../../src/parent/fleet.ts"
import { basicPool, keep, told } from "./helpers.ts"

/** test/fixtures/modules/late.mjs */
interface Late {
  late(): Promise<[number, number]>
  untilAborted(ready: () => Promise<void>): Promise<void>
  stay(ready: () => Promise<void>): Promise<void>
  release(): void
}

const latePool = () =>
  keep(
    createPool<Late>({
      module: new URL("../fixtures/modules/late.mjs", import.meta.url),
      max: 1,
      maxConcurrency: 4,
      logger: false,
    }),
  )

describe("currentCall() in a module that loads slurm-flame/runner in the middle of a call", () => {
  it("is that call, on all its ways", async () => {
    const pool = latePool()
    const [id, again] = await pool.api.late()
    expect(id).toEqual(expect.any(Number))
    expect(again).toBe(id)
    const [next] = await pool.api.late()
    expect(next).not.toBe(id)
  })

  it("has that call's signal", async () => {
    const pool = latePool()
    const ready = [told(), told()]
    let asked = 0
    const abort = new AbortController()
    const call = pool.with({ signal: abort.signal }).untilAborted(async () => ready[asked++]!.tell())
    const failed = expect(call).rejects.toMatchObject({ name: "AbortError" })
    await ready[0]!.promise
    abort.abort()
    await failed
    await ready[1]!.promise // the function heard it
  })

  it("is that call also where others run that had begun before", async () => {
    const pool = latePool()
    const staying = told()
    const stay = pool.api.stay(() => staying.tell())
    await staying.promise
    const [id, again] = await pool.api.late()
    expect(again).toBe(id)
    await pool.api.release()
    await stay
  })
})

describe("10,000 calls that fail at once", () => {
  it.each([
    ["through pool.api", 1],
    ["through pool.api with several slots", 3],
  ])("%s overflow no stack, and each has its error", async (_how, maxConcurrency) => {
    const pool = basicPool({ maxConcurrency })
    const api = pool.api as unknown as { trian(): Promise<void> }
    const calls = Array.from({ length: 10_000 }, () => api.trian()) // all of them wait for the first boot
    const results = await Promise.allSettled(calls)
    const errors = results.map(r => (r.status === "rejected" ? r.reason : r))
    expect(errors.filter(e => e.code !== "ERR_FLAME_NO_EXPORT")).toEqual([])
    expect(new Set(errors).size).toBe(10_000)
    expect(await pool.api.add(1, 2)).toBe(3)
    expect(pool.stats().inFlight).toBe(0)
  })

  it("on a lease, behind one that runs, go in order and leave the slot free", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    await using runner = await pool.spawn()
    const api = runner.api as unknown as { trian(): Promise<void> }
    const entered = told()
    const abort = new AbortController()
    const held = runner.with({ signal: abort.signal }).hold(() => entered.tell())
    const failed = expect(held).rejects.toMatchObject({ name: "AbortError" })
    await entered.promise
    const order: number[] = []
    const calls = Array.from({ length: 10_000 }, (_, i) => api.trian().catch(() => order.push(i)))
    abort.abort()
    await failed
    await Promise.all(calls)
    expect(order).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
    expect(await runner.api.add(1, 2)).toBe(3)
  })
})

describe("a runner that works on", () => {
  /** How often a pool looks who can be served. */
  const looks = () => vi.spyOn(Fleet.prototype, "grow").mockClear()

  it("does not make the pool look for work when nobody waits", async () => {
    const pool = basicPool({ maxConcurrency: 2 })
    const runner = await pool.spawn()
    const entered = told()
    const gate = runner.api.gate(() => entered.tell())
    await entered.promise
    const looked = looks()
    for (let i = 0; i < 50; i++) expect(await runner.api.add(i, 1)).toBe(i + 1)
    expect(looked).not.toHaveBeenCalled()
    // Somebody waits: now it does, and gives the runner away as soon as it can.
    const waits = pool.api.add(40, 2)
    expect(await runner.api.add(1, 1)).toBe(2)
    await runner.release()
    expect(await waits).toBe(42)
    expect(looked).toHaveBeenCalled()
    await pool.api.openGates()
    expect(await gate).toBe("released")
    looked.mockRestore()
  })

  it("serves those who wait in the slot that is left", async () => {
    const pool = basicPool({ maxConcurrency: 2 })
    const entered = told()
    const gate = pool.api.gate(() => entered.tell())
    await entered.promise
    const sums = await Promise.all(Array.from({ length: 100 }, (_, i) => pool.api.add(i, 1)))
    expect(sums).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(pool.stats()).toMatchObject({ queued: 0, inFlight: 1 })
    await pool.api.openGates()
    expect(await gate).toBe("released")
  })
})
