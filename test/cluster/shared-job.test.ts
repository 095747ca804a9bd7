/** Several runners in one job: each is a runner of its own, and the job's end is that of all. */
import { afterEach, beforeEach, expect, test } from "vitest"
import {
  asUser,
  endEverything,
  inNode,
  type NodeName,
  nodeProcesses,
  onCluster,
  type Program,
  type ProgramEvent,
  runAs,
  squeue,
  waitFor,
} from "./harness.ts"
import { Ledger } from "./ledger.ts"
import { all, HEAD, nothingLeft } from "./parent.ts"

interface Info {
  id: string
  jobId: string
  node: NodeName
  state: string
}
interface Where extends Info {
  tmpdir: string
  pid: number
  ppid: number
}

let ledger: Ledger

/** Opens a pool whose jobs have four runners each, on two nodes. */
async function open(options: object, slurm: object = {}): Promise<Program> {
  const parent = asUser("pools.mjs", [], { env: { PATH: ledger.PATH, SLURM_FLAME_LOG: "debug" } })
  const shared = { slurmJob: HEAD, runnersPerJob: 4, sbatch: { nodes: 2, ntasksPerNode: 2 }, ...slurm }
  parent.send({ do: "open", pools: { a: { options: { min: 4, max: 4, ...options }, slurm: shared } } })
  await parent.next("opened")
  parent.send({ do: "ready", pool: "a" })
  await parent.next("ready")
  return parent
}

async function everywhere<T>(parent: Program, method: string): Promise<{ info: Info; value: T }[]> {
  parent.send({ do: "everywhere", pool: "a", method })
  return (await parent.next("everywhere")).values
}

async function runners(parent: Program): Promise<Info[]> {
  parent.send({ do: "stats", pool: "a" })
  return (await parent.next("stats")).stats.runners
}

async function closeCleanly(parent: Program): Promise<void> {
  parent.send({ do: "close", pool: "a" })
  await parent.next("closed-pool")
  expect(await squeue()).toEqual([]) // at once: close() has waited for it
  parent.hangUp()
  expect(await parent.result).toMatchObject({ code: 0, signal: null })
  await nothingLeft()
}

/** How many of them each job has. */
function groupByJob(events: ProgramEvent[]): Record<string, number> {
  const count: Record<string, number> = {}
  for (const { info } of events) count[info.jobId] = (count[info.jobId] ?? 0) + 1
  return count
}

const ids = (events: ProgramEvent[]) => events.map(({ info }) => info.id).sort()

onCluster("runners that share a job", () => {
  beforeEach(() => {
    ledger = new Ledger()
  })
  afterEach(async () => {
    await endEverything()
    ledger.remove()
  })

  test("are runners of their own, on two nodes: the end of a worker or of a supervisor leaves the others alone", async () => {
    const parent = await open({ heartbeat: "500ms", reconnectTimeout: "1s" })
    const [submission, ...more] = ledger.calls("sbatch")
    expect(more).toEqual([])
    expect(submission).toMatch(/--signal=TERM@60 --ntasks=4/)

    const before = await everywhere<Where>(parent, "where")
    expect(new Set(before.map(({ info }) => info.id)).size).toBe(4)
    expect(new Set(before.map(({ info }) => info.jobId)).size).toBe(1)
    expect(new Set(before.map(({ value }) => value.node)).size).toBe(2)
    expect(new Set(before.map(({ value }) => `${value.node} ${value.tmpdir}`)).size).toBe(4)
    expect(new Set(before.map(({ value }) => `${value.node} ${value.pid}`)).size).toBe(4)
    for (const { info, value } of before)
      expect(value).toMatchObject({ id: info.id, jobId: info.jobId, node: info.node })
    for (const { info, value } of await everywhere<Record<string, string>>(parent, "environment")) {
      expect(Object.keys(value).filter(name => /^SLURM_FLAME_(BOOT|JOB)/.test(name))).toEqual([])
      // The script ran on the first node only.
      expect(value.SLURM_FLAME_HOST).toBe(`10.201.0.${10 + Number(info.node.slice(1))}`)
    }

    // A worker's end is its runner's affair: another is started in the same place.
    const [a, b] = before as [(typeof before)[0], (typeof before)[0]]
    await all(parent, "runner:up", 4)
    await inNode(a.value.node, ["kill", "-KILL", String(a.value.pid)])
    await parent.next("runner:up")
    // A supervisor's is the runner's, and no other's. Its worker goes with it, and their directory.
    await inNode(b.value.node, ["kill", "-KILL", String(b.value.ppid)])
    expect(await parent.next("runner:down")).toMatchObject({ info: { id: b.info.id, jobId: b.info.jobId } })
    await waitFor(
      async () => !(await nodeProcesses(b.value.node)).some(({ pid }) => pid === b.value.pid),
      "the worker of the killed supervisor to end",
    )
    const left = (await runners(parent)).filter(({ jobId }) => jobId === a.info.jobId)
    expect(left.map(({ state }) => state)).toEqual(["ready", "ready", "ready"])
    expect((await squeue()).find(({ id }) => id === a.info.jobId)).toMatchObject({ state: "RUNNING" })
    const after = await everywhere<Where>(parent, "where")
    for (const { info, value } of after) {
      const same = before.find(one => one.info.id === info.id)
      if (!same) continue // in place of the one that was killed, in a job of its own
      expect(value.ppid).toBe(same.value.ppid)
      if (info.id === a.info.id) expect(value.pid).not.toBe(same.value.pid)
      else expect(value.pid).toBe(same.value.pid)
    }
    await closeCleanly(parent)
  })

  test("scancel tells all of them; the pool is whole again with another job", async () => {
    const parent = await open({})
    const up = await all(parent, "runner:up", 4)
    const job = up[0]!.info.jobId as string
    await runAs("flame", ["scancel", job])
    const down = await all(parent, "runner:down", 4)
    expect(ids(down)).toEqual(ids(up))
    for (const { info } of down) expect(info).toMatchObject({ jobId: job, goneReason: "cancelled" })
    const again = await all(parent, "runner:up", 4)
    expect(new Set(again.map(({ info }) => info.jobId)).size).toBe(1)
    await closeCleanly(parent)
    expect(ledger.calls("sbatch")).toHaveLength(2)
  })

  test("`scancel --signal=TERM` drains all of them, and the job ends well", async () => {
    const parent = await open({})
    const up = await all(parent, "runner:up", 4)
    const job = up[0]!.info.jobId as string
    await runAs("flame", ["scancel", "--signal=TERM", job])
    const drained = await all(parent, "runner:drain", 4)
    for (const { info } of drained) expect(info).toMatchObject({ jobId: job, drainReason: "cancelled" })
    expect(ids(drained)).toEqual(ids(up))
    await all(parent, "runner:down", 4)
    await closeCleanly(parent)
  })

  test("eight of them are two jobs; idle ones leave one by one, and a job ends with its last", async () => {
    const parent = await open({ min: 8, max: 8 }, { sbatch: {} })
    const up = await all(parent, "runner:up", 8)
    const perJob = groupByJob(up)
    expect(Object.values(perJob)).toEqual([4, 4])
    expect((await squeue()).map(({ id }) => id).sort()).toEqual(Object.keys(perJob).sort())
    parent.send({ do: "scale", pool: "a", limits: { min: 0, max: 3 } })
    const down = await all(parent, "runner:down", 5)
    for (const { info } of down) expect(info.goneReason).toBe("scale")
    const left = await runners(parent)
    expect(left.map(({ state }) => state)).toEqual(["ready", "ready", "ready"])
    const jobs = [...new Set(left.map(({ jobId }) => jobId))].sort()
    await waitFor(
      async () =>
        (await squeue())
          .map(({ id }) => id)
          .sort()
          .join() === jobs.join(),
      "a job without runners to end by itself",
    )
    expect(ledger.calls("scancel")).toEqual([])
    await closeCleanly(parent)
  })
})
