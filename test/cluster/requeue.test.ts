/** Jobs that Slurm puts back into the queue: who is the runner, and who is not any more. */
import { readFileSync } from "node:fs"
import { afterEach, expect, test } from "vitest"
import { mustRun } from "./command.ts"
import { answeredOnce, mend, newDiary, startNow, stateOf, write } from "./diary.ts"
import {
  cluster,
  type NodeName,
  nodeProcesses,
  onCluster,
  runAs,
  sbatch,
  squeue,
  tempDirsLeft,
  waitFor,
} from "./harness.ts"
import { call, closeCleanly, nothingLeft, openPool, spawn, start, type Where } from "./parent.ts"

const REQUEUE = { sbatch: { requeue: true } }

onCluster("a job that is started anew", () => {
  afterEach(mend)

  test("scontrol requeue: it comes back as the same runner; its call is run again there, its lease is over, no other job is submitted", async () => {
    const parent = await openPool({ max: 1 }, REQUEUE)
    const book = await newDiary()
    await spawn(parent, "a")
    const before = await call<Where>(parent, "where", [], "a")
    const held = start(parent, "hold", ["$report"], "a")
    await parent.next("report")
    parent.send({ do: "call", id: 1, method: "diary", args: [book.path, "$report"], limits: { retries: 1 } })
    await runAs("flame", ["scontrol", "requeue", before.jobId])
    expect(await parent.next("result")).toMatchObject({ id: held, value: "runner aborted" }) // it was asked to end
    const { info } = await parent.next("runner:requeued")
    expect(info).toMatchObject({ id: before.id, jobId: before.jobId, state: "pending", lostReason: "requeued" })
    expect(await parent.next("closed")).toMatchObject({ as: "a", info: { reason: "requeued" } })
    expect(await tempDirsLeft(before.node)).toEqual([])
    await startNow(before.jobId)
    await parent.next("report")
    expect((await answeredOnce(parent, 1, book)).split(" ")[1]).toBe("1")
    const after = await call<Where>(parent, "where")
    expect(after).toMatchObject({ id: before.id, jobId: before.jobId })
    expect(after.pid).not.toBe(before.pid)
    expect((await squeue()).map(({ id }) => id)).toEqual([before.jobId])
    await closeCleanly(parent)
  })

  test("preempted: a call that heeds no signal is killed and run again in the job's next life", async () => {
    const parent = await openPool({ max: 1 }, { sbatch: { requeue: true, partition: "preempt", nodelist: "n1" } })
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    const rival = await sbatch("#!/bin/bash\nsleep 60\n", ["-p", "cpu", "-w", "n1", "-c", "8"])
    expect(await parent.next("runner:requeued")).toMatchObject({ info: { jobId: job!.id, lostReason: "requeued" } })
    await mustRun(["scancel", rival])
    await startNow(job!.id)
    await parent.next("report")
    expect((await answeredOnce(parent, id, book)).split(" ")[1]).toBe("1")
    await closeCleanly(parent)
  })

  test("its node is given up while it works on: the next life fences it at once, over the network that is left", async () => {
    const parent = await openPool({ max: 1 }, REQUEUE)
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    const node = job!.node as NodeName
    await cluster("fail", node, "eth")
    await waitFor(async () => (await stateOf(job!.id)) === "PENDING", "Slurm to give the node up")
    const { length } = readFileSync(book.path)
    await waitFor(
      () => readFileSync(book.path).length > length,
      "the old runner to go on: nobody else is the runner yet",
    )
    await startNow(job!.id)
    expect(await parent.next("runner:requeued")).toMatchObject({ info: { jobId: job!.id } })
    await parent.next("report")
    await waitFor(async () => (await nodeProcesses(node)).length === 0, "the fenced processes to end")
    expect(await tempDirsLeft(node)).toEqual([])
    const who = await answeredOnce(parent, id, book)
    expect(who.split(" ").slice(0, 2)).not.toEqual([node, "0"])
    await cluster("heal", node)
    await closeCleanly(parent)
  })

  test("finds no parent: it ends by itself, and nothing is left of it", async () => {
    const parent = await openPool({ max: 1 }, REQUEUE)
    const { jobId } = await call<Where>(parent, "where")
    await runAs("flame", ["scontrol", "requeue", jobId])
    await parent.next("runner:requeued")
    parent.kill("SIGKILL")
    await parent.result
    await startNow(jobId)
    await nothingLeft()
  })
})
