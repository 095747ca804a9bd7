/** What a pool must survive: callbacks that act on it from inside its own events, and ends that come at a bad moment. */
import { describe, expect, it, vi } from "vitest"
import { ModuleSource } from "../../src/parent/module-source.ts"
import type { FlamePool } from "../../src/parent/pool.ts"
import type { PoolOptions } from "../../src/parent/pool-options.ts"
import { PoolClosedError, SubmitError } from "../../src/shared/errors.ts"
import { type Api, simulatedPool } from "../simulated/pool.ts"
import type { Received, SimulatedRunner } from "../simulated/runner.ts"

/** A pool whose runners come up at once, unless `boot` says otherwise, and answer when they are told. */
function setUp(options: Partial<PoolOptions>, boot: (runner: SimulatedRunner) => void = runner => runner.up()) {
  const received: Received[] = []
  const script = { boot, received: (request: Received) => void received.push(request) }
  return { ...simulatedPool(options, script), received }
}

/** The next event of a kind. */
function next(pool: FlamePool<Api>, event: "runner:up" | "runner:down" | "error"): Promise<unknown> {
  return new Promise(resolve => pool.on(event, resolve))
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe("close()", () => {
  it("tells the calls that wait for the runner of their key", async () => {
    const { pool, received } = setUp({ max: 1 })
    const first = failure(pool.with({ key: "a" }).f())
    await vi.waitFor(() => expect(received).toHaveLength(1))
    const second = failure(pool.with({ key: "a" }).f())
    await pool.close({ timeout: 0 })
    expect(await second).toBeInstanceOf(PoolClosedError)
    expect(await first).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST" })
    expect(pool.stats()).toMatchObject({ queued: 0, runners: [] })
  })

  it("is over although the bundle cannot be deleted", async () => {
    const warn = vi.fn()
    const logger = { debug() {}, info() {}, warn, error() {} }
    const { pool } = setUp({ max: 1, logger })
    const rm = vi.spyOn(ModuleSource.prototype, "dispose").mockRejectedValueOnce(new Error("ENOTEMPTY"))
    await pool.close()
    rm.mockRestore()
    expect(warn).toHaveBeenCalledWith(expect.objectContaining({ error: expect.any(Error) }), expect.any(String))
  })

  // On the cluster, where the jobs are real: test/cluster/array.test.ts.
  it("#54 ends every runner that is still on its way, and tells those who wait", async () => {
    const { pool, runners } = setUp({ max: 3 }, () => {})
    const calls = [1, 2, 3, 4].map(() => failure(pool.api.f()))
    expect(runners).toHaveLength(3)
    await pool.close({ timeout: 0 })
    for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(PoolClosedError)
    expect(runners.map(({ state, goneReason }) => [state, goneReason])).toEqual(runners.map(() => ["gone", "close"]))
  })

  it("called from inside the event of a boot leaves nothing", async () => {
    const { pool, runners } = setUp({ max: 3 })
    let closed: Promise<void> | undefined
    pool.on("grow", () => {
      closed ??= pool.close({ timeout: 0 })
    })
    const calls = [pool.api.f(), pool.api.f(), pool.api.f()].map(failure)
    await closed
    for (const call of calls) expect(await call).toBeDefined()
    expect(runners.map(runner => runner.state)).toEqual(runners.map(() => "gone"))
  })
})

describe("ready()", () => {
  it("brings back what min says after its runners were let go", async () => {
    const { pool } = setUp({ max: 2, min: 1, minIdleShutdownAfter: 1 })
    const down = next(pool, "runner:down")
    await pool.ready()
    await down
    await pool.ready()
    expect(pool.stats().runners).toHaveLength(1)
    await pool.close()
  })

  it("rejects when only some of min can be booted", async () => {
    const refused = new SubmitError("no more of them")
    const { pool } = setUp({ max: 2, min: 2 }, runner => {
      if (runner.serial === 1) runner.up()
      else runner.end("boot-failed", refused)
    })
    const errors: unknown[] = []
    pool.on("error", error => errors.push(error))
    expect(await failure(pool.ready())).toBe(refused)
    await pool.close()
  })
})

describe("callbacks", () => {
  it("that lower max while runners are being booted stop the rest of them", async () => {
    const { pool, runners } = setUp({ max: 1 }, () => {}) // none ever comes up
    const calls = [1, 2, 3, 4, 5].map(() => failure(pool.api.f()))
    const counts: number[] = []
    pool.on("grow", ({ count }) => {
      counts.push(count)
      pool.scale({ max: 2 })
    })
    pool.scale({ max: 5 })
    expect(counts).toEqual([2])
    expect(runners).toHaveLength(2)
    await pool.close({ timeout: 0 })
    await Promise.all(calls)
  })

  it("that ask for more when a boot failed do not boot before its time", async () => {
    const { pool, runners } = setUp({ max: 1 }, runner =>
      queueMicrotask(() => runner.end("boot-failed", new Error("no"))),
    )
    pool.on("error", () => {})
    const asked = new Promise<void>(resolve => {
      pool.on("runner:down", () => {
        pool.cast(api => api.f())
        resolve()
      })
    })
    const call = failure(pool.api.f())
    await asked
    expect(runners).toHaveLength(1)
    await pool.close({ timeout: 0 })
    await call
  })

  it("of a boot that hangs are given up when its time is over, and do not keep close() waiting", async () => {
    const onGrowStart = () => new Promise<void>(() => {})
    const { pool } = setUp({ max: 1, onGrowStart })
    const call = failure(pool.api.f())
    await pool.close({ timeout: 0 })
    expect(await call).toBeInstanceOf(PoolClosedError)
  })

  it("that throw are `error` events, and the pool goes on", async () => {
    const boom = () => {
      throw new Error("mine")
    }
    const { pool, received } = setUp({ max: 1, idleShutdownAfter: 1, onGrowEnd: boom, onShrink: boom })
    const errors: unknown[] = []
    pool.on("error", error => errors.push(error))
    pool.on("runner:up", boom)
    const down = next(pool, "runner:down")
    const call = pool.api.f()
    await vi.waitFor(() => expect(received).toHaveLength(1))
    received[0]!.waiter.resolve(7)
    received[0]!.waiter.done()
    expect(await call).toBe(7)
    await down
    await pool.close()
    expect(errors).toEqual([new Error("mine"), new Error("mine")])
  })
})

describe("a key", () => {
  it("is refused where it would mean nothing: with singleUse, and on a lease", async () => {
    const single = setUp({ max: 1, singleUse: true }).pool
    expect(() => single.with({ key: "a" })).toThrow(/^`key` means nothing here: with `singleUse`/)
    await expect(single.call(api => api.f(), { key: "a" })).rejects.toMatchObject({ option: "key" })
    await single.close()
    const { pool } = setUp({ max: 1 })
    const lease = await pool.spawn()
    expect(() => lease.with({ key: "a" })).toThrow(/^`key` means nothing here: a lease is one runner/)
    await pool.close({ timeout: 0 })
  })
})
