/** What a caller sees of its call. The numbers are those of FLAME's scenarios. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { CallTimeoutError, RunnerLostError, SubmitError } from "../../../src/index.ts"
import { basicPool, once, told } from "../helpers.ts"
import { WatchedBackend } from "./backend.ts"
import { heard, hold, thrownBy } from "./work.ts"

const strays: unknown[] = []
const stray = (error: unknown) => strays.push(error)
beforeEach(() => void process.on("unhandledRejection", stray))
afterEach(() => {
  process.off("unhandledRejection", stray)
  expect(strays.splice(0)).toEqual([])
})

/** No heartbeat notices anything in the time of a test: what is noticed is noticed at once. */
const DEAF = { heartbeat: "1h", orphanTimeout: "2h" } as const

describe("a call", () => {
  it("#9 returns its value, and the next one finds the same runner; who asks twice for runners gets them once", async () => {
    // A pool boots by itself: to wait for it twice is as near as a user comes to booting a runner twice.
    const pool = basicPool({ min: 1, max: 2 })
    await Promise.all([pool.ready(), pool.ready()])
    await pool.ready()
    expect(pool.stats().runners).toHaveLength(1)
    const first = await pool.api.where()
    expect(await pool.api.where()).toEqual(first)
    expect(first.id).toBe(pool.stats().runners[0]!.id)
  })

  it("#10 that throws gives its caller that error and where it was thrown, and the runner serves on", async () => {
    const pool = basicPool()
    const before = await pool.api.where()
    const error = await thrownBy(pool.api.boom())
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toBe("boom")
    expect(error.remote).toMatchObject({ runnerId: before.id, jobId: before.jobId, node: before.node })
    expect(error.remote.stack).toMatch(/RangeError: boom\n.*boom.*basic\.ts:\d+/)
    expect(await pool.api.where()).toEqual(before)
  })

  it("#10 that throws on a runner for single use ends it all the same", async () => {
    const pool = basicPool({ singleUse: true })
    const down = once(pool, "runner:down")
    const error = await thrownBy(pool.api.boom())
    expect(error).toMatchObject({ name: "RangeError", message: "boom" })
    expect(await down).toMatchObject({ id: error.remote.runnerId, goneReason: "single-use" })
    expect((await pool.api.where()).id).not.toBe(error.remote.runnerId)
  })

  it("#11 that takes longer than its timeout rejects at once, its work is told to stop, and the runner serves on", async () => {
    // Nothing can kill one function of a process that runs others: its signal tells it, and it has its slot until it has ended.
    const pool = basicPool({ maxConcurrency: 2 })
    const before = await pool.api.where()
    const stopped = told<unknown>()
    const error = await thrownBy(pool.with({ timeout: "1s" }).linger(async () => {}, stopped.tell))
    expect(error).toBeInstanceOf(CallTimeoutError)
    expect(error).toMatchObject({ timeoutMs: 1_000, started: true, retryable: false })
    expect(pool.stats()).toMatchObject({ inFlight: 1 })
    expect(await stopped.promise).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT" })
    let open = 0
    while (open === 0) open = await pool.api.openGates() // now it may end
    const both = await hold(pool.api, 2) // both slots are free again
    await Promise.all(both.map(({ finish }) => finish()))
    expect(await pool.api.where()).toEqual(before)
  })

  it("#11 that takes longer than its timeout ends a runner for single use", async () => {
    const pool = basicPool({ singleUse: true, min: 1 })
    await pool.ready()
    const down = once(pool, "runner:down")
    const { id } = pool.stats().runners[0]!
    const error = await thrownBy(pool.with({ timeout: "1s" }).hold(async () => {}))
    expect(error).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: true })
    expect(await down).toMatchObject({ id, goneReason: "single-use" })
    expect((await pool.api.where()).id).not.toBe(id)
  })

  it("#12 whose process is killed tells its caller how it died; the runner goes on, and ends when it is idle", async () => {
    const pool = basicPool({ ...DEAF, idleShutdownAfter: 100 })
    const down = once(pool, "runner:down")
    const restarted = once(pool, "runner:up")
    const pid = told<number>()
    const call = thrownBy(
      pool.call(async api => {
        const where = await api.where()
        const held = api.gate(() => pid.tell(where.pid))
        return await held
      }),
    )
    const { id } = await restarted
    const again = once(pool, "runner:up")
    process.kill(await pid.promise, "SIGKILL")
    const error = await call
    expect(error).toBeInstanceOf(RunnerLostError)
    expect(error).toMatchObject({ runnerId: id, reason: "crashed", started: true, evidence: { signal: "SIGKILL" } })
    expect(await again).toMatchObject({ id }) // the job lives: its next worker serves
    expect(await down).toMatchObject({ id, goneReason: "idle" })
  })

  it("#13 with link: false that throws: the error is its caller's to catch, and the runner ends when it is idle", async () => {
    const pool = basicPool({ idleShutdownAfter: 100 })
    const errors = heard(pool, "error")
    const down = once(pool, "runner:down")
    const error = await thrownBy(pool.with({ link: false }).boom())
    expect(error).toMatchObject({ name: "RangeError", message: "boom" })
    expect(await down).toMatchObject({ id: error.remote.runnerId, goneReason: "idle" })
    expect(errors).toEqual([])
  })

  it("#14 whose runner is killed fails at once, as do all that ran there", async () => {
    const pool = basicPool({ ...DEAF, maxConcurrency: 3 })
    const { id, ppid } = await pool.api.where()
    const calls = await hold(pool.api, 3)
    process.kill(ppid, "SIGKILL")
    const errors = await Promise.all(calls.map(({ call }) => thrownBy(call)))
    for (const error of errors) {
      expect(error).toBeInstanceOf(RunnerLostError)
      expect(error).toMatchObject({ runnerId: id, started: true, retryable: false, evidence: { signal: "SIGKILL" } })
    }
    expect(new Set(errors).size).toBe(3) // each its own, with its own stack
    expect((await pool.api.where()).id).not.toBe(id)
  })
})

describe("a call whose runner cannot be booted", () => {
  it("#15 rejects with the backend's own reason, and so does who waits for the pool", async () => {
    const refused = new SubmitError("authentication failure: who are you?")
    const backend = new WatchedBackend({
      before: () => {
        throw refused
      },
    })
    const pool = basicPool({ backend, min: 1 })
    const ready = thrownBy(pool.ready())
    expect(await thrownBy(pool.api.add(1, 1))).toBe(refused)
    expect(await ready).toBe(refused)
    expect(backend.asked).toBe(1) // what is refused once is not asked for again by itself
  })

  it("#15 rejects with a reason that may have been chance only when it comes again and again", async () => {
    const backend = new WatchedBackend({
      before: n => {
        throw new Error(`getaddrinfo ENOTFOUND nxdomain, ${n}`)
      },
    })
    const pool = basicPool({ backend })
    const errors = heard(pool, "error")
    const error = await thrownBy(pool.api.add(1, 1))
    expect(error.message).toBe("getaddrinfo ENOTFOUND nxdomain, 3")
    expect(backend.asked).toBe(3)
    expect(errors.map(({ message }) => message)).toEqual([1, 2].map(n => `getaddrinfo ENOTFOUND nxdomain, ${n}`))
  })
})

describe("a cast", () => {
  it("#18 with link: false that kills its process concerns nobody else, and the runner ends when it is idle", async () => {
    const pool = basicPool({ max: 2, idleShutdownAfter: 100 })
    const failed = once(pool, "error")
    const [own] = await hold(pool.api, 1)
    const { id: home } = pool.stats().runners[0]!
    pool.cast(api => api.exit(3), { link: false })
    const error = await failed
    expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "crashed", evidence: { exitCode: 3 } })
    expect(error.runnerId).not.toBe(home)
    expect(await once(pool, "runner:down")).toMatchObject({ id: error.runnerId, goneReason: "idle" })
    await own!.finish() // who cast it goes on
  })
})

describe("a timeout", () => {
  /** A time that begins later than a call's own is over later, too, if that is the time of the whole call. */
  const clock = (ms: number) =>
    new Promise(resolve => void setTimeout(resolve, ms + 50, "a time that began later is over"))

  it("#44 is for the whole of a call: the wait for a slot and the run together", async () => {
    const pool = basicPool()
    const [holder, queued] = [told(), told()]
    let later: Promise<unknown> | undefined
    const first = pool.call(async api => {
      await holder.tell()
      await queued.promise
      await api.nap(200)
      later = clock(2_000)
      await api.nap(300)
    })
    await holder.promise
    const call = thrownBy(pool.with({ timeout: "2s" }).hold(async () => {}))
    expect(pool.stats()).toMatchObject({ queued: 1 })
    await queued.tell()
    await first
    const error = await Promise.race([call, later])
    expect(error).toBeInstanceOf(CallTimeoutError)
    expect(error).toMatchObject({ started: true, timeoutMs: 2_000 })
  })

  it("#44 is for the whole of a call: the boot of its runner counts", async () => {
    const submitted = told<{ later: Promise<unknown> }>()
    const backend = new WatchedBackend({ before: () => submitted.tell({ later: clock(3_000) }) })
    const pool = basicPool({ backend })
    const call = thrownBy(pool.with({ timeout: "3s" }).hold(async () => {}))
    const { later } = await submitted.promise
    expect(await Promise.race([call, later])).toBeInstanceOf(CallTimeoutError)
  })

  it("#44 is over while the runner cannot even be submitted; that one boots for those who wait longer", async () => {
    const submission = told()
    const pool = basicPool({ backend: new WatchedBackend({ before: () => submission.promise }) })
    const patient = pool.api.add(1, 2)
    const error = await thrownBy(pool.with({ timeout: 50 }).add(1, 1))
    expect(error).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: false, retryable: true })
    expect(pool.stats()).toMatchObject({ queued: 1, runners: [{ state: "submitting" }] })
    await submission.tell()
    expect(await patient).toBe(3)
  })
})
