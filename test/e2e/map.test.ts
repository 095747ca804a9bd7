/** `pool.map` and `pool.cast` on real runners. */
import { describe, expect, it } from "vitest"
import { CallAbortedError, OptionError, PoolClosedError, RunnerLostError } from "../../src/index.ts"
import { basicPool, once, told } from "./helpers.ts"

describe("map", () => {
  it("gives 1,000 results in order, from two runners", async () => {
    const pool = basicPool({ max: 2, maxConcurrency: 4 })
    const seen = new Set<string>()
    let most = 0
    const items = Array.from({ length: 1_000 }, (_, i) => i)
    const results = await pool.map(items, async (api, item, index) => {
      most = Math.max(most, pool.stats().inFlight)
      seen.add((await api.where()).id)
      return await api.add(item, index)
    })
    expect(results).toEqual(items.map(x => 2 * x))
    expect(seen.size).toBe(2)
    expect(most).toBeLessThanOrEqual(8)
    expect(pool.stats()).toMatchObject({ queued: 0, inFlight: 0 })
  })

  it("reads a generator as it is read itself", async () => {
    const pool = basicPool({ max: 2 })
    let pulled = 0
    let ended = false
    async function* rows() {
      try {
        for (;;) yield pulled++
      } finally {
        ended = true
      }
    }
    const stream = pool.map(rows(), (api, row) => api.add(row, 1))
    expect(pulled).toBe(0)
    let expected = 1
    for await (const sum of stream) {
      expect(sum).toBe(expected++)
      expect(pulled - (expected - 2)).toBeLessThanOrEqual(4 + 1)
      if (sum === 100) break
    }
    expect(ended).toBe(true)
    expect(stream.progress).toMatchObject({ total: undefined, failed: 0, running: 0 })
    expect(await pool.api.add(1, 1)).toBe(2)
  })

  it("goes on with 'settle' when a runner is killed: its items are lost, no other", async () => {
    const pool = basicPool({ max: 2 })
    const results = await pool.map(
      Array.from({ length: 40 }, (_, i) => i),
      async (api, item) => {
        if (item === 7) await api.die()
        return await api.add(item, 1)
      },
      { onError: "settle" },
    )
    expect(results.map(result => result.item)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    const lost = results.filter(result => result.status === "rejected")
    expect(lost.map(({ item }) => item)).toEqual([7])
    expect(lost[0]!.reason).toBeInstanceOf(RunnerLostError)
  })

  it("throws a function's own error and aborts what runs", async () => {
    const pool = basicPool({ max: 2 })
    const heard = told<unknown>()
    const started = told()
    const failing = pool.map([0, 1], async (api, item) => {
      if (item === 0) return await api.linger(started.tell, heard.tell)
      await started.promise
      return await api.boom()
    })
    await expect(failing).rejects.toMatchObject({ name: "RangeError", message: "boom", code: "E_BOOM" })
    expect(await heard.promise).toMatchObject({ message: "pool.map ended: item 1 failed" })
  })

  it("shows in an error's stack who waits for the results", async () => {
    const pool = basicPool()
    async function whoAwaits() {
      await pool.map([1], api => api.boom())
    }
    async function whoReads() {
      for await (const _ of pool.map([1], api => api.boom())) throw new Error("there is nothing to read")
    }
    for (const who of [whoAwaits, whoReads]) {
      const error = await who().catch((error: Error) => error)
      expect((error as Error).stack).toMatch(new RegExp(`-- awaited --\n.*${who.name}`, "s"))
    }
  })

  it("aborted by its signal: the runners hear of it, and nothing more is started", async () => {
    const pool = basicPool({ max: 2 })
    const control = new AbortController()
    const reason = new Error("enough")
    const heard: unknown[] = []
    const both = told()
    let started = 0
    const stream = pool.map(
      Array.from({ length: 10 }),
      api =>
        api.hold(async () => {
          started += 1
          if (started === 2) await both.tell()
        }),
      { signal: control.signal },
    )
    const waits = (async () => {
      for await (const result of stream) heard.push(result)
    })()
    await both.promise
    control.abort(reason)
    await expect(waits).rejects.toBeInstanceOf(CallAbortedError)
    await waits.catch(error => expect(error.cause).toBe(reason))
    expect([heard, started]).toEqual([[], 2])
    expect(await pool.api.add(1, 1)).toBe(2) // their slots are free again
  })

  it("ends after what runs when its pool is closed", async () => {
    const pool = basicPool()
    const running = told()
    const stream = pool.map([1, 2, 3], async api => {
      await running.tell()
      return await api.nap(50)
    })
    const seen: unknown[] = []
    const reading = expect(
      (async () => {
        for await (const result of stream) seen.push(result)
      })(),
    ).rejects.toBeInstanceOf(PoolClosedError)
    await running.promise
    await pool.close()
    await reading
    expect(seen).toEqual(["rested"])
    expect(() => pool.map([1], () => 1)).toThrow(PoolClosedError)
  })

  it("that waits for its input ends when its pool is closed", async () => {
    const pool = basicPool()
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    const reading = expect(pool.map(never, () => 1)).rejects.toBeInstanceOf(PoolClosedError)
    await pool.close()
    await reading
  })

  it("that fails and that nobody reads ends nothing", async () => {
    const pool = basicPool()
    pool.map([1], () => {
      throw new Error("never run")
    })
    await expect(
      pool.map([1], () => {
        throw new Error("not asynchronous")
      }),
    ).rejects.toThrow("not asynchronous")
  })
})

describe("cast", () => {
  it("#16 cast returns at once, and the work runs", async () => {
    const pool = basicPool()
    const ran = told()
    const errors: unknown[] = []
    pool.on("error", error => errors.push(error))
    expect(pool.cast(api => api.train({ epochs: 1 }, () => ran.tell()))).toBeUndefined()
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 0 })
    await ran.promise
    expect(await pool.api.add(1, 1)).toBe(2)
    expect(errors).toEqual([])
  })

  it("#17 what a cast throws is an `error` event, and ends nothing else", async () => {
    const pool = basicPool()
    const failed = once(pool, "error")
    pool.cast(api => api.boom())
    expect(await failed).toMatchObject({ name: "RangeError", message: "boom", code: "E_BOOM" })
    const odd = once(pool, "error")
    pool.cast(() => {
      throw "text"
    })
    expect(await odd).toMatchObject({ message: 'thrown: "text"', cause: "text" })
    const late = once(pool, "error")
    pool.cast(api => api.hold(async () => {}), { timeout: 50 })
    expect(await late).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT" })
    expect(await pool.api.add(1, 1)).toBe(2)
  })

  it("refuses at once what can never run", async () => {
    const pool = basicPool()
    expect(() => pool.cast("train" as never)).toThrow(/cast\(\) takes a function, got "train"/)
    expect(() => pool.cast(() => 1, { timout: 1 } as never)).toThrow(OptionError)
    await pool.close()
    expect(() => pool.cast(() => 1)).toThrow(PoolClosedError)
  })
})
