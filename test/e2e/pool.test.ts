import { describe, expect, it } from "vitest"
import { createPool } from "../../src/index.ts"
import { basicPool, keep, once, told } from "./helpers.ts"

describe("a call", () => {
  it("runs in another process and returns its value", async () => {
    const pool = basicPool()
    const where = await pool.api.where()
    expect(where.pid).not.toBe(process.pid)
    expect(where.isRunner).toBe(true)
    expect(where.jobId).toMatch(/^local-\d+$/)
    expect(await pool.api.add(1, 2)).toBe(3)
  })

  it("reports through a callback, in order, before it returns", async () => {
    const pool = basicPool()
    const epochs: number[] = []
    const result = await pool.api.train({ epochs: 5 }, e => void epochs.push(e.epoch))
    expect(epochs).toEqual([0, 1, 2, 3, 4])
    expect(result).toEqual(new Float32Array([1, Number.NaN, -0]))
  })

  it("streams, directly and awaited, and runs the remote finally on break", async () => {
    const pool = basicPool()
    const seen: number[] = []
    for await (const loss of pool.api.losses(3)) seen.push(loss)
    expect(seen).toEqual([1, 1 / 2, 1 / 3])
    const ended = told()
    for await (const loss of await pool.api.losses(1_000_000, ended.tell)) {
      expect(loss).toBe(1)
      break
    }
    await ended.promise
    expect(await pool.api.add(1, 1)).toBe(2) // the slot is free again
  })

  it("carries what JSON and superjson would lose", async () => {
    const pool = basicPool()
    const value = {
      date: new Date(5),
      map: new Map<unknown, unknown>([["k", new Uint8Array([1, 2])]]),
      big: 2n ** 70n,
      f64: new Float64Array([Number.NaN, -0, Number.POSITIVE_INFINITY]),
      buffer: Buffer.from("hi"),
      undef: undefined,
      nested: [new Set([1]), /x/g, -0],
    }
    expect(await pool.api.echo(value)).toEqual(value)
  })

  it("carries instances of a registered class, methods and all", async () => {
    const { Point } = await import("../fixtures/modules/basic.ts")
    const pool = basicPool()
    const { point, length } = await pool.api.mirror(new Point(3, 4))
    expect(length).toBe(5)
    expect(point).toBeInstanceOf(Point)
    expect(point).toEqual(new Point(4, 3))
  })

  it("throws the function's own error, with both stacks", async () => {
    const pool = basicPool()
    const error = await Promise.resolve(pool.api.boom()).then(
      () => undefined,
      (e: unknown) => e as RangeError & { code: string; details: { at: Date }; remote: { node: string } },
    )
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: "boom", code: "E_BOOM", details: { at: new Date(0) } })
    expect((error?.cause as Error | undefined)?.message).toBe("inner")
    expect(error?.stack).toMatch(/basic\.ts:\d+/) // the user's own line on the runner, through the source map
    expect(error?.stack).toMatch(/pool\.test\.ts:\d+/) // and here
    expect(error?.remote.node).not.toBe("")
  })

  it("reads exported data, namespaces and proxies", async () => {
    const pool = basicPool()
    expect(await pool.api.settings.deep.twice(4)).toBe(8)
    const r = await pool.spawn()
    const counter = await r.api.counter()
    expect([await counter.next(), await counter.next()]).toEqual([1, 2])
  })
})

describe("limits", () => {
  it("a timeout frees the caller, aborts the remote function and frees the slot when that has ended", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    await pool.api.add(0, 0)
    const started = told()
    const call = pool.call(api => api.hold(started.tell), { timeout: "300ms" })
    await expect(call).rejects.toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: true })
    expect(await pool.api.add(1, 2)).toBe(3)
  })

  it("hold for the stream that a call returned: an abort ends it on both sides and frees the slot", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    const controller = new AbortController()
    const ended = told<boolean>()
    const seen: number[] = []
    const read = async () => {
      for await (const tick of pool.with({ signal: controller.signal }).ticks(ended.tell)) {
        if (seen.push(tick) === 3) setImmediate(() => controller.abort(new Error("enough")))
      }
    }
    await expect(read()).rejects.toMatchObject({ name: "AbortError", started: true, cause: new Error("enough") })
    expect(seen).toEqual([0, 1, 2])
    expect(await ended.promise).toBe(true) // its `finally` ran, and its signal had fired
    expect(await pool.api.add(1, 2)).toBe(3)
  })

  it("a timeout ends a stream as well, awaited or not; one that is over before it is left alone", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    await pool.api.add(0, 0)
    const ended = told<boolean>()
    const stream = await pool.with({ timeout: "1s" }).ticks(ended.tell)
    for (const value of [0, 1, 2]) expect(await stream.next()).toEqual({ done: false, value })
    await expect(stream.next()).rejects.toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: true })
    expect(await ended.promise).toBe(true)
    await expect(stream.next()).rejects.toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT" })
    expect(await pool.api.add(1, 2)).toBe(3)
    const seen: number[] = []
    for await (const loss of pool.with({ timeout: "10s" }).losses(3)) seen.push(loss)
    expect(seen).toHaveLength(3)
  })

  it("a signal aborts a running call and a waiting one", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    const started = told()
    const controller = new AbortController()
    const running = pool.call(api => api.hold(started.tell), { signal: controller.signal })
    await started.promise
    const waiting = pool.with({ signal: controller.signal }).add(1, 1)
    controller.abort(new Error("enough"))
    await expect(running).rejects.toMatchObject({ name: "AbortError", started: true, cause: new Error("enough") })
    await expect(waiting).rejects.toMatchObject({ name: "AbortError", started: false })
    expect(await pool.api.add(1, 2)).toBe(3)
  })

  it("never runs more than maxConcurrency calls on a runner, and no more than max runners", async () => {
    const pool = basicPool({ max: 2, maxConcurrency: 2 })
    const started = [told(), told(), told(), told()]
    const held = started.map(s => pool.api.gate(s.tell))
    await Promise.all(started.map(s => s.promise))
    const fifth = told()
    let fifthStarted = false
    void fifth.promise.then(() => {
      fifthStarted = true
    })
    const waiting = pool.api.gate(fifth.tell)
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 4 })
    expect(pool.stats().runners).toHaveLength(2)
    expect(pool.stats().runners.map(r => r.inFlight)).toEqual([2, 2])
    expect(fifthStarted).toBe(false)
    const settled = Promise.allSettled([...held, waiting])
    await pool.close({ timeout: 0 })
    const results = await settled
    expect(results.every(r => r.status === "rejected")).toBe(true)
  })
})

describe("pool.call", () => {
  it("never waits for the slot it holds itself: calls one after the other, and at once", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    expect(await pool.call(async api => (await api.add(1, 1)) + (await api.add(2, 2)))).toBe(6)
    expect(await pool.call(api => Promise.all([api.add(1, 1), api.add(2, 2), api.add(3, 3)]))).toEqual([2, 4, 6])
    expect(await pool.api.add(1, 2)).toBe(3) // the slot is free again
  })

  it("whose function never settles gives its slot back when its time is over, and takes no more calls", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    await pool.api.add(0, 0)
    let api: { add(a: number, b: number): Promise<number> } | undefined
    const call = pool.call(
      remote => {
        api = remote
        return new Promise<never>(() => {})
      },
      { timeout: "200ms" },
    )
    await expect(call).rejects.toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: true })
    expect(await pool.api.add(1, 2)).toBe(3)
    await expect(api?.add(1, 1)).rejects.toMatchObject({ code: "ERR_FLAME_STATE" })
  })

  it("whose function never settles ends with its runner", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    const { ppid } = await pool.api.where()
    const entered = told()
    const call = pool.call(async () => {
      await entered.tell()
      await new Promise<never>(() => {})
    })
    const rejection = expect(call).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST" })
    await entered.promise
    process.kill(ppid, "SIGKILL")
    await rejection
  })
})

describe("leases", () => {
  it("a leased runner gets no pool work, and gives it back on release", async () => {
    const pool = basicPool({ max: 2 })
    const r = await pool.spawn()
    const mine = await r.api.where()
    const others = await pool.api.where()
    expect(others.id).not.toBe(mine.id)
    await r.release()
    await expect(r.api.add(1, 1)).rejects.toMatchObject({ code: "ERR_FLAME_RELEASED" })
  })

  it("waits in order at max, and gets the runner when it is released", async () => {
    const pool = basicPool({ max: 1 })
    const first = await pool.spawn()
    const order: number[] = []
    const second = pool.spawn().then(r => {
      order.push(2)
      return r
    })
    const third = pool.spawn().then(r => {
      order.push(3)
      return r
    })
    await first.release()
    const two = await second
    expect(order).toEqual([2])
    await two.release()
    await third
    expect(order).toEqual([2, 3])
  })

  it("gets a runner although a stream of calls would keep all of them busy", async () => {
    const pool = basicPool({ max: 1, maxConcurrency: 2 })
    const started = told()
    const held = pool.api.gate(started.tell)
    await started.promise
    const lease = pool.spawn()
    const late = pool.api.add(1, 1) // asked for after the lease: must not overtake it
    let lateDone = false
    late.then(
      () => {
        lateDone = true
      },
      () => {},
    )
    const opener = basicPool() // nothing of this pool may open the gate: the runner is promised to the lease
    await opener.api.add(0, 0)
    expect(lateDone).toBe(false)
    expect(pool.stats().queued).toBe(2)
    const ends = [
      expect(held).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST" }),
      expect(lease).rejects.toMatchObject({ code: "ERR_FLAME_POOL_CLOSED" }),
      expect(late).rejects.toMatchObject({ code: "ERR_FLAME_POOL_CLOSED" }),
    ]
    await pool.close({ timeout: 0 })
    await Promise.all(ends)
  })

  it("terminate ends the job; calls on it reject as terminated", async () => {
    const pool = basicPool()
    const r = await pool.spawn()
    const started = told()
    const call = r.api.gate(started.tell)
    await started.promise
    const rejection = expect(call).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "terminated" })
    await r.terminate()
    await rejection
    expect((await r.closed).state).toBe("gone")
    expect(pool.stats().runners).toEqual([])
  })

  it("serves plain Comlink on its endpoint", async () => {
    const { wrap } = await import("comlink")
    const pool = basicPool()
    const r = await pool.spawn()
    const remote = wrap<{ add(a: number, b: number): number; boom(): void }>(r.endpoint as never)
    expect(await remote.add(2, 3)).toBe(5)
    await expect(remote.boom()).rejects.toMatchObject({ name: "RangeError", message: "boom" }) // all that Comlink carries
  })
})

describe("size", () => {
  it("holds min, and ready() waits for it", async () => {
    const pool = basicPool({ min: 2, max: 3, idleShutdownAfter: "50ms" })
    await pool.ready()
    expect(pool.stats().runners.filter(r => r.state === "ready")).toHaveLength(2)
    const victim = (await pool.api.where()).ppid
    const up = once(pool, "runner:up")
    process.kill(victim, "SIGKILL")
    await up // a lost min runner is replaced
    await pool.ready()
  })

  it("ends an idle runner after idleShutdownAfter", async () => {
    const pool = basicPool({ idleShutdownAfter: "50ms" })
    const down = once(pool, "runner:down")
    await pool.api.add(1, 1)
    expect(await down).toMatchObject({ goneReason: "idle" })
    expect(await pool.api.add(1, 1)).toBe(2) // and boots another one on demand
  })

  it("one runner serves two first calls when it has the slots", async () => {
    const pool = basicPool({ max: 2, maxConcurrency: 2 })
    await Promise.all([pool.api.add(1, 1), pool.api.add(2, 2)])
    expect(pool.stats().runners).toHaveLength(1)
  })

  it("a second close with less patience shortens the first", async () => {
    const pool = basicPool()
    const started = told()
    const held = pool.api.gate(started.tell)
    const lost = expect(held).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST" })
    await started.promise
    const closing = pool.close({ timeout: "1h" })
    await pool.close({ timeout: 0 })
    await closing
    await lost
  })

  it("a module that dies as soon as it is up is not booted again and again", async () => {
    const grown: string[] = []
    const pool = keep(
      createPool({
        module: new URL("../fixtures/modules/dies-when-up.mjs", import.meta.url),
        min: 1,
        max: 1,
        logger: false,
      }),
    )
    pool.on("grow", ({ runnerId }) => grown.push(runnerId))
    const failed = once(pool, "error")
    expect(await failed).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "crashed" })
    await once(pool, "error") // of the second one, which was booted after a pause
    expect(grown.length).toBeLessThanOrEqual(2)
  })

  it("close lets queued and running work finish, and refuses new work", async () => {
    const pool = basicPool()
    const results = [1, 2, 3].map(n => pool.api.add(n, n))
    const closing = pool.close()
    await expect(pool.api.add(1, 1)).rejects.toMatchObject({ code: "ERR_FLAME_POOL_CLOSED" })
    expect(await Promise.all(results)).toEqual([2, 4, 6])
    await closing
    expect(pool.stats().runners).toEqual([])
  })
})
