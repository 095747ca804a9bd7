/** What happens to a pool when things happen to its jobs: the scenarios of FLAME that touch a job's life, by their numbers. */
import { afterEach, expect, test } from "vitest"
import {
  endEverything,
  inNode,
  nodeProcesses,
  onCluster,
  type Program,
  type ProgramEvent,
  runAs,
  squeue,
  waitFor,
} from "./harness.ts"
import { Ledger } from "./ledger.ts"
import { all, call, closeCleanly, openPool, start, type Where } from "./parent.ts"

/** Starts calls that wait in their runner until they are told to go on, and waits until all run. */
async function busy(parent: Program, count: number): Promise<number[]> {
  const ids = Array.from({ length: count }, () => start(parent, "meet", ["$barrier"]))
  await all(parent, "report", count)
  return ids
}

/** The jobs of the pool's runners that serve. */
async function serving(parent: Program): Promise<string[]> {
  parent.send({ do: "stats" })
  const { stats } = await parent.next("stats")
  return (stats.runners as { state: string; jobId: string }[]).flatMap(r => (r.state === "ready" ? [r.jobId] : []))
}

const jobOf = ({ value }: ProgramEvent): string => (value as Where).jobId
const idsOf = (events: ProgramEvent[]): number[] => events.map(({ id }) => id as number)

onCluster("a runner whose job is taken away", () => {
  afterEach(endEverything)

  test("#14 scancel --signal=KILL: all that runs there is told why, and what is queued goes on elsewhere", async () => {
    const parent = await openPool({ max: 1, maxConcurrency: 2 })
    const running = await busy(parent, 2)
    const queued = [start(parent, "where"), start(parent, "where"), start(parent, "where")]
    const [job] = await serving(parent)
    await runAs("flame", ["scancel", "--signal=KILL", job!])
    const failed = await all(parent, "failed", 2)
    expect(idsOf(failed).sort()).toEqual(running)
    for (const { error } of failed) {
      expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "cancelled", started: true })
      expect(error.evidence).toMatchObject({ jobId: job })
    }
    const done = await all(parent, "result", 3)
    expect(idsOf(done).sort()).toEqual(queued)
    for (const result of done) expect(jobOf(result)).not.toBe(job)
    await closeCleanly(parent)
  })

  test("#41 both of its processes are SIGKILLed: one call rejects, the four behind it complete on a new runner", async () => {
    const parent = await openPool({ max: 1 })
    const where = await call<Where>(parent, "where")
    const [running] = await busy(parent, 1)
    const queued = [1, 2, 3, 4].map(() => start(parent, "where"))
    await inNode(where.node, ["kill", "-KILL", String(where.ppid), String(where.pid)])
    expect(await parent.next("failed")).toMatchObject({
      id: running,
      error: { code: "ERR_FLAME_RUNNER_LOST", started: true, evidence: { jobId: where.jobId } },
    })
    const done = await all(parent, "result", 4)
    expect(idsOf(done)).toEqual(queued)
    const jobs = new Set(done.map(jobOf))
    expect(jobs.size).toBe(1)
    expect(jobs).not.toContain(where.jobId)
    // Nobody was left on the node to delete it, unless the worker was quick; and the next runner may be on another.
    expect((await inNode(where.node, ["sh", "-c", `rm -rf ${where.tmpdir}*`])).code).toBe(0)
    await closeCleanly(parent)
  })

  test("#45 the job of a runner of `min` is cancelled by hand: another takes its place unasked", async () => {
    const parent = await openPool({ min: 1, max: 2 })
    const { info: first } = await parent.next("runner:up")
    await runAs("flame", ["scancel", first.jobId])
    expect(await parent.next("runner:down")).toMatchObject({ info: { id: first.id, goneReason: "cancelled" } })
    const { info: second } = await parent.next("runner:up")
    expect(second.jobId).not.toBe(first.jobId)
    expect(await serving(parent)).toEqual([second.jobId])
    await closeCleanly(parent)
  })

  test("#47 SIGTERM: no new work, not even in a free slot; what runs finishes; what is queued moves", async () => {
    const parent = await openPool({ max: 1, maxConcurrency: 2 })
    const [a, b] = await busy(parent, 2)
    const [job] = await serving(parent)
    const queued = start(parent, "where")
    await runAs("flame", ["scancel", "--batch", "--signal=TERM", job!])
    expect(await parent.next("runner:drain")).toMatchObject({ info: { jobId: job, drainReason: "cancelled" } })
    parent.send({ do: "go", id: a })
    expect(await parent.next("result")).toMatchObject({ id: a })
    const late = start(parent, "where") // there is a free slot now
    await serving(parent) // answered after it: the call is in the pool
    parent.send({ do: "go", id: b })
    // In the order in which they ended: nothing ran beside what was left.
    const [last, ...moved] = await all(parent, "result", 3)
    expect(last).toMatchObject({ id: b })
    expect(idsOf(moved)).toEqual([queued, late])
    for (const result of moved) expect(jobOf(result)).not.toBe(job)
    await closeCleanly(parent)
  })

  test("#48 both of its processes stand still: its caller is told within the pool's time, and the pool goes on", async () => {
    const parent = await openPool({ max: 1, heartbeat: "500ms", reconnectTimeout: "1s" })
    const where = await call<Where>(parent, "where")
    const [running] = await busy(parent, 1)
    await inNode(where.node, ["kill", "-STOP", String(where.ppid), String(where.pid)])
    const queued = start(parent, "where")
    expect(await parent.next("failed")).toMatchObject({
      id: running,
      error: { reason: "network", started: true, evidence: { jobId: where.jobId } },
    })
    const moved = await parent.next("result")
    expect(moved).toMatchObject({ id: queued })
    expect(jobOf(moved)).not.toBe(where.jobId)
    // Processes that stand still delete nothing: whether they are woken before they are killed is Slurm's affair.
    await waitFor(
      async () => !(await nodeProcesses(where.node)).some(({ pid }) => pid === where.ppid),
      "the frozen runner to end",
    )
    await inNode(where.node, ["rm", "-rf", where.tmpdir])
    await closeCleanly(parent)
  })
})

onCluster("jobs that come and go with the work", () => {
  afterEach(endEverything)

  test("#23 an idle runner's job leaves the queue, one of `min` stays", async () => {
    const parent = await openPool({ min: 1, max: 2, idleShutdownAfter: "500ms" })
    const ids = await busy(parent, 2) // each has a runner of its own
    const jobs = await serving(parent)
    expect(jobs).toHaveLength(2)
    for (const id of ids) parent.send({ do: "go", id })
    await all(parent, "result", 2)
    const { info } = await parent.next("runner:down")
    expect(info.goneReason).toBe("idle")
    const [left] = await waitFor(async () => {
      const queue = await squeue()
      return queue.length === 1 && queue
    }, "the idle runner's job to leave the queue")
    expect([left!.id, info.jobId].sort()).toEqual(jobs.sort())
    expect(left).toMatchObject({ state: "RUNNING" })
    expect((await call<Where>(parent, "where")).jobId).toBe(left!.id)
    await closeCleanly(parent)
  })

  test("#43 singleUse with max 1: four calls at once, four jobs", async () => {
    const parent = await openPool({ max: 1, singleUse: true })
    const ids = [1, 2, 3, 4].map(() => start(parent, "where"))
    const done = await all(parent, "result", 4)
    expect(idsOf(done)).toEqual(ids)
    expect(new Set(done.map(jobOf)).size).toBe(4)
    await closeCleanly(parent)
  })

  test("#46 a partition that does not exist: sbatch's words reach the caller, and after a few tries sbatch is left alone", async () => {
    const ledger = new Ledger()
    try {
      const env = { PATH: ledger.PATH }
      const parent = await openPool({ min: 1, max: 1 }, { sbatch: { partition: "nosuch" } }, env)
      const began = performance.now()
      start(parent, "where")
      const words = /invalid partition[\s\S]*hint: .*sinfo/i
      expect((await parent.next("failed")).error).toMatchObject({
        code: "ERR_FLAME_SUBMIT",
        message: expect.stringMatching(words),
      })
      const opened = /so many boots have failed in a row/
      let last: ProgramEvent
      do last = await parent.next("error")
      while (!opened.test(last.error.message))
      expect(ledger.calls("sbatch")).toHaveLength(5)
      expect(performance.now() - began).toBeGreaterThan(7_000) // 0.5 s, 1 s, 2 s, 4 s between them
      start(parent, "where")
      const { error } = await parent.next("failed")
      expect(error.message).toMatch(/no runner is being booted: the last 5 boots failed[\s\S]*invalid partition/i)
      expect(ledger.calls("sbatch")).toHaveLength(5)
      await closeCleanly(parent)
    } finally {
      ledger.remove()
    }
  })
})
