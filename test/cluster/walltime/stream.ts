/**
 * A steady stream of short calls on jobs of two minutes, for minutes: none is lost and none runs twice, although every job ends under it. With
 * an outage a node with calls in flight goes dark in the middle. Owns what is promised then; the program is `programs/stream.mjs`.
 */
import { expect } from "vitest"
import { Book } from "../book.ts"
import { asUser, type Program, type ProgramEvent } from "../harness.ts"
import { HEAD, type Info } from "../parent.ts"
import type { Outage } from "./outage.ts"

/** The job of the README with a limit of two minutes: slurmctld looks at it every 30 s, so that this is as short as is useful. */
export const TWO_MINUTES = HEAD.replace("00:10:00", "00:02:00")

/** What is said of a node without power: Slurm's word, or that there is none yet. */
export const DARK = ["node-fail", "network"]

/** Each job waits so long before it starts, as it would in the queue of a site. */
const QUEUE_SECONDS = 10

interface Failed {
  id: number
  error: { code: string; reason: string; started: boolean; message: string; evidence: { jobId: string; node: string } }
}

/** What is told of the stream at the end. */
export interface Figures {
  sent: number
  failed: Failed[]
  /** Numbers of calls that were begun more than once. */
  twice: number[]
  /** Longest time without an answer, in milliseconds. */
  gapMs: number
  /** That served. */
  jobs: string[]
  handovers: number
  /** Runners that were warned of their limit while no other one served: a gap. */
  alone: string[]
}

export interface StreamOptions {
  seconds: number
  /** For sbatch. */
  sbatch: object
  /** In which a node that has calls in flight is lost; calls with an even number may then be run again. */
  outage?: Outage | undefined
}

export async function stream({ seconds, sbatch, outage }: StreamOptions): Promise<Figures> {
  outage?.enter()
  const book = new Book()
  try {
    const program = asUser("stream.mjs", [
      JSON.stringify({
        seconds,
        width: 4,
        ms: 200,
        book: book.path,
        declared: outage !== undefined,
        slurm: { slurmJob: TWO_MINUTES, signalBefore: "20s", sbatch: { begin: `now+${QUEUE_SECONDS}`, ...sbatch } },
        // Who is silent for so long is given up, and its calls are told.
        options: { min: 1, max: 2, maxConcurrency: 4, name: "stream", heartbeat: "2s", reconnectTimeout: "20s" },
      }),
    ])
    if (outage) await cutPower(program, outage, seconds)
    const { events, code, stderr } = await program.result
    const over = events.find(({ event }) => event === "over")
    if (over === undefined || code !== 0) throw new Error(`the stream ended with ${code}: ${stderr}`)
    return compare(over, book, events)
  } finally {
    book.remove()
  }
}

/** Waits for the middle, and for calls that run on the node. */
async function cutPower(program: Program, outage: Outage, seconds: number): Promise<void> {
  for (;;) {
    const { left, runners } = await program.next("tick")
    const there = (runners as Info[]).some(({ node, inFlight }) => node === outage.node && inFlight > 0)
    if (there && left < (seconds * 2) / 3) break
    if (left === 0) throw new Error(`the stream never ran on ${outage.node}`)
  }
  await outage.ready()
  for (;;) {
    const { info } = await program.next("runner:down") // which may be long in coming: its time is the program's
    if (info.node === outage.node && DARK.includes(info.goneReason)) break
  }
  await outage.recovered()
}

/** What the parent counted against what the nodes wrote down: every call was answered once, and what was answered ran to its end. */
function compare(over: ProgramEvent, book: Book, events: ProgramEvent[]): Figures {
  const { sent, done, failed, gapMs, jobs, handovers } = over as unknown as Omit<Figures, "twice" | "alone"> & {
    done: { id: number; jobId: string }[]
  }
  const entries = book.read()
  expect(done.length + failed.length).toBe(sent)
  expect(new Set([...done, ...failed].map(({ id }) => id)).size).toBe(sent)
  // The answer came from the last to end it: one that ended on a node that died may have been run again, if it was declared.
  for (const { id, jobId } of done) expect(entries.get(id)!.ended.at(-1)).toBe(jobId)
  const twice = [...entries].flatMap(([id, { begun }]) => (begun.length > 1 ? [id] : []))
  const figures = { sent, failed, twice, gapMs, jobs, handovers, alone: unrelieved(events) }
  if (process.env.SLURM_FLAME_FIGURES) tell(figures, events)
  return figures
}

/** The jobs that had to stop serving when no other was there. */
function unrelieved(events: ProgramEvent[]): string[] {
  const serving = new Set<string>()
  const found: string[] = []
  for (const { event, info } of events) {
    if (event === "runner:up") serving.add(info.jobId)
    if (event !== "runner:drain" && event !== "runner:down") continue
    const served = serving.delete(info.jobId)
    if (served && serving.size === 0 && info.drainReason === "walltime") found.push(info.jobId)
  }
  return found
}

/** For who runs it by hand. */
function tell({ sent, failed, twice, gapMs, jobs, handovers, alone }: Figures, events: ProgramEvent[]): void {
  const ends = events.filter(({ event }) => event === "runner:down").map(({ info }) => info.goneReason)
  console.log(
    `stream: ${sent} calls sent, ${failed.length} lost (${[...new Set(failed.map(({ error }) => error.reason))]}), ` +
      `${twice.length} begun twice, longest gap ${(gapMs / 1_000).toFixed(2)} s, ${jobs.length} runners ` +
      `(${ends.join(", ")}), ${handovers} hand-overs, ${alone.length} runners warned when no other served`,
  )
}
