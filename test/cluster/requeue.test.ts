/** Jobs that Slurm puts back into the queue, nodes that it gives up, and links that are cut: who is the runner, and who is not any more. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, expect, test } from "vitest"
import { mustRun } from "./command.ts"
import {
  cluster,
  endPrograms,
  NODES,
  type NodeName,
  nodeProcesses,
  noJobsLeft,
  onCluster,
  type Program,
  runAs,
  sbatch,
  squeue,
  tempDirsLeft,
  waitFor,
} from "./harness.ts"
import { call, closeCleanly, nothingLeft, openPool, spawn, start, type Where } from "./parent.ts"

const REQUEUE = { sbatch: { requeue: true } }
/** Silence is noticed within seconds, and a runner that is away is soon given up. */
const BRISK = { heartbeat: "300ms", reconnectTimeout: "3s" }

/** What a call wrote down while it ran, wherever it ran. */
class Diary {
  readonly #dir = mkdtempSync("/home/flame/diary-")
  readonly path = join(this.#dir, "lines")

  constructor() {
    writeFileSync(this.path, "")
    for (const path of [this.#dir, this.path]) chown(path)
  }

  /** By process, in the order of their first lines. */
  get executions(): { who: string; from: number; until: number }[] {
    const found = new Map<string, { who: string; from: number; until: number }>()
    for (const line of readFileSync(this.path, "utf8").split("\n").slice(0, -1)) {
      const [time, ...words] = line.split(" ")
      const who = words.join(" ")
      const known = found.get(who)
      if (known) known.until = Number(time)
      else found.set(who, { who, from: Number(time), until: Number(time) })
    }
    return [...found.values()]
  }

  /** Lets those who write end. */
  stop(): void {
    writeFileSync(`${this.path}.stop`, "")
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true })
  }
}

const owned: Promise<string>[] = []
function chown(path: string): void {
  owned.push(mustRun(["chown", "flame:flame", path]))
}

let diary: Diary | undefined
async function newDiary(): Promise<Diary> {
  diary = new Diary()
  await Promise.all(owned.splice(0))
  return diary
}

let ids = 1_000
/** A call that writes a diary and is run again when its runner is lost. Resolves when it runs. */
async function write(parent: Program, { path }: Diary): Promise<number> {
  const id = ids++
  parent.send({ do: "call", id, method: "diary", args: [path, "$report"], limits: { retries: 2 } })
  await parent.next("report")
  return id
}

/** What the one answer says, after which there is no other; and that the executions did not overlap. */
async function answeredOnce(parent: Program, id: number, book: Diary): Promise<string> {
  book.stop()
  const answer = await parent.next("result")
  expect(answer.id).toBe(id)
  const { executions } = book
  expect(executions.map(({ who }) => who)).toContain(answer.value)
  for (const [n, { from }] of executions.entries()) {
    if (n > 0) expect(from).toBeGreaterThan(executions[n - 1]!.until)
  }
  return answer.value as string
}

/** Slurm waits two minutes before it starts a job that it put back. */
const startNow = (job: string) => mustRun(["scontrol", "update", `jobid=${job}`, "StartTime=now"])
const stateOf = async (job: string) => (await mustRun(["squeue", "-h", "-t", "all", "-j", job, "-o", "%T"])).trim()
const becomes = (job: string, state: string) =>
  waitFor(async () => (await stateOf(job)) === state, `job ${job} to become ${state}`)

/** Nothing more is started on the node. */
const closed = (node: NodeName) => mustRun(["scontrol", "update", `nodename=${node}`, "state=drain", "reason=test"])

onCluster("a job that is started anew", () => {
  afterEach(async () => {
    await endPrograms()
    for (const node of NODES) await cluster("heal", node)
    await mustRun(["scontrol", "update", `nodename=${NODES}`, "state=resume"]).catch(() => {}) // an error where none was closed
    await mustRun(["scancel", "--user=flame"])
    await noJobsLeft()
    diary?.remove()
    diary = undefined
  })

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
    const parent = await openPool({ max: 1, ...BRISK }, REQUEUE)
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    const node = job!.node as NodeName
    await cluster("fail", node, "eth")
    await becomes(job!.id, "PENDING")
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

onCluster("a runner that is away", () => {
  afterEach(async () => {
    await endPrograms()
    for (const node of NODES) await cluster("heal", node)
    await mustRun(["scontrol", "update", `nodename=${NODES}`, "state=resume"]).catch(() => {}) // an error where none was closed
    await mustRun(["scancel", "--user=flame"])
    await noJobsLeft()
    diary?.remove()
    diary = undefined
  })

  test("for longer than reconnectTimeout stands still before its calls run elsewhere, and is gone when it is back", async () => {
    const parent = await openPool({ max: 2, ...BRISK })
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    const node = job!.node as NodeName
    await closed(node)
    await cluster("fail", node, "ib")
    await parent.next("report") // it is run again, elsewhere
    expect(await parent.next("runner:down")).toMatchObject({ info: { jobId: job!.id } })
    await cluster("heal", node)
    await waitFor(async () => (await nodeProcesses(node)).every(({ args }) => !args.includes("slurm-flame")), "its end")
    const who = await answeredOnce(parent, id, book)
    expect(book.executions).toHaveLength(2)
    expect(who).toBe(book.executions[1]!.who)
    await closeCleanly(parent)
  })

  test("whose job was failed with its node is not believed dead as long as its lease runs", async () => {
    const parent = await openPool({ max: 2, heartbeat: "300ms", reconnectTimeout: "8s" })
    const book = await newDiary()
    const id = await write(parent, book)
    const [job] = await squeue()
    const node = job!.node as NodeName
    await cluster("fail", node, "eth")
    await becomes(job!.id, "NODE_FAIL")
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
    const { length } = readFileSync(book.path)
    const next = start(parent, "where")
    await delay(8_000) // longer than a runner that is only away would be waited for, and its being noticed
    expect(readFileSync(book.path).length).toBeLessThan(length + 200)
    await mustRun(["scontrol", "resume", job!.id])
    await waitFor(() => readFileSync(book.path).length > length + 400, "the call to go on")
    await answeredOnce(parent, id, book)
    expect(book.executions).toHaveLength(1)
    expect(await parent.next("result")).toMatchObject({ id: next, value: { jobId: job!.id } })
    await closeCleanly(parent)
  })
})
