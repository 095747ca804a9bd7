/** Runners that cannot be reached: since their link is cut, since Slurm has given up their node, since they are suspended. */
import { readFileSync } from "node:fs"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, expect, test } from "vitest"
import { mustRun } from "./command.ts"
import { answeredOnce, close, mend, newDiary, stateOf, write } from "./diary.ts"
import { cluster, inNode, type NodeName, nodeProcesses, onCluster, squeue, waitFor } from "./harness.ts"
import { closeCleanly, openPool, start } from "./parent.ts"

/** Silence is noticed within seconds, and a runner that is away is soon given up. */
const BRISK = { heartbeat: "500ms", reconnectTimeout: "4s" }

/** Resolves with its length when nobody writes any more: a job that is young is suspended two seconds after `scontrol` has ended. */
async function standsStill(path: string): Promise<number> {
  const looks: number[] = []
  return await waitFor(() => {
    looks.push(readFileSync(path).length)
    return looks.slice(-10).every(length => length === looks.at(-1)) && looks.length >= 10 && looks.at(-1)
  }, "the diary to stand still")
}

/** Whether the process that wrote this into the diary is stopped. */
async function isStopped(node: NodeName, who: string): Promise<boolean> {
  const { stdout } = await inNode(node, ["ps", "-o", "stat=", "-p", who.split(" ").at(-1)!])
  return stdout.startsWith("T")
}

onCluster("a runner that is away", () => {
  afterEach(mend)

  test("for longer than reconnectTimeout stands still before its calls run elsewhere, and is gone when it is back", async () => {
    // A worker is asked to hold for a thirty-second part of the time at least: so long that a busy machine is no reason.
    const parent = await openPool({ max: 2, ...BRISK, reconnectTimeout: "10s" })
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    const node = job!.node as NodeName
    await close(node)
    await cluster("fail", node, "ib")
    await waitFor(() => isStopped(node, book.executions[0]!.who), "the first execution to stand still")
    const [first] = book.executions
    await parent.next("report") // it is run again, elsewhere
    expect(await parent.next("runner:down")).toMatchObject({ info: { jobId: job!.id } })
    await cluster("heal", node)
    await waitFor(async () => (await nodeProcesses(node)).every(({ args }) => !args.includes("slurm-flame")), "its end")
    const who = await answeredOnce(parent, id, book)
    expect(book.executions).toHaveLength(2)
    expect(book.executions[0]).toEqual(first) // not another line, although Slurm wakes a job before it ends it
    expect(who).toBe(book.executions[1]!.who)
    await closeCleanly(parent)
  })

  test("because its parent stands still does so as well, and goes on where it was when that answers", async () => {
    const parent = await openPool({ max: 1, ...BRISK })
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    process.kill(parent.pid, "SIGSTOP")
    await waitFor(() => isStopped(job!.node as NodeName, book.executions[0]!.who), "the execution to stand still")
    const { length } = readFileSync(book.path)
    process.kill(parent.pid, "SIGCONT")
    await waitFor(() => readFileSync(book.path).length > length + 400, "the call to go on")
    await answeredOnce(parent, id, book)
    expect(book.executions).toHaveLength(1)
    await closeCleanly(parent)
  })

  test("whose job was failed with its node is not believed dead as long as its lease runs", async () => {
    const parent = await openPool({ max: 2, heartbeat: "300ms", reconnectTimeout: "8s" })
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    const node = job!.node as NodeName
    await cluster("fail", node, "eth")
    await waitFor(async () => (await stateOf(job!.id)) === "NODE_FAIL", "Slurm to give the node up")
    parent.send({ do: "stats" })
    expect((await parent.next("stats")).stats.runners).toMatchObject([{ state: "ready", jobId: job!.id }])
    await cluster("fail", node, "ib") // now the parent asks Slurm, and nobody can ask the runner
    expect(await parent.next("runner:down")).toMatchObject({ info: { jobId: job!.id, goneReason: "node-fail" } })
    await parent.next("report")
    await answeredOnce(parent, id, book)
    expect(book.executions).toHaveLength(2)
    await cluster("heal", node)
    await closeCleanly(parent)
  })

  test("because it was suspended is waited for as long as Slurm says so, and then goes on where it was", async () => {
    const parent = await openPool({ max: 1, ...BRISK })
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    await mustRun(["scontrol", "suspend", job!.id])
    const length = await standsStill(book.path)
    const next = start(parent, "where")
    await delay(8_000) // longer than a runner that is only away would be waited for, and its being noticed
    expect(readFileSync(book.path)).toHaveLength(length)
    await mustRun(["scontrol", "resume", job!.id])
    await waitFor(() => readFileSync(book.path).length > length + 400, "the call to go on")
    await answeredOnce(parent, id, book)
    expect(book.executions).toHaveLength(1)
    expect(await parent.next("result")).toMatchObject({ id: next, value: { jobId: job!.id } })
    await closeCleanly(parent)
  })
})
