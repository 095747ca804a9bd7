/** What is tested of the end of a job's time, one function each: they run side by side, since a minute's limit costs a minute. */
import { expect } from "vitest"
import { mustRun } from "../command.ts"
import { runAs } from "../harness.ts"
import { call, close, spawn, start, type Where } from "../parent.ts"
import { endOf, shortJob, vanished } from "./short-job.ts"

const MINUTE = 60_000

/** Work that does not end by itself is cut off in time: the job ends before Slurm ends it, and nothing is left. */
export async function cutInTime(method: "ignore" | "block" | "stuck"): Promise<void> {
  const { parent, where, deadline } = await shortJob(1)
  const id = start(parent, method, ["$report"])
  const { value } = await parent.next("report")
  const { error } = await parent.next("failed")
  expect(Date.now()).toBeLessThan(deadline)
  expect(deadline - Date.now()).toBeLessThan(2_500) // it had all of its time: what is kept for the end are 1.5 s
  expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "walltime", started: true })
  expect(error.evidence).toMatchObject({ jobId: where.jobId, node: where.node, timeLimitMs: MINUTE })
  expect(error.message).toMatch(/walltime: its time limit of 1m was over/)
  expect(error.message).toMatch(/needs.*resumable.*more time/s)
  expect(await parent.next("runner:down")).toMatchObject({ info: { goneReason: "walltime" } })
  expect(id).toBeGreaterThan(0)
  expect(await endOf(where.jobId)).toBe("COMPLETED")
  await vanished(where, Array.isArray(value) ? value : [])
  await close(parent)
}

/** Slurm's warning may come a second after the start of a job of a minute: it takes nothing away. */
export async function earlyWarning(): Promise<void> {
  // By its own clock the warning is due after 30 s; slurmctld sends it up to 30 s before that, and so do we.
  const { parent, where, deadline } = await shortJob(1, { signalBefore: "30s" })
  await runAs("flame", ["scancel", "--batch", "--signal=TERM", where.jobId])
  const drained = parent.next("runner:drain")
  let over = false
  void drained.then(() => {
    over = true
  })
  await spawn(parent, "a")
  const lease = parent.next("closed")
  let served = 0
  while (!over && deadline - Date.now() > 31_000) {
    expect(await call<Where>(parent, "where", [], "a")).toMatchObject({ jobId: where.jobId })
    served += 1
  }
  expect(over).toBe(false)
  expect(served).toBeGreaterThan(20)
  expect((await drained).info).toMatchObject({ jobId: where.jobId, drainReason: "walltime" })
  expect(Math.abs(deadline - Date.now() - 30_000)).toBeLessThan(3_000)
  expect(await lease).toMatchObject({ info: { reason: "walltime" } })
  expect(await endOf(where.jobId)).toBe("COMPLETED")
  await vanished(where)
  await close(parent)
}

/** The same signal at the same time, but it is a cancel: Slurm is asked, and what runs is told at once, since KillWait is short. */
export async function cancelledNearTheEnd(): Promise<void> {
  const { parent, where, deadline } = await shortJob(1, { signalBefore: "30s" })
  start(parent, "hold", ["$report"])
  await parent.next("report")
  await runAs("flame", ["scancel", where.jobId])
  expect((await parent.next("runner:drain")).info).toMatchObject({ jobId: where.jobId, drainReason: "cancelled" })
  expect(await parent.next("result")).toMatchObject({ value: "runner aborted" })
  expect(deadline - Date.now()).toBeGreaterThan(30_000)
  expect(await parent.next("runner:down")).toMatchObject({ info: { goneReason: "cancelled" } })
  expect(await endOf(where.jobId)).toBe("CANCELLED")
  await vanished(where)
  await close(parent)
}

/** An administrator gives a job that serves more time: its runner works on past its first end. */
export async function lengthened(): Promise<void> {
  const { parent, where, deadline } = await shortJob(1)
  await spawn(parent, "a")
  await mustRun(["scontrol", "update", `jobid=${where.jobId}`, "TimeLimit=3"])
  let told = deadline
  // A call at a time, until one has been served that began after the first end.
  for (let last = false; !last; ) {
    last = Date.now() > deadline
    told = (await call<number | undefined>(parent, "deadline", [], "a"))!
    await call(parent, "rest", [500], "a")
  }
  expect(await call<Where>(parent, "where", [], "a")).toMatchObject({ jobId: where.jobId })
  expect(Math.abs(told - deadline - 2 * MINUTE)).toBeLessThan(2_000)
  await close(parent)
  await vanished(where)
}

/** Somebody has it drained, and then wants it gone. */
export async function secondSignal(): Promise<void> {
  const { parent, where } = await shortJob(9)
  start(parent, "ignore", ["$report"])
  await parent.next("report")
  const drain = ["scancel", "--batch", "--signal=TERM", where.jobId]
  await runAs("flame", drain)
  expect(await parent.next("runner:drain")).toMatchObject({ info: { drainReason: "cancelled" } })
  const failed = parent.next("failed")
  let over = false
  void failed.then(() => {
    over = true
  })
  const since = performance.now()
  while (!over) await runAs("flame", drain) // those within a second of the first are the same one
  expect((await failed).error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", started: true })
  expect(performance.now() - since).toBeLessThan(30_000)
  expect(await endOf(where.jobId)).toBe("COMPLETED")
  await vanished(where)
  await close(parent)
}
