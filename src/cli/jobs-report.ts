/**
 * How the jobs of slurm-flame look in `ps` and `cancel`: as a table for a reader, as one JSON document for a program. Pure text; asks
 * nobody and ends nothing.
 */
import { basename } from "node:path"
import { formatMs } from "../shared/duration.ts"
import type { RunRecord } from "../shared/run-record.ts"
import type { KnownJob, KnownRun, Survey } from "../slurm/orphans.ts"

const HEADINGS = ["JOB", "STATE", "NODE", "POOL", "RUNNER", "PARENT", "", "TIME"]

/** One line for each job, aligned, below a line of headings. */
export function renderJobs(jobs: readonly KnownJob[], now: number): string {
  const rows = [HEADINGS, ...jobs.map(job => cells(job, now))]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(row =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

function cells(job: KnownJob, now: number): string[] {
  const { id, slurmState, reason, node, pool, runnerId, parent, record } = job
  const state = reason === undefined || !job.pending ? slurmState : `${slurmState} (${reason})`
  // The name of an array's job is that of its first runner.
  const runner = id.includes("_") ? `${runnerId}…` : runnerId
  return [
    id,
    state,
    node ?? "-",
    pool,
    runner,
    parent,
    record ? whose(record) : "no record of its run",
    timeOf(job, now),
  ]
}

function timeOf({ pending, start, elapsed }: KnownJob, now: number): string {
  if (!pending) return elapsed ?? "-"
  return start === undefined ? "-" : start <= now ? "due" : `in ${formatMs(start - now)}`
}

/** `login1:4242 main.js` */
export function whose({ parent, program }: RunRecord): string {
  return `${parent.host}:${parent.pid} ${program === null ? "(no file)" : basename(program)}`
}

/** What there is to say beside the table, one line each. */
export function remarks({ jobs, runs }: Survey): string[] {
  const lines: string[] = []
  if (jobs.length === 0) lines.push("no jobs of slurm-flame are in the queue")
  for (const run of runs) if (run.jobs.length === 0) lines.push(withoutJobs(run))
  const count = (parent: KnownJob["parent"]) => jobs.filter(job => job.parent === parent).length
  const [orphans, waiting, unknown] = [count("dead"), count("waiting"), count("unknown")]
  if (orphans > 0) {
    lines.push(
      `${jobsOf(orphans)} whose parent is dead; what runs ends by itself, \`slurm-flame cancel --orphans\` ends all of them now`,
    )
  }
  if (waiting > 0) lines.push(`${jobsOf(waiting)} waiting for the parent to be started again`)
  if (unknown > 0) {
    lines.push(
      `${jobsOf(unknown)} of which nobody can say from here whether the parent lives: \`slurm-flame cancel <job>\` ends one`,
    )
  }
  return lines
}

function withoutJobs({ record, parent, removed }: KnownRun): string {
  const run = `pool ${record.pool} of ${whose(record)}`
  if (removed) return `${run}: dead and without jobs, its record is removed`
  return `${run}: ${parent}, no jobs`
}

/** `1 job`, `2 jobs` */
export const jobsOf = (count: number): string => `${count} ${count === 1 ? "job" : "jobs"}`

/** The document of `ps --json`. Moments are in ISO 8601, or null. */
export function jobsDocument(version: string, { jobs, runs }: Survey): string {
  const moment = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())
  const facts = (record: RunRecord | undefined) => ({
    host: record?.parent.host ?? null,
    pid: record?.parent.pid ?? null,
    program: record?.program ?? null,
    cwd: record?.cwd ?? null,
  })
  const document = {
    version,
    jobs: jobs.map(job => ({
      id: job.id,
      state: job.slurmState,
      reason: job.reason ?? null,
      node: job.node ?? null,
      pool: job.pool,
      run: job.run,
      runnerId: job.runnerId,
      parent: { state: job.parent, ...facts(job.record) },
      elapsed: job.elapsed ?? null,
      startedAt: job.pending ? null : moment(job.start),
      expectedStart: job.pending ? moment(job.start) : null,
    })),
    runs: runs.map(({ record, parent, jobs, removed }) => ({
      pool: record.pool,
      run: record.run,
      parent: { state: parent, ...facts(record) },
      startedAt: moment(record.startedAt),
      jobs: jobs.length,
      removed,
    })),
  }
  return JSON.stringify(document, null, 2)
}
