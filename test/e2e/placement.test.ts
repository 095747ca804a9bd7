/** `pool.place()`: long-lived things on runners. The numbers are those of FLAME's scenarios. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { placement, RunnerLostError } from "../../src/index.ts"
import { once, resourcePool, thrownBy, told } from "./helpers.ts"

const strays: unknown[] = []
const stray = (error: unknown) => strays.push(error)
beforeEach(() => void process.on("unhandledRejection", stray))
afterEach(() => {
  process.off("unhandledRejection", stray)
  expect(strays.splice(0)).toEqual([])
})

describe("what is placed", () => {
  it("#19 boots a runner, is called, keeps the runner from idling, and lets it go when it is released", async () => {
    const pool = resourcePool({ idleShutdownAfter: 100 })
    const down = once(pool, "runner:down")
    const disposed = told<string>()
    const svc = await pool.place(api => api.startService(async what => void disposed.tell(what)))
    expect(await svc.next()).toBe(1)
    expect(await svc.next()).toBe(2)
    expect(await svc.count).toBe(2)
    expect(await svc.inherited()).toBe("inherited")
    expect(await svc.config.rate).toBe(0.5)
    expect(await svc.config.deep.twice(4)).toBe(8)
    const { runner, closed } = placement(svc)
    expect(runner).toEqual({
      id: pool.stats().runners[0]!.id,
      jobId: expect.stringMatching(/^local-/),
      node: expect.any(String),
    })
    // Longer than the runner may idle: nothing tells that it stays but that it has not gone.
    await new Promise(resolve => setTimeout(resolve, 400))
    expect(pool.stats()).toMatchObject({ inFlight: 1, runners: [{ state: "ready" }] })
    await svc[Symbol.asyncDispose]()
    expect(await disposed.promise).toBe("disposed")
    await closed
    expect(pool.stats().inFlight).toBe(0)
    expect(await down).toMatchObject({ goneReason: "idle" })
  })

  it("is released when place() is given up, whatever its function still waits for", async () => {
    const pool = resourcePool()
    const disposed = told<string>()
    const controller = new AbortController()
    const placing = pool.place(
      async api => {
        const svc = await api.startService(async what => void disposed.tell(what))
        controller.abort(new Error("enough"))
        await new Promise(() => {}) // its health, say
        return svc
      },
      { signal: controller.signal },
    )
    await expect(placing).rejects.toMatchObject({ name: "AbortError", started: true })
    expect(await disposed.promise).toBe("disposed")
    await pool.api.ping() // its slot is free
  })

  it("holds one slot, and its own methods take none", async () => {
    const pool = resourcePool()
    const svc = await pool.place(api => api.startService())
    const queued = pool.api.ping()
    expect(await Promise.all([svc.next(), svc.next(), svc.next()])).toEqual([1, 2, 3])
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 1 })
    await svc[Symbol.asyncDispose]()
    expect(await queued).toBe("pong")
  })

  it("takes callbacks, returns streams, and its errors are themselves", async () => {
    const pool = resourcePool()
    await using svc = await pool.place(api => api.startService())
    const seen: number[] = []
    expect(await svc.each(3, async i => void seen.push(i))).toBe(3)
    expect(seen).toEqual([0, 1, 2])
    const items: number[] = []
    for await (const i of svc.scan(3)) items.push(i)
    expect(items).toEqual([0, 1, 2])
    const error = await thrownBy(svc.fail())
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: "out of it", code: "E_RANGE", cause: { message: "inner" } })
    expect(error.remote.runnerId).toBe(placement(svc).runner.id)
  })

  it("is released once, also by several at a time, and says so to who calls it then", async () => {
    const pool = resourcePool()
    let disposed = 0
    const svc = await pool.place(api => api.startService(async () => void disposed++))
    await Promise.all([svc[Symbol.asyncDispose](), placement(svc).release(), svc[Symbol.asyncDispose]()])
    await svc[Symbol.asyncDispose]()
    expect(disposed).toBe(1)
    expect(await thrownBy(svc.next())).toMatchObject({ code: "ERR_FLAME_RELEASED", message: /next was not called/ })
  })

  it("gives its caller the error of a disposal that fails, and frees the slot", async () => {
    const pool = resourcePool()
    const svc = await pool.place(api => api.startStubborn())
    expect(await svc.ping()).toBe("pong")
    expect(await thrownBy(svc[Symbol.asyncDispose]())).toMatchObject({ name: "RangeError", message: "does not stop" })
    await placement(svc).closed
    expect(await pool.api.ping()).toBe("pong")
  })

  it("shows no more than its own members and those of its classes", async () => {
    const pool = resourcePool()
    const svc: any = await pool.place(api => api.startService())
    expect(svc.then).toBe(undefined)
    expect(svc.constructor).toBe(undefined)
    expect(String(svc)).toBe("[remote object]")
    for (const name of ["toString", "hasOwnProperty", "valueOf", "#n", "nothing"])
      expect([name, await thrownBy(svc[name]())]).toMatchObject([name, { code: "ERR_FLAME_NO_EXPORT" }])
    expect(await thrownBy(svc.next.bind.name())).toMatchObject({ code: "ERR_FLAME_NO_EXPORT" })
    expect(() => {
      svc.count = 3
    }).toThrow(/object\.count cannot be assigned/)
  })

  it("#20 tells its owner when it fails; when it ends by itself the slot is free as well", async () => {
    // A JavaScript object cannot be killed from outside: its own `closed` promise is how it ends.
    const pool = resourcePool({ idleShutdownAfter: 50 })
    const failing = await pool.place(api => api.startService())
    await failing.crash("disk full")
    const error = await thrownBy(placement(failing).closed)
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toBe("disk full")
    expect(await thrownBy(failing.next())).toMatchObject({ code: "ERR_FLAME_RELEASED" })

    const down = once(pool, "runner:down")
    let disposed = 0
    const ending = await pool.place(api => api.startService(async () => void disposed++))
    await ending.endNow()
    await placement(ending).closed
    await placement(ending).release() // nothing is left to be released
    expect(disposed).toBe(0)
    expect(await down).toMatchObject({ goneReason: "idle" })
  })

  it("is lost with its runner, and who does not look at that hears no unhandled rejection", async () => {
    const pool = resourcePool()
    const svc = await pool.place(api => api.startService())
    const pending = thrownBy(svc.exit())
    const error = await thrownBy(placement(svc).closed)
    expect(error).toBeInstanceOf(RunnerLostError)
    expect(error).toMatchObject({ reason: "crashed", evidence: { exitCode: 3 } })
    expect(await pending).toBeInstanceOf(RunnerLostError)
    expect(await thrownBy(svc.next())).toBeInstanceOf(RunnerLostError)
    await svc[Symbol.asyncDispose]()
    expect(await pool.api.ping()).toBe("pong")
  })

  it("#21 goes with its owner: the signal releases it", async () => {
    const pool = resourcePool({ idleShutdownAfter: 50 })
    const down = once(pool, "runner:down")
    const owner = new AbortController()
    const disposed = told<string>()
    const svc = await pool.place(api => api.startService(async what => void disposed.tell(what)), {
      signal: owner.signal,
    })
    expect(await svc.next()).toBe(1)
    owner.abort()
    expect(await disposed.promise).toBe("disposed")
    await placement(svc).closed
    expect(await down).toMatchObject({ goneReason: "idle" })
  })

  it("#22 with link: false lives on without its owner, until it ends", async () => {
    const pool = resourcePool({ idleShutdownAfter: 50 })
    const down = once(pool, "runner:down")
    const owner = new AbortController()
    let disposed = 0
    const svc = await pool.place(api => api.startService(async () => void disposed++), {
      signal: owner.signal,
      link: false,
    })
    owner.abort()
    await new Promise(resolve => setTimeout(resolve, 300)) // nothing tells that it was let alone
    expect(await svc.next()).toBe(1)
    expect(disposed).toBe(0)
    await svc.endNow()
    await placement(svc).closed
    expect(await down).toMatchObject({ goneReason: "idle" })
  })

  it("#51 rejects with the very error of a start that fails, and the slot is free", async () => {
    const pool = resourcePool()
    const error = await thrownBy(pool.place(api => api.startFailing()))
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: "port in use", code: "E_PORT" })
    expect(pool.stats().inFlight).toBe(0)
    expect(await pool.api.ping()).toBe("pong")
  })

  it.each([
    ["startNumber", "number"],
    ["startArray", "an array"],
    ["startStream", "a stream"],
  ] as const)("must be an object: %s", async (name, what) => {
    const pool = resourcePool()
    expect(await thrownBy(pool.place(api => (api[name] as () => unknown)()))).toMatchObject({
      code: "ERR_FLAME_STATE",
      message: expect.stringContaining(`${name} returned ${what}: place() needs an object`),
    })
    expect(await pool.api.ping()).toBe("pong")
  })

  it("comes of one call, whose result is returned; what else was made is released", async () => {
    const pool = resourcePool()
    const disposed = told<string>()
    expect(
      await thrownBy(
        pool.place(async api => {
          await api.startService(async what => void disposed.tell(what))
          return 7
        }),
      ),
    ).toMatchObject({ code: "ERR_FLAME_STATE", message: expect.stringContaining("returned 7") })
    expect(await disposed.promise).toBe("disposed")
    expect(
      await thrownBy(
        pool.place(async api => {
          await api.startService()
          return await api.startService()
        }),
      ),
    ).toMatchObject({ code: "ERR_FLAME_STATE", message: expect.stringContaining("a second call") })
    expect(await pool.api.ping()).toBe("pong")
    expect(await thrownBy(pool.place("x" as never))).toMatchObject({ code: "ERR_FLAME_OPTION" })
  })

  it("is released when the pool closes, which waits for nothing else", async () => {
    const pool = resourcePool({ max: 2, shutdownTimeout: "10m" })
    const seen: string[] = []
    const svc = await pool.place(api => api.startService(async what => void seen.push(what)))
    const kept = await pool.place(api => api.startService(async what => void seen.push(what)), { link: false })
    await pool.close()
    expect(seen).toEqual(["disposed", "disposed"])
    await placement(svc).closed
    await placement(kept).closed
  })

  it("that comes when the pool closes already is released as well", async () => {
    const pool = resourcePool({ shutdownTimeout: "10m" })
    const disposed = told<string>()
    const placing = pool.place(api => api.startService(async what => void disposed.tell(what)))
    await pool.close() // the call was queued before: it is finished
    await placement(await placing).closed
    expect(await disposed.promise).toBe("disposed")
  })

  it("lets its methods finish when the runner drains, then is disposed of, and lost", async () => {
    const pool = resourcePool()
    const disposed = told<string>()
    const started = told()
    const until = told()
    const svc = await pool.place(api => api.startService(async what => void disposed.tell(what)))
    const { jobId } = placement(svc).runner
    const work = svc.work(started.tell, () => until.promise)
    await started.promise
    const drain = once(pool, "runner:drain")
    process.kill(Number(jobId!.slice("local-".length)), "SIGTERM")
    await drain
    await until.tell()
    expect(await work).toBe("worked")
    expect(await disposed.promise).toBe("disposed")
    expect(await thrownBy(placement(svc).closed)).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "cancelled" })
  })

  it("takes what placement() is given for what it is", () => {
    expect(() => placement({})).toThrow(/placement\(\) takes what pool\.place\(\) gave/)
  })
})
