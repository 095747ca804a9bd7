/**
 * The lines squeue and scontrol print about a job. Owns the formats asked for and their parsing (text, because the JSON
 * differs between releases); what a row means for a job is in job.ts.
 */
import { constants } from "node:os"
import { parseSlurmTime } from "./time.ts"

/** For `squeue -o`. The reason comes last: it is free text. */
export const QUEUE_FORMAT = "%i|%T|%e|%S|%N|%A|%P|%r"
/** For looking a job up by its tag. */
export const NAME_FORMAT = "%i|%j|%k"

/** One job in squeue. */
export interface QueueRow {
  /** `<job>`, or `<job>_<task>` for a task of an array. */
  readonly id: string
  /** The job's own number. A task of an array that waits has that of the whole array. */
  readonly number: string
  /** Slurm's state word, e.g. `PENDING`. */
  readonly slurmState: string
  /** When it ends at the latest, or ended; ms since the epoch. */
  readonly end: number | undefined
  /** When it started or, pending, is expected to. */
  readonly start: number | undefined
  readonly node: string | undefined
  /** Those it waits in; the one it got, from then on. */
  readonly partitions: readonly string[]
  readonly reason: string | undefined
}

/**
 * Rows by job id. A line that is none (a site's banner) is passed over: its job then counts as missing, not as ended.
 * @param skewMs The clock that tells their times is so much ahead of this one: they are given on this one.
 */
export function parseQueue(stdout: string, skewMs = 0): Map<string, QueueRow> {
  const rows = new Map<string, QueueRow>()
  const moment = (text: string) => {
    const theirs = parseSlurmTime(text)
    return theirs === undefined ? undefined : theirs - skewMs
  }
  for (const line of stdout.split("\n")) {
    const [id, slurmState, end, start, node, number, partitions, ...reason] = line.split("|")
    if (reason.length === 0 || !/^\d/.test(id!)) continue
    rows.set(id!, {
      id: id!,
      slurmState: slurmState!,
      end: moment(end!),
      start: moment(start!),
      node: node || undefined,
      number: number!,
      partitions: partitions!.split(","),
      reason: knownReason(reason.join("|")),
    })
  }
  return rows
}

/** Id of the job, or of the array as a whole, that carries `tag` as its name or as the last word of its comment. */
export function findTag(stdout: string, tag: string): string | undefined {
  for (const line of stdout.split("\n")) {
    const [id, ...rest] = line.split("|")
    const text = rest.join("|")
    if (text.startsWith(`${tag}|`) || text.endsWith(`|${tag}`) || text.endsWith(` ${tag}`)) return id!.split("_")[0]
  }
  return undefined
}

/** What `scontrol show job` tells beyond squeue. */
export interface JobDetail {
  readonly slurmState: string
  readonly reason: string | undefined
  /** Not 0 unless the job completed: one that was killed, or never ran, has 0 there as well. */
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly node: string | undefined
  /** What it may use, on all of its nodes together. */
  readonly memoryBytes: number | undefined
  readonly stderrPath: string | undefined
}

/** Parses the one line of `scontrol show job -o`. Undefined when it is no such line. */
export function parseDetail(line: string): JobDetail | undefined {
  const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1]
  const slurmState = field("JobState")
  if (!slurmState) return undefined
  const [exit, signal] = (field("ExitCode") ?? "").split(":")
  return {
    slurmState,
    reason: knownReason(field("Reason") ?? ""),
    exitCode: slurmState === "COMPLETED" ? 0 : Number(exit) || undefined,
    signal: signalName(Number(signal)),
    node: field("BatchHost") || undefined,
    // `TRES` until 22.05, then two of them: what was asked for and what was given.
    memoryBytes: parseBytes(/ (?:Alloc)?TRES=(?:[^ ]*,)?mem=([^ ,]+)/.exec(line)?.[1] ?? ""),
    // The value may hold blanks; the next key ends it.
    stderrPath: / StdErr=(.*?)(?= StdIn=|$)/.exec(line)?.[1] || undefined,
  }
}

/** `300M` and its like, in bytes. 0 is what Slurm writes where nothing was asked for or measured: that is undefined. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGTP]?)$/.exec(text)
  if (!match) return undefined
  const bytes = Math.round(Number(match[1]) * 1024 ** "_KMGTP".indexOf(match[2] || "_"))
  return bytes > 0 ? bytes : undefined
}

/**
 * Parses the lines of `scontrol show job -o`, one for each job or task; one of tasks that wait together names them all
 * (`ArrayTaskId=6-8,11%2`). Keys are ids as squeue has them.
 */
export function parseDetails(stdout: string): Map<string, JobDetail> {
  const details = new Map<string, JobDetail>()
  for (const line of stdout.split("\n")) {
    const detail = parseDetail(line)
    if (!detail) continue
    const [, array, tasks = ""] = / ArrayJobId=(\d+) (?:.*? )?ArrayTaskId=([^ %]*)/.exec(line) ?? []
    if (array === undefined) details.set(/^JobId=(\S+)/.exec(line)?.[1] ?? "", detail)
    for (const range of array === undefined ? [] : tasks.split(",")) {
      const [first = Number.NaN, last = first] = range.split("-").map(Number)
      for (let task = first; task <= last; task++) details.set(`${array}_${task}`, detail)
    }
  }
  return details
}

function knownReason(reason: string): string | undefined {
  return reason === "" || reason === "None" || reason === "(null)" ? undefined : reason
}

/** `SIGTERM` for 15. Slurm puts codes of its own there as well (53: output not opened, 125: out of memory). */
function signalName(number: number): string | undefined {
  if (!(number > 0 && number < 32)) return undefined
  return Object.entries(constants.signals).find(([, n]) => n === number)?.[0]
}
