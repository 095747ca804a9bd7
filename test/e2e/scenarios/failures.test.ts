/** Runners that die, freeze, are told to end, or never come. The numbers are those of FLAME's scenarios, where it fails. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createPool, local, RunnerLostError, SubmitError } from "../../../src/index.ts"
import { eachBeat } from "../../../src/shared/beat.ts"
import { HOST_VARIABLE } from "../../../src/shared/boot.ts"
import type * as ledger from "../../fixtures/modules/ledger.ts"
import { FakeSlurm } from "../../slurm/fake-slurm.ts"
import { basicPool, eventually, isAlive, keep, once, told } from "../helpers.ts"
import { WatchedBackend } from "./backend.ts"
import { heard, hold, thrownBy, work } from "./work.ts"

/** No heartbeat notices anything in the time of a test: what is noticed is noticed at once. */
const DEAF = { heartbeat: "1h", orphanTimeout: "2h" } as const

const strays: unknown[] = []
const stray = (error: unknown) => strays.push(error)
beforeEach(() => void process.on("unhandledRejection", stray))
afterEach(() => {
  process.off("unhandledRejection", stray)
  expect(strays.splice(0)).toEqual([])
})

describe("a runner that is killed", () => {
  it("#41 takes along what ran on it, and nothing that waited: that runs once, on another", async () => {
    const module = new URL("../../fixtures/modules/ledger.ts", import.meta.url)
    const pool = keep(createPool<typeof ledger>({ module, max: 1, logger: false, ...DEAF }))
    const before = await pool.api.where()
    const started = told()
    const running = thrownBy(pool.api.untilAborted(0, started.tell))
    await started.promise
    const queued = [1, 2, 3, 4].map(n => pool.api.echo(n, n))
    expect(pool.stats()).toMatchObject({ queued: 4, inFlight: 1 })
    process.kill(before.ppid, "SIGKILL")
    const error = await running
    expect(error).toBeInstanceOf(RunnerLostError)
    expect(error).toMatchObject({ runnerId: before.id, started: true, evidence: { signal: "SIGKILL" } })
    expect(await Promise.all(queued)).toEqual([1, 2, 3, 4])
    expect((await pool.api.where()).id).not.toBe(before.id)
    expect(await pool.api.ledger()).toEqual(new Map([1, 2, 3, 4].map(n => [n, 1])))
  })

  it("#42 takes along eight unlinked calls, and the pool goes on", async () => {
    const pool = basicPool({ ...DEAF, maxConcurrency: 8 })
    const { id, ppid } = await pool.api.where()
    const running = await hold(pool.with({ link: false }), 8)
    const queued = [1, 2, 3].map(n => pool.with({ link: false }).add(n, n))
    process.kill(ppid, "SIGKILL")
    for (const { call } of running) {
      expect(await thrownBy(call)).toMatchObject({
        code: "ERR_FLAME_RUNNER_LOST",
        runnerId: id,
        started: true,
        evidence: { signal: "SIGKILL" },
      })
    }
    expect(await Promise.all(queued)).toEqual([2, 4, 6])
    expect(pool.stats()).toMatchObject({ queued: 0, inFlight: 0 })
    expect((await pool.api.where()).id).not.toBe(id)
  })
})

describe("boots that always fail", () => {
  it("#46 are tried again after longer and longer pauses, then not at all; who calls is given sbatch's words", async () => {
    const slurm = new FakeSlurm()
    slurm.answer("sbatch", { stderr: "sbatch: error: Batch job submission failed: no such luck\n", exitCode: 1 })
    const asked: number[] = []
    const backend = new WatchedBackend({ inner: slurm.backend(), before: () => asked.push(performance.now()) })
    const pool = basicPool({ backend })
    const errors = heard(pool, "error")
    const words = "sbatch refused the job: Batch job submission failed: no such luck"
    for (let n = 1; n <= 5; n++) {
      const error = await thrownBy(pool.api.add(n, n))
      expect(error).toBeInstanceOf(SubmitError)
      expect(error.message).toContain(words)
      expect(asked).toHaveLength(n)
    }
    const pauses = asked.slice(1).map((at, i) => at - asked[i]!)
    for (const [i, pause] of pauses.entries()) expect(pause).toBeGreaterThan(500 * 2 ** i - 10)
    expect(errors).toHaveLength(1) // the others were told to who called
    expect(errors[0]).toMatchObject({ code: "ERR_FLAME_BOOT" })
    expect(errors[0].message).toMatch(/so many boots have failed in a row that no more runners are submitted for 1m/)
    expect(errors[0].message).toContain(words)
    const refused = await thrownBy(pool.api.add(6, 6))
    expect(refused).toMatchObject({ code: "ERR_FLAME_BOOT", cause: { code: "ERR_FLAME_SUBMIT" } })
    expect(refused.message).toMatch(/the last 5 boots failed, and the next is tried in/)
    expect(refused.message).toContain(words)
    expect(slurm.calls("sbatch")).toHaveLength(5)
  })
})

describe("a runner that is told to end", () => {
  it("#47 takes no new work; what runs may finish in time or is cut, what waits moves on, and it is gone in time", async () => {
    const drained = told()
    const inner = local({ killWait: "4s" })
    const backend = new WatchedBackend({ inner, before: n => (n === 1 ? undefined : drained.promise) })
    const pool = basicPool({ max: 2, maxConcurrency: 2, backend })
    const { id, pid, ppid } = await pool.api.where()
    const finishing = told()
    const finishes = pool.api.hold(finishing.tell)
    const stubborn = work(pool.api)
    await Promise.all([finishing.promise, stubborn.started])
    const queued = pool.api.where()
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 2 })
    const drain = once(pool, "runner:drain")
    const [job] = backend.jobs
    await job!.cancel() // as scancel: SIGTERM now, and SIGKILL for all that is left after killWait
    expect(await drain).toMatchObject({ id, drainReason: "cancelled" })
    const late = pool.api.where()
    expect(await finishes).toBe("runner aborted")
    // Although it has a free slot now. (One may have been sent there before the news of the drain came, and is on its way back.)
    await eventually(() => pool.stats().queued === 2, "both calls to wait for another runner")
    await drained.tell()
    const [one, two] = await Promise.all([queued, late])
    expect(one.id).not.toBe(id)
    expect(two.id).toBe(one.id)
    expect(await thrownBy(stubborn.call)).toMatchObject({
      code: "ERR_FLAME_RUNNER_LOST",
      runnerId: id,
      reason: "cancelled",
      started: true,
    })
    const { evidence } = await job!.ended()
    expect(evidence).toMatchObject({ exitCode: 0 }) // by itself, before it was shot
    expect(evidence.signal).toBe(undefined)
    await eventually(() => !isAlive(pid) && !isAlive(ppid), "its processes end")
  })

  it("#55 because its walltime is near takes no call or lease, which it could not finish", async () => {
    // What says that it needs more time than a runner has is never given it (needs.test.ts); what says nothing, until it drains.
    const backend = local({ walltime: "10s", signalBefore: "4s" })
    const pool = basicPool({ max: 2, maxConcurrency: 2, backend, handover: false }) // else another would be there by then
    const first = await pool.api.where()
    const [long] = await hold(pool.api, 1) // keeps the runner there, with a slot free
    const warned = await once(pool, "runner:drain")
    expect(warned).toMatchObject({ id: first.id, drainReason: "walltime", inFlight: 1 })
    const call = pool.with({ timeout: "1h" }).where()
    expect(pool.stats()).toMatchObject({ queued: 1, inFlight: 1, runners: [{ state: "draining" }, {}] })
    const lease = pool.spawn({ timeout: "1h" })
    await long!.finish() // in the time that is left
    expect((await call).id).not.toBe(first.id)
    expect((await lease).id).not.toBe(first.id)
  })
})

describe("a runner that is frozen", () => {
  it("#48 is noticed after three heartbeats: it gets no call any more, and who called is told", async () => {
    process.env[HOST_VARIABLE] = "127.0.0.1"
    const heartbeat = 500
    const noticed = told<string>()
    const hear = (fields: unknown, text: string) => {
      if (/connection was cut/.test(text)) void noticed.tell((fields as { reason: string }).reason)
    }
    const backend = new WatchedBackend({ inner: local({ killWait: "1s" }), network: "fabric" })
    const pool = basicPool({
      max: 2,
      maxConcurrency: 2,
      backend,
      heartbeat,
      reconnectTimeout: 10, // else it is waited for: a network that is cut looks the same
      logger: { debug() {}, info() {}, warn: hear, error: hear },
    })
    let beats = 0
    let stop = () => {}
    try {
      const { id, pid, ppid } = await pool.api.where()
      const [running] = await hold(pool.api, 1)
      stop = eachBeat(heartbeat, () => void beats++) // by the timer of the heartbeats themselves: late when they are
      for (const process_ of [ppid, pid]) process.kill(process_, "SIGSTOP")
      expect(await noticed.promise).toMatch(/no answer to three heartbeats of 500 ms/)
      // Three without an answer, the look that counts them, and one that was answered before.
      expect(beats).toBeLessThanOrEqual(5)
      const elsewhere = pool.api.where() // there is a slot, on the frozen one
      expect(await thrownBy(running!.call)).toMatchObject({
        code: "ERR_FLAME_RUNNER_LOST",
        runnerId: id,
        reason: "network",
        started: true,
      })
      expect((await elsewhere).id).not.toBe(id)
      await eventually(() => !isAlive(pid) && !isAlive(ppid), "the frozen processes end")
    } finally {
      stop()
      delete process.env[HOST_VARIABLE]
    }
  })
})
