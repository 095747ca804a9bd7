/**
 * Long work on short jobs, with real limits. The minutes pass once: all cases wait side by side, each with its own parent, and whoever
 * breaks a node breaks n3, on which only those run that want it.
 *
 * SLURM_FLAME_FULL_SIZE=1: the stream takes 15 minutes instead of 3.7, and the training ten instead of two and a half. SLURM_FLAME_FIGURES=1:
 * what came of both is printed.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { mustRun } from "./command.ts"
import { startNow, stateOf } from "./diary.ts"
import { cluster, endPrograms, inNode, noJobsLeft, onCluster, runAs, sbatch, waitFor } from "./harness.ts"
import { HEAD, nothingLeft } from "./parent.ts"
import { cancelledNearTheEnd, cutInTime, earlyWarning, lengthened, secondSignal } from "./walltime/bodies.ts"
import { partitionDown } from "./walltime/closed.ts"
import { LOST, onJobs, uninterrupted } from "./walltime/long-train.ts"
import { Outage } from "./walltime/outage.ts"
import { DARK, stream } from "./walltime/stream.ts"
import { finishes, reachesAll } from "./walltime/warned.ts"
import { ends } from "./walltime/ways.ts"

const FULL = process.env.SLURM_FLAME_FULL_SIZE === "1"
const STREAM_SECONDS = FULL ? 900 : 220
const TRAIN_MINUTES = FULL ? 10 : 2.5
/** For a case, on a machine that is busy with all of them. Milliseconds. */
const LIMIT = (FULL ? 20 : 5) * 60_000

/** Where nothing happens, and where a node goes dark: as many jobs as fit are on n3, since it weighs least. */
const QUIET = { exclude: "n3" }
const IN_DANGER = { exclude: "n1" }
/** Slurm's own words, as the user. */
async function byHand(...argv: string[]): Promise<void> {
  expect(await runAs("flame", argv)).toMatchObject({ code: 0, stderr: "" })
}
/** Of nodes that a job may have, Slurm takes one of the least weight. */
async function weigh(others: number): Promise<void> {
  for (const node of ["n1", "n2"]) await mustRun(["scontrol", "update", `nodename=${node}`, `weight=${others}`])
}

onCluster("long work on short jobs:", () => {
  const outage = new Outage("n3")

  beforeAll(() => weigh(10))

  afterAll(async () => {
    await endPrograms()
    await runAs("flame", ["scancel", "--user=flame"])
    await noJobsLeft()
    await cluster("heal", outage.node)
    await weigh(1)
    await inNode(outage.node, ["sh", "-c", "rm -rf /tmp/slurm-flame-*"]) // the machine was off
    await nothingLeft()
  })

  // The longest first: they decide how long it takes.
  describe.concurrent("a stream of short calls on jobs of two minutes", () => {
    test.sequential(
      "loses no call and runs none twice",
      async () => {
        const { sent, failed, twice, jobs, alone } = await stream({ seconds: STREAM_SECONDS, sbatch: QUIET })
        expect(failed).toEqual([])
        expect(twice).toEqual([])
        expect(alone).toEqual([]) // each had a successor that served before it was warned
        expect(sent).toBeGreaterThan(STREAM_SECONDS)
        expect(jobs.length).toBeGreaterThan(STREAM_SECONDS / 120)
      },
      LIMIT,
    )
  })

  describe.concurrent("a stream of short calls whose node loses its power", () => {
    test.sequential(
      "is told of each call that ran there and may not run again, and runs the others again",
      async () => {
        const { failed, twice } = await stream({ seconds: STREAM_SECONDS, sbatch: IN_DANGER, outage })
        // Nothing is lost without a word, and nothing that was not declared is run twice.
        for (const { error } of failed) {
          expect(error).toMatchObject({
            code: "ERR_FLAME_RUNNER_LOST",
            started: true,
            evidence: { node: outage.node },
          })
          expect(DARK).toContain(error.reason)
        }
        expect(failed.filter(({ id }) => id % 2 === 0)).toEqual([])
        expect(twice.filter(id => id % 2 === 1)).toEqual([])
        expect(failed.length + twice.length).toBeGreaterThan(0)
      },
      LIMIT,
    )
  })

  describe.concurrent("a training that is longer than its jobs", () => {
    const whole = () => (expected ??= uninterrupted(TRAIN_MINUTES))
    let expected: Promise<string> | undefined

    test.concurrent(
      "has the weights of one without a pause, bit for bit",
      async () => {
        const [training, digest] = await Promise.all([
          onJobs({ minutes: TRAIN_MINUTES, sbatch: ["exclude=n3"] }),
          whole(),
        ])
        expect(training.digest).toBe(digest)
        expect(training.interrupted).toBeGreaterThan(0)
      },
      LIMIT,
    )

    test.concurrent(
      "has them as well when its node loses its power",
      async () => {
        const [training, digest] = await Promise.all([
          onJobs({ minutes: TRAIN_MINUTES, sbatch: ["exclude=n1"], outage }),
          whole(),
        ])
        expect(training.digest).toBe(digest)
        expect(training.terminal).toMatch(LOST)
      },
      LIMIT,
    )
  })

  describe.concurrent("the end of a job's time:", () => {
    test.concurrent("a call that ignores its signal is cut off in time, and says walltime", () => cutInTime("ignore"))
    test.concurrent("a call that blocks the event loop is cut off in time, and says walltime", () => cutInTime("block"))
    test.concurrent("a call that is stuck outside of JavaScript goes in time, with its own processes", () =>
      cutInTime("stuck"))
    test.concurrent("a warning a second after the start takes no time away", () => earlyWarning())
    test.concurrent("a cancel when the warning is to be expected is none: what runs is told at once", () =>
      cancelledNearTheEnd())
    test.concurrent("a job that is given more time while it serves lives on past its first end", () => lengthened())
    test.concurrent("a second SIGTERM means now", () => secondSignal())
  })

  describe.concurrent("a job that has been warned of its walltime", () => {
    test.concurrent("#55 takes no new work, and finishes what it has", () => finishes(QUIET), LIMIT)
    test.concurrent("is heard by all runners that share it", () => reachesAll({ nodelist: "n1" }), LIMIT)
  })

  test.concurrent("a job that waits for a partition that is down is told so at once, and waits on", () =>
    partitionDown())

  // One after the other, each with a whole row of the table in docs/architecture.md.
  describe.concurrent("when a runner ends, each kind of work is dealt with as promised:", () => {
    test.sequential("scancel", () =>
      ends({ slurm: { sbatch: QUIET }, end: async ({ jobId }) => byHand("scancel", jobId), reason: "cancelled" }))

    test.sequential("a drain that is asked for", () =>
      ends({
        slurm: { sbatch: QUIET },
        end: async ({ jobId }) => byHand("scancel", "--batch", "--signal=TERM", jobId),
        reason: "cancelled",
        finishes: true,
      }))

    test.sequential("preemption", () =>
      ends({
        slurm: { sbatch: { ...QUIET, partition: "preempt", gres: "gpu:2" } },
        end: async ({ node }) => {
          await sbatch("#!/bin/bash\nsleep 5\n", ["-w", node, "--gres=gpu:2", "-J", "rival"])
        },
        reason: "preempted",
        atOnce: "cancelled", // Slurm says which only when the job has ended
      }))

    test.sequential("a crash of the worker", () =>
      ends({
        slurm: { sbatch: QUIET },
        end: async ({ node, pid }) => void (await inNode(node, ["kill", "-KILL", String(pid)])),
        reason: "crashed",
        inJob: true,
      }))

    test.sequential("a crash of the whole runner", () =>
      ends({
        slurm: { sbatch: QUIET },
        end: async ({ node, pid, ppid }) => void (await inNode(node, ["kill", "-KILL", String(ppid), String(pid)])),
        reason: "crashed",
        swept: false,
      }))
  })

  describe.concurrent("when a runner cannot be reached, or comes back, each kind of work is dealt with as promised:", () => {
    test.sequential("requeue", () =>
      ends({
        slurm: { sbatch: { ...QUIET, requeue: true } },
        end: async ({ jobId }) => {
          await byHand("scontrol", "requeue", jobId)
          await waitFor(async () => (await stateOf(jobId)) === "PENDING", "Slurm to put the job back")
          await startNow(jobId)
        },
        reason: "requeued",
        atOnce: "cancelled", // as with preemption
        inJob: true,
      }))

    test.sequential("silence", () =>
      ends({
        slurm: { sbatch: QUIET },
        options: { heartbeat: "500ms", reconnectTimeout: "1s" },
        end: async ({ node, pid, ppid }) => void (await inNode(node, ["kill", "-STOP", String(ppid), String(pid)])),
        reason: "network",
        swept: false,
      }))
  })

  describe.concurrent("when its time is over, each kind of work is dealt with as promised:", () => {
    const limited = { slurmJob: HEAD.replace("00:10:00", "00:01:00"), sbatch: QUIET }
    test.sequential("walltime", () => ends({ slurm: { ...limited, signalBefore: "20s" }, reason: "walltime" }), LIMIT)
  })
})
