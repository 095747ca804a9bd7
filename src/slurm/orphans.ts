/**
 * Whose the jobs in the queue are: joins what squeue shows of ours with the records of runs, and ends what nobody waits for any more.
 * Owns the rule for what is an orphan. Only this user's jobs, only by their tag; a parent that is not certainly dead keeps its own.
 */
import type { SweepReport } from "../shared/backend.ts"
import { type ParentLife, parentLife } from "../shared/parent-life.ts"
import { type RunRecord, RunRecords } from "../shared/run-record.ts"
import type { SlurmClient } from "./client.ts"
import type { FlameJob } from "./flame-job.ts"
import { removeEmptyLogs } from "./run-logs.ts"
import { submitting } from "./submitting.ts"

/**
 * Who there is for a job. `alive`, `dead`: its parent, as good as certain. `waiting`: dead, but its runners wait for it to come back
 * (`persist`). `unknown`: there is no record of its run, or its parent is out of sight.
 */
export type Parent = Exclude<ParentLife, "refused"> | "waiting"

/** A run that there is a record of. */
export interface KnownRun {
  readonly record: RunRecord
  readonly parent: Parent
  readonly jobs: readonly FlameJob[]
  /** Its parent is dead and it has no job: the record is gone now as well. */
  readonly removed: boolean
}

export interface KnownJob extends FlameJob {
  readonly parent: Parent
  readonly record: RunRecord | undefined
}

/** A record, and who there is for its jobs. */
interface Judged<P = Parent> {
  readonly record: RunRecord
  readonly parent: P
}

export interface Survey {
  readonly jobs: readonly KnownJob[]
  readonly runs: readonly KnownRun[]
}

export interface OrphanServices {
  readonly client: Pick<SlurmClient, "flameJobs" | "scancel">
  /** Default: the user's. */
  readonly records?: () => RunRecords
  /** Default: what this machine and its network tell. */
  readonly life?: (record: RunRecord) => Promise<ParentLife>
}

/** How long the pools that a program makes together are gathered, in ms: they ask squeue once. */
const COLLECT_MS = 5

export class Orphans {
  readonly #client: OrphanServices["client"]
  readonly #records: () => RunRecords
  readonly #life: (record: RunRecord) => Promise<ParentLife>
  #waiting: { own: RunRecord; resolve: (report: SweepReport) => void; reject: (error: unknown) => void }[] = []

  constructor({ client, records = () => new RunRecords(), life = record => parentLife(record) }: OrphanServices) {
    this.#client = client
    this.#records = records
    this.#life = life
  }

  /**
   * All jobs of ours in the queue, and all runs on record. Removes the records of dead parents without jobs.
   * @throws SlurmCommandError when squeue gives no answer; what the file system says of the records
   */
  async survey(): Promise<Survey> {
    const runs = await this.#know(await this.#records().list())
    const found = await this.#client.flameJobs()
    const settled = await this.#settle(weigh(runs, found), found)
    const jobs = found.map(job => {
      const run = settled.find(({ record }) => isOf(job, record))
      return { ...job, parent: run?.parent ?? ("unknown" as const), record: run?.record }
    })
    return { jobs, runs: settled }
  }

  /**
   * Ends these jobs of a survey, whoever waits for them, and removes the records of dead parents that have no others.
   * @returns those that could not be cancelled, by their ids
   */
  async end(jobs: readonly KnownJob[], { runs }: Survey): Promise<Map<string, Error>> {
    const failed = await this.#client.scancel(jobs.map(({ id }) => id))
    const ended = new Set(jobs.flatMap(({ id }) => (failed.has(id) ? [] : [id])))
    // Nobody comes back to a run without jobs. One that ran is still ending: its record goes with the next look.
    const dead = runs.filter(({ parent }) => parent === "dead" || parent === "waiting")
    const over = dead.filter(({ jobs }) => jobs.length > 0 && jobs.every(({ id, pending }) => pending && ended.has(id)))
    await this.#settle(
      over.map(({ record }) => ({ record, parent: "dead" as const })),
      [],
    )
    return failed
  }

  /**
   * Cancels what waits for earlier runs of the program and pool of `own`. Pools that ask in the same moment are one survey, and
   * without a dead run nobody is asked anything.
   * @throws as `survey`; the error of a job that could not be cancelled, whose record is then left
   */
  sweep(own: RunRecord): Promise<SweepReport> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ own, resolve, reject })
      if (this.#waiting.length === 1) setTimeout(() => void this.#sweep(), COLLECT_MS)
    })
  }

  async #sweep(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    try {
      const listed = await this.#records().list()
      const earlier = listed.filter(record => waiting.some(({ own }) => isEarlier(record, own)))
      const suspects = (await this.#know(earlier)).filter(({ parent }) => parent === "dead" || parent === "refused")
      // What runs ends by itself, and may be finishing what its caller let go on (`link: false`).
      const jobs = suspects.length === 0 ? [] : await this.#client.flameJobs()
      const dead = weigh(suspects, jobs).filter(({ parent }) => parent === "dead")
      const pending = jobs.filter(job => job.pending && dead.some(({ record }) => isOf(job, record)))
      // Once: what is not heard now is the affair of the next start.
      const [failed] = await this.#client.scancel(pending.map(({ id }) => id))
      if (failed) throw failed[1]
      const left = jobs.filter(job => !pending.includes(job))
      await this.#settle(dead, left)
      for (const { own, resolve } of waiting) {
        const runs = dead.filter(({ record }) => isEarlier(record, own))
        const ids = (of: readonly FlameJob[]) =>
          of.filter(job => runs.some(({ record }) => isOf(job, record))).map(({ id }) => id)
        resolve({ cancelled: ids(pending), running: ids(left) })
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  /** Before squeue is asked: of a parent that was dead by then no further job can come. */
  async #know(records: readonly RunRecord[]): Promise<Judged<ParentLife | "waiting">[]> {
    return await Promise.all(
      records.map(async record => {
        const life = await this.#life(record)
        if (!record.persist || (life !== "dead" && life !== "refused")) return { record, parent: life }
        return await this.#mourn(record, record.persist.waitMs)
      }),
    )
  }

  /** A dead parent whose runners wait for it: from the first who finds it dead, for as long as they do. */
  async #mourn(record: RunRecord, waitMs: number): Promise<Judged> {
    const { deadSince = Date.now() } = record
    const marked = { ...record, deadSince }
    // Where it cannot be written the wait begins anew with whoever looks next.
    if (record.deadSince === undefined)
      await this.#records()
        .write(marked)
        .catch(() => {})
    return { record: marked, parent: Date.now() < deadSince + waitMs ? "waiting" : "dead" }
  }

  /** Removes the records that nothing is left of. */
  async #settle(runs: readonly Judged[], jobs: readonly FlameJob[]): Promise<KnownRun[]> {
    const known = runs.map(run => ({ ...run, jobs: jobs.filter(job => isOf(job, run.record)) }))
    const over = known.filter(({ parent, jobs }) => parent === "dead" && jobs.length === 0)
    const still = over.length === 0 ? [] : await submitting(over.map(({ record }) => record))
    const gone = over.map(({ record }) => record).filter(record => !still.includes(record))
    if (gone.length > 0) await removeEmptyLogs(tag => gone.some(record => isOf(tag, record)))
    await Promise.all(gone.map(record => this.#records().remove(record)))
    return known.map(run => ({ ...run, removed: gone.includes(run.record) }))
  }
}

/**
 * A refusal is taken for death unless a job of the run runs: a runner dials the same port, and ends when it is refused. So the parent
 * died this moment, or it is only we who are refused.
 */
function weigh(runs: readonly Judged<ParentLife | "waiting">[], jobs: readonly FlameJob[]): Judged[] {
  return runs.map(({ record, parent }) => {
    if (parent !== "refused") return { record, parent }
    const runs = jobs.some(job => !job.pending && isOf(job, record))
    return { record, parent: runs ? "unknown" : "dead" }
  })
}

/** The job was submitted by that run. */
export function isOf(job: Pick<FlameJob, "pool" | "run">, record: Pick<RunRecord, "pool" | "run">): boolean {
  return job.run === record.run && job.pool === record.pool
}

/** A run of the same program and pool that is not this one. */
function isEarlier(record: RunRecord, own: RunRecord): boolean {
  const { program, pool, run } = own
  return program !== null && record.program === program && record.pool === pool && record.run !== run
}
