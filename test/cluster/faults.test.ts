/**
 * What breaks under a pool, or is done to its jobs by hand, while its calls are in flight: none runs twice, and what is lost is told so. The tests
 * wait side by side, since most of them wait for a clock: each has its own parent and breaks what no other uses. So jobs are on n3, while
 * n1 loses its link for a time, and n2 its slurmd and then its link.
 */
import { setTimeout as delay } from "node:timers/promises"
import { afterAll, describe, expect, test } from "vitest"
import { run } from "./command.ts"
import { cluster, endPrograms, noJobsLeft, onCluster, type Program, runAs, squeue } from "./harness.ts"
import { close, type Info, nothingLeft, openPool, runners, runnersAre, start } from "./parent.ts"
import { Traffic } from "./traffic.ts"

const traffics = new Set<Traffic>()
function trafficOf(parent: Program): Traffic {
  const traffic = new Traffic(parent)
  traffics.add(traffic)
  return traffic
}

const heldJob = async (parent: Program): Promise<Info> => {
  const held = (all: Info[]) => all.filter(({ state, reason }) => state === "pending" && reason === "JobHeldUser")
  return held(await runnersAre(parent, "a held job", all => held(all).length === 1))[0]!
}

/** Slurm's own words, as the user. */
async function byHand(...argv: string[]): Promise<void> {
  expect(await runAs("flame", argv)).toMatchObject({ code: 0, stderr: "" })
}
async function asAdmin(...argv: string[]): Promise<void> {
  expect(await run(argv)).toMatchObject({ code: 0, stderr: "" })
}

onCluster("calls in flight while", () => {
  afterAll(async () => {
    await endPrograms()
    for (const traffic of traffics) traffic.remove()
    await runAs("flame", ["scancel", "--user=flame"])
    await noJobsLeft()
    for (const node of ["n1", "n2"]) await cluster("heal", node)
    await asAdmin("scontrol", "update", "partition=gpu", "state=up")
    await nothingLeft()
  })

  describe.concurrent("the link of a node", () => {
    test.sequential("is cut for 20 s: each call runs once and is answered once, and new ones go elsewhere", async () => {
      const twoNodes = { sbatch: { mem: "2200M", exclude: "n2" } } // more than half of a node
      const parent = await openPool({ min: 2, max: 2, maxConcurrency: 3, heartbeat: "500ms" }, twoNodes)
      const up = [await parent.next("runner:up"), await parent.next("runner:up")].map(({ info }) => info as Info)
      expect(up.map(({ node }) => node).sort()).toEqual(["n1", "n3"])
      const traffic = trafficOf(parent)
      const held = [await traffic.hold(), await traffic.hold()]
      await traffic.start(4, { ms: 100 })
      await traffic.passes(10, "n1")
      await cluster("fail", "n1", "ib")
      const cut = performance.now()
      for (const { id } of held) traffic.go(id)
      // Those on the other node do not notice, and have what would have gone to this one.
      expect(await parent.next("result")).toMatchObject({ id: held.find(({ node }) => node === "n3")!.id })
      await traffic.passes(20, "n3")
      await delay(20_000 - (performance.now() - cut)) // the fault itself
      await cluster("heal", "n1")
      expect(await parent.next("result")).toMatchObject({ id: held.find(({ node }) => node === "n1")!.id })
      await traffic.passes(10, "n1")
      const { failed } = await traffic.settle()
      expect(failed).toEqual([])
      expect((await runners(parent)).map(({ id }) => id).sort()).toEqual(up.map(({ id }) => id).sort())
      await close(parent)
    })
  })

  describe.concurrent("on a node", () => {
    test.sequential("slurmd is killed: its runners serve on, and one asked for meanwhile comes when it is back", async () => {
      const parent = await openPool({ min: 1, max: 2, maxConcurrency: 3 }, { sbatch: { nodelist: "n2" } })
      const { info } = await parent.next("runner:up")
      const traffic = trafficOf(parent)
      const { id } = await traffic.hold()
      await traffic.start(1)
      await cluster("fail", "n2", "slurmd")
      await traffic.passes(20, "n2")
      parent.send({ do: "spawn", as: "b" })
      await traffic.passes(20, "n2")
      await cluster("heal", "n2")
      const spawned = (await parent.next("spawned")) as unknown as { info: Info }
      expect(spawned.info.node).toBe("n2")
      await traffic.passes(20, "n2")
      traffic.go(id)
      expect(await parent.next("result")).toMatchObject({ id })
      expect((await traffic.settle()).failed).toEqual([])
      expect((await runners(parent)).map(({ id, state }) => [id, state])).toEqual([
        [info.id, "ready"],
        [spawned.info.id, "ready"],
      ])
      await close(parent)
    })

    test.sequential("the link is cut for good: what ran there is told, what may run again does, in time", async () => {
      const [heartbeat, reconnectTimeout] = [500, 3_000]
      const apart = { sbatch: { gres: "gpu:2", exclude: "n1" } }
      const parent = await openPool({ max: 2, maxConcurrency: 2, heartbeat, reconnectTimeout }, apart)
      const traffic = trafficOf(parent)
      // One runner is filled, then the other: each has a call that may run again and one that may not.
      const held: { id: number; node: string; retries: number }[] = []
      for (const retries of [1, 0, 1, 0]) held.push({ ...(await traffic.hold({ retries })), retries })
      const [cut, lost] = [1, 0].map(retries => held.find(one => one.node === "n2" && one.retries === retries)!)
      const [other, last] = held.filter(({ node }) => node === "n3")
      traffic.go(other!.id) // there is room for what is to run again
      expect(await parent.next("result")).toMatchObject({ id: other!.id })
      await cluster("fail", "n2", "ib")
      const began = performance.now()
      expect(await parent.next("failed")).toMatchObject({
        id: lost!.id,
        error: { code: "ERR_FLAME_RUNNER_LOST", reason: "network", started: true, evidence: { node: "n2" } },
      })
      const took = performance.now() - began
      expect(took).toBeGreaterThan(reconnectTimeout) // it might have come back until then
      expect(took).toBeLessThan(2 * (4 * heartbeat + reconnectTimeout + 2_000)) // twice, for a machine that is busy
      expect(await parent.next("report")).toMatchObject({ id: cut!.id, value: "n3" })
      traffic.go(cut!.id)
      expect(await parent.next("result")).toMatchObject({ id: cut!.id, value: { node: "n3" } })
      traffic.go(last!.id)
      expect(await parent.next("result")).toMatchObject({ id: last!.id })
      await traffic.settle({ streams: false, rerun: [cut!.id] })
      expect(traffic.ran(cut!.id)!.begun).toHaveLength(2)
      expect(traffic.ran(lost!.id)!.begun).toHaveLength(1)
      // Slurm still reaches the node: the runner that was given up is ended there, and close() has waited for it.
      await close(parent)
      await cluster("heal", "n2")
    })
  })

  describe.concurrent("a job", () => {
    test.sequential("waits and is held: the reason is seen, and released it serves", async () => {
      const parent = await openPool({ min: 1, max: 1 }, { sbatch: { hold: true, nodelist: "n3" } })
      const traffic = trafficOf(parent)
      const id = traffic.post()
      const { jobId } = await heldJob(parent)
      await byHand("scontrol", "release", jobId)
      await parent.next("report")
      const [info] = await runners(parent)
      expect(info).toMatchObject({ jobId, state: "ready", inFlight: 1 })
      expect(info!.reason).toBeUndefined()
      traffic.go(id)
      expect(await parent.next("result")).toMatchObject({ id, value: { jobId } })
      await traffic.settle({ streams: false })
      await close(parent)
    })

    test.sequential("is held while it waits, for all that it is asked for: close() cancels it, and calls are told", async () => {
      const parent = await openPool({ max: 1, shutdownTimeout: "1s" }, { sbatch: { begin: "now+1hour" } })
      start(parent, "where")
      const [waiting] = await runnersAre(parent, "a pending job", all => all[0]?.reason === "BeginTime")
      await byHand("scontrol", "hold", waiting!.jobId)
      expect((await heldJob(parent)).jobId).toBe(waiting!.jobId)
      parent.send({ do: "close" })
      expect(await parent.next("failed")).toMatchObject({ do: "call", error: { code: "ERR_FLAME_POOL_CLOSED" } })
      await parent.next("closed-pool")
      expect((await squeue()).filter(({ id }) => id === waiting!.jobId)).toEqual([])
      parent.hangUp()
      expect(await parent.result).toMatchObject({ code: 0, signal: null })
    })

    test.sequential("of an array is cancelled by hand: its calls are told so, those of its neighbours go on", async () => {
      const parent = await openPool({ min: 3, max: 3, maxConcurrency: 2 }, { sbatch: { nodelist: "n3" } })
      const up = [1, 2, 3].map(() => parent.next("runner:up"))
      const jobs = (await Promise.all(up)).map(({ info }) => info.jobId as string).sort()
      expect(jobs.map(job => job.split("_")[1])).toEqual(["0", "1", "2"])
      const traffic = trafficOf(parent)
      const held = [1, 2, 3].map(() => traffic.post())
      for (const _ of held) await parent.next("report")
      await traffic.start(3, { retries: 1 })
      await traffic.passes(20)
      await byHand("scancel", jobs[1]!)
      const { id, error } = await parent.next("failed")
      expect(held).toContain(id)
      expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "cancelled", started: true })
      expect(error.evidence).toMatchObject({ jobId: jobs[1] })
      const { info } = await parent.next("runner:up") // `min` is 3
      await traffic.passes(20)
      for (const one of held) traffic.go(one)
      const done = [await parent.next("result"), await parent.next("result")]
      expect(done.map(({ value }) => value.jobId).sort()).toEqual([jobs[0], jobs[2]])
      const { failed } = await traffic.settle()
      expect(failed).toEqual([])
      expect((await runners(parent)).map(({ jobId }) => jobId).sort()).toEqual([jobs[0], jobs[2], info.jobId].sort())
      await close(parent)
    })

    test.sequential("waits in a partition that goes down: the running ones serve, the reason is seen, and it starts when it is up", async () => {
      const parent = await openPool(
        { min: 1, max: 3, maxConcurrency: 2 },
        { sbatch: { partition: "gpu", nodelist: "n3" } },
      )
      await parent.next("runner:up")
      const traffic = trafficOf(parent)
      const { id } = await traffic.hold()
      await traffic.start(1)
      await asAdmin("scontrol", "update", "partition=gpu", "state=down")
      parent.send({ do: "spawn", as: "b" })
      const down = (all: Info[]) => all.find(({ reason }) => reason === "PartitionDown")
      const waiting = down(await runnersAre(parent, "a job that waits for its partition", all => !!down(all)))!
      await traffic.passes(20)
      await asAdmin("scontrol", "update", "partition=gpu", "state=up")
      expect(await parent.next("spawned")).toMatchObject({ info: { id: waiting.id, jobId: waiting.jobId } })
      traffic.go(id)
      expect(await parent.next("result")).toMatchObject({ id })
      expect((await traffic.settle()).failed).toEqual([])
      await close(parent)
    })
  })

  describe.concurrent("a pending replacement", () => {
    test("is given a walltime too short for the call that waits: it is told so, and what waits behind it moves on", async () => {
      const parent = await openPool({ max: 1 }, { sbatch: { hold: true, nodelist: "n3" } })
      const traffic = trafficOf(parent)
      const short = traffic.post()
      const first = await heldJob(parent)
      await byHand("scontrol", "release", first.jobId)
      await parent.next("report")
      const long = traffic.post()
      const behind = traffic.post()
      await byHand("scancel", "--batch", "--signal=TERM", first.jobId)
      await parent.next("runner:drain")
      traffic.go(short)
      expect(await parent.next("result")).toMatchObject({ id: short })
      const second = await heldJob(parent)
      await asAdmin("scontrol", "update", `jobid=${second.jobId}`, "timelimit=1")
      await byHand("scontrol", "release", second.jobId)
      expect(await parent.next("report")).toMatchObject({ id: long })
      const { id, error } = await parent.next("failed")
      expect(id).toBe(long)
      expect(error).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "walltime", started: true })
      expect(error.evidence).toMatchObject({ jobId: second.jobId, node: "n3" })
      const third = await heldJob(parent)
      await byHand("scontrol", "release", third.jobId)
      expect(await parent.next("report")).toMatchObject({ id: behind })
      traffic.go(behind)
      expect(await parent.next("result")).toMatchObject({ id: behind, value: { jobId: third.jobId } })
      await traffic.settle({ streams: false })
      await close(parent)
    })
  })
})
