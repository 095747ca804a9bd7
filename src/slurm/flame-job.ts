/**
 * A job in the queue that is ours by its tag: what squeue is asked about it and what its name tells. Owns the format and the reading
 * of tags; knows nothing of records, nor of who may end the job.
 */
import { meaningOf } from "./job-state.ts"
import { parseSlurmTime } from "./time.ts"

/** For `squeue -o`. The three at the end are free text. */
export const FLAME_FORMAT = "%i|%T|%S|%N|%M|%r|%j|%k"

/** What the tag of a submission says. */
export interface JobTag {
  readonly pool: string
  /** Of the pool's run: see RunRecord. */
  readonly run: string
  /** Of an array: its first runner. */
  readonly runnerId: string
}

/** A job of slurm-flame that has not ended. */
export interface FlameJob extends JobTag {
  /** `<job>`, or `<job>_<task>` for a task of an array. */
  readonly id: string
  /** Slurm's state word. */
  readonly slurmState: string
  /** It waits for its nodes. */
  readonly pending: boolean
  /** Slurm's reason, where it gives one. */
  readonly reason: string | undefined
  readonly node: string | undefined
  /** When it started or, pending, is expected to; ms since the epoch. */
  readonly start: number | undefined
  /** For how long it runs, in Slurm's words (`1:23`); undefined while it waits. */
  readonly elapsed: string | undefined
}

/** `flame-<pool>-<runner's id>-<nonce>`, where the runner's id is `<pool, in other letters>-<run>-<serial>`. */
const TAG = /^flame-([\w-]+)-([0-9a-f]{6})-(\d+)-[0-9a-f]+$/

/** What a tag says; undefined when it is none of ours. */
export function parseTag(text: string): JobTag | undefined {
  const [, pools, run, serial] = TAG.exec(text) ?? []
  if (pools === undefined) return undefined
  // The pool's name twice: as it is, and as it stands in the runner's id. So a job that is called `flame-something` is not ours.
  const pool = pools.slice(0, (pools.length - 1) / 2)
  const inId = pools.slice(pool.length + 1)
  if (inId !== pool.toLowerCase().replaceAll("_", "-")) return undefined
  return { pool, run: run!, runnerId: `${inId}-${run}-${serial}` }
}

/** The jobs that are ours and have not ended. A line that is none (a site's banner) is passed over. */
export function parseFlameJobs(stdout: string): FlameJob[] {
  return stdout.split("\n").flatMap(line => {
    const [id, slurmState, start, node, elapsed, ...rest] = line.split("|")
    const tag = tagOf(rest.join("|"))
    if (!tag || !/^\d/.test(id!)) return []
    const { state } = meaningOf(slurmState!)
    if (state === "ended") return []
    const pending = state === "pending"
    const reason = rest[0]!
    return [
      {
        ...tag,
        id: id!,
        slurmState: slurmState!,
        pending,
        reason: reason === "None" || reason === "" ? undefined : reason,
        node: node || undefined,
        start: parseSlurmTime(start!),
        elapsed: pending ? undefined : elapsed,
      },
    ]
  })
}

/** In `<reason>|<name>|<comment>` the tag is the name, or the last word of the comment. Each may hold a bar. */
function tagOf(text: string): JobTag | undefined {
  const words = text.split("|")
  return (
    parseTag(words.at(-1)!.split(" ").at(-1)!) ??
    words
      .slice(1)
      .map(parseTag)
      .find(tag => tag !== undefined)
  )
}
