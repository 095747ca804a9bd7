/**
 * What a call wrote down while it ran, wherever it ran, and what that proves: that it never ran in two places at a time, and was
 * answered once. And the cluster as it was before.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { expect } from "vitest"
import { mustRun } from "./command.ts"
import { cluster, endPrograms, NODES, noJobsLeft, type Program } from "./harness.ts"

/** What a call wrote down while it ran, wherever it ran. */
export class Diary {
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
/** A new one, which the user may write. */
export async function newDiary(): Promise<Diary> {
  diary = new Diary()
  await Promise.all(owned.splice(0))
  return diary
}

let ids = 1_000
/** A call that writes a diary and is run again when its runner is lost. Resolves when it runs. */
export async function write(parent: Program, { path }: Diary): Promise<number> {
  const id = ids++
  parent.send({ do: "call", id, method: "diary", args: [path, "$report"], limits: { retries: 2 } })
  await parent.next("report")
  return id
}

/** What the one answer says, after which there is no other; and that the executions did not overlap. */
export async function answeredOnce(parent: Program, id: number, book: Diary): Promise<string> {
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

/** Ends all programs and jobs, and mends what was broken. */
export async function mend(): Promise<void> {
  await endPrograms()
  for (const node of NODES) await cluster("heal", node)
  for (const node of NODES) {
    if ((await mustRun(["sinfo", "-h", "-n", node, "-o", "%T"])).includes("drain"))
      await mustRun(["scontrol", "update", `nodename=${node}`, "state=resume"])
  }
  await mustRun(["scancel", "--user=flame"])
  await noJobsLeft()
  diary?.remove()
  diary = undefined
}

/** Nothing more is started on the node. */
export const close = (node: string) => mustRun(["scontrol", "update", `nodename=${node}`, "state=drain", "reason=test"])

/** The state of a job that Slurm still knows. */
export const stateOf = async (job: string): Promise<string> =>
  (await mustRun(["squeue", "-h", "-t", "all", "-j", job, "-o", "%T"])).trim()

/**
 * Slurm waits two minutes before it starts a job that it put back. For a reason: the SIGKILL that it has ready for the first life, for when
 * KillWait (5 s) is over, would hit the second.
 */
export async function startNow(job: string): Promise<void> {
  await delay(6_000)
  await mustRun(["scontrol", "update", `jobid=${job}`, "StartTime=now"])
}
