/** Each reason for which a runner can be lost, made to happen on a real Slurm, and what those who waited for it are told. */
import { afterAll, afterEach, expect, test } from "vitest"
import {
  cluster,
  endEverything,
  inNode,
  NODES,
  type NodeName,
  onCluster,
  type Program,
  runAs,
  sbatch,
  squeue,
  waitFor,
} from "./harness.ts"
import { call, close, closeCleanly, HEAD, nothingLeft, openPool, spawn, start, type Where } from "./parent.ts"

const MIB = 1024 ** 2

interface Lost {
  code: string
  reason: string
  started: boolean
  message: string
  evidence: Record<string, unknown>
}

/** A pool with a runner whose only call waits in it: the loss of the runner is the loss of this call. */
async function waitingCall(parent: Program, method = "block", args: unknown[] = ["$report"]): Promise<Where> {
  await spawn(parent, "a")
  const where = await call<Where>(parent, "where", [], "a")
  start(parent, method, args, "a")
  await parent.next("report")
  return where
}

async function lost(parent: Program): Promise<Lost> {
  const { error } = await parent.next("failed")
  return error as unknown as Lost
}

/** Cancels a job of ours that is none of the pool's. */
async function gone(job: string): Promise<void> {
  await runAs("flame", ["scancel", job])
  await waitFor(async () => !(await squeue()).some(({ id }) => id === job), "a cancelled job to leave")
}

onCluster("a call is told why its runner is lost:", () => {
  afterEach(endEverything)

  test("out-of-memory, of the worker alone: with the limit it hit; the job serves on", async () => {
    const parent = await openPool({}, { sbatch: { mem: "300M" } })
    const where = await waitingCall(parent, "devour", ["$report", "worker"])
    const error = await lost(parent)
    expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "out-of-memory", started: true })
    expect(error.evidence).toMatchObject({
      jobId: where.jobId,
      signal: "SIGKILL",
      outOfMemory: true,
      memoryLimitBytes: 300 * MIB,
    })
    expect(error.message).toMatch(/ is gone: out-of-memory, killed by SIGKILL\n {2}it may have 300 MiB of memory/)
    expect(error.message).toMatch(/\n {2}hint: ask for more \(sbatch: \{ mem: "600M" \}/)
    const after = await call<Where>(parent, "where")
    expect(after).toMatchObject({ jobId: where.jobId })
    expect(after.pid).not.toBe(where.pid)
    await closeCleanly(parent)
  })

  test("out-of-memory, of the whole job: in Slurm's words", async () => {
    const parent = await openPool({}, { sbatch: { mem: "300M" } })
    const where = await waitingCall(parent, "devour", ["$report", "supervisor"])
    const error = await lost(parent)
    expect(error).toMatchObject({ reason: "out-of-memory", started: true })
    expect(error.evidence).toMatchObject({
      jobId: where.jobId,
      slurmState: "OUT_OF_MEMORY",
      memoryLimitBytes: 300 * MIB,
      stderrTail: expect.stringContaining("oom-kill event"),
    })
    // Nobody was left on the node to delete it.
    await inNode(where.node, ["rm", "-rf", where.tmpdir])
    await closeCleanly(parent)
  })

  test("preempted: Slurm gave the node to another job", async () => {
    const parent = await openPool({}, { sbatch: { partition: "preempt", nodelist: "n1", cpusPerTask: 8 } })
    const where = await waitingCall(parent)
    const other = await sbatch("#!/bin/bash\nsleep 60\n", ["-w", "n1", "-c", "8"])
    // What the signal means is not known before the job has ended.
    expect(await parent.next("runner:drain")).toMatchObject({ info: { id: where.id, drainReason: "cancelled" } })
    const error = await lost(parent)
    expect(error).toMatchObject({ reason: "preempted", evidence: { jobId: where.jobId, slurmState: "PREEMPTED" } })
    expect(error.message).toMatch(/ is gone: preempted[\s\S]*\n {2}Slurm says PREEMPTED[\s\S]*\n {2}hint: /)
    await gone(other)
    await closeCleanly(parent)
  })

  test("walltime: its end was brought forward", async () => {
    const parent = await openPool()
    const where = await waitingCall(parent)
    await runAs("flame", ["scontrol", "update", `jobid=${where.jobId}`, "EndTime=now"])
    const error = await lost(parent)
    expect(error).toMatchObject({ reason: "walltime", evidence: { jobId: where.jobId } })
    // Where the new end was seen before the signal came, the runner says so itself, and Slurm's word is not waited for.
    expect([undefined, "TIMEOUT"]).toContain(error.evidence.slurmState)
    await closeCleanly(parent)
  })

  test("cancelled, by hand", async () => {
    const parent = await openPool()
    const where = await waitingCall(parent)
    await runAs("flame", ["scancel", where.jobId])
    const error = await lost(parent)
    expect(error).toMatchObject({ reason: "cancelled", evidence: { jobId: where.jobId, slurmState: "CANCELLED" } })
    expect(error.message).toMatch(/hint: this program did not do it/)
    await closeCleanly(parent)
  })

  test("terminated, by us: that is no cancel", async () => {
    const parent = await openPool()
    await waitingCall(parent)
    parent.send({ do: "terminate", as: "a" })
    expect(await lost(parent)).toMatchObject({ reason: "terminated" })
    await closeCleanly(parent)
  })

  test("crashed: the supervisor is shot", async () => {
    const parent = await openPool()
    const where = await waitingCall(parent)
    await inNode(where.node, ["kill", "-KILL", String(where.ppid), String(where.pid)])
    expect(await lost(parent)).toMatchObject({
      reason: "crashed",
      evidence: { slurmState: "FAILED", signal: "SIGKILL" },
    })
    await inNode(where.node, ["rm", "-rf", where.tmpdir])
    await closeCleanly(parent)
  })

  test("network: the node cannot be reached, and Slurm says that the job runs", async () => {
    const parent = await openPool({ heartbeat: "300ms", reconnectTimeout: "1s" }, { sbatch: { nodelist: "n2" } })
    const where = await waitingCall(parent, "hold")
    await cluster("fail", "n2", "ib")
    try {
      const error = await lost(parent)
      expect(error).toMatchObject({ reason: "network", started: true, evidence: { jobId: where.jobId, node: "n2" } })
      expect(error.evidence.advice).toMatch(/network to n2 cut/)
    } finally {
      await cluster("heal", "n2")
    }
    await closeCleanly(parent)
  })

  test("node-fail: Slurm has given up the node", async () => {
    const parent = await openPool({ reconnectTimeout: "30s" }, { sbatch: { nodelist: "n3" } })
    const where = await waitingCall(parent, "hold")
    await cluster("fail", "n3", "power")
    try {
      const error = await lost(parent)
      expect(error).toMatchObject({ reason: "node-fail", evidence: { jobId: where.jobId, slurmState: "NODE_FAIL" } })
      expect(error.message).toMatch(/exclude: "n3"/)
    } finally {
      await cluster("heal", "n3")
    }
    await inNode("n3", ["rm", "-rf", where.tmpdir]) // the machine was off
    await closeCleanly(parent)
  })
})

/** Side by side: each has a parent of its own, and only the last one needs a node. That of a partition that is down is in walltime.test.ts. */
onCluster("a job that waits", () => {
  afterAll(async () => {
    await endEverything()
    await nothingLeft()
  })

  interface Info {
    id: string
    jobId: string
    pending: { reason: string; outlook: string; expectedStart?: string; hint: string }
  }

  /** The next news of a wait that is like this. */
  async function waits(parent: Program, is: (pending: Info["pending"]) => unknown): Promise<Info> {
    for (;;) {
      const { info } = (await parent.next("runner:pending")) as unknown as { info: Info }
      if (is(info.pending)) return info
    }
  }

  test.concurrent.each([
    [
      "longer than its partition allows",
      { partition: "short", time: "00:10:00" },
      /^Partition(TimeLimit|Config)$/, // first the one, a second later the other
      /sinfo -o '%P .*%l'/,
    ],
    ["on more nodes than there are", { nodes: 99 }, /^PartitionConfig$/, /sinfo -o '%P %D/],
  ])("for what cannot come (%s) is told at once, and cancelled", async (_, options, slurmReason, hint) => {
    const parent = await openPool({}, { sbatch: options })
    parent.send({ do: "spawn", as: "a" })
    const { jobId, pending } = await waits(parent, ({ outlook }) => outlook === "never")
    expect(pending.reason).toMatch(slurmReason)
    const { error } = await parent.next("failed")
    expect(error).toMatchObject({ code: "ERR_FLAME_BOOT", evidence: { slurmReason: pending.reason } })
    expect(error.message).toMatch(/can never start as it was asked for/)
    expect(error.message).toMatch(hint)
    await waitFor(async () => (await squeue()).every(({ id }) => id !== jobId), "the job to be cancelled")
    await close(parent)
  })

  test.concurrent("for somebody's hand is told at once, and starts when it is released", async () => {
    const parent = await openPool({}, { sbatch: { hold: true, exclude: NODES[0] } })
    parent.send({ do: "spawn", as: "a" })
    const { jobId, pending } = await waits(parent, ({ reason }) => reason === "JobHeldUser")
    expect(pending).toMatchObject({
      outlook: "blocked",
      hint: expect.stringContaining("release"),
    })
    parent.send({ do: "stats" })
    const { stats } = await parent.next("stats")
    expect(stats.runners).toMatchObject([{ jobId, state: "pending", reason: "JobHeldUser", pending }])
    await runAs("flame", ["scontrol", "release", jobId])
    await parent.next("spawned")
    await close(parent)
  })

  test.concurrent("for its turn is told when that is expected to come", async () => {
    const other = await sbatch("#!/bin/bash\nsleep 60\n", ["-w", NODES[0], "-c", "8", "-t", "2"])
    await waitFor(
      async () => (await squeue()).some(job => job.id === other && job.state === "RUNNING"),
      "the first job",
    )
    const parent = await openPool({}, { slurmJob: HEAD, sbatch: { nodelist: NODES[0] satisfies NodeName } })
    parent.send({ do: "spawn", as: "a" })
    const { pending } = await waits(parent, ({ expectedStart }) => expectedStart)
    expect(pending.outlook).toBe("queued")
    expect(Date.parse(pending.expectedStart!)).toBeGreaterThan(Date.now())
    await gone(other)
    await parent.next("spawned")
    await close(parent)
  })
})
