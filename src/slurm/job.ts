/**
 * One submitted job. Owns its status and turns squeue's rows into it, asks for the evidence once it has ended. Knows no
 * runner: whether one ever spoke from this job is the pool's knowledge.
 */
import type { Job, JobOutcome, JobStatus } from "../shared/backend.ts"
import { type JobEvidence, SlurmCommandError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import type { Accounting } from "./accounting.ts"
import type { Canceller } from "./canceller.ts"
import type { SlurmClient } from "./client.ts"
import { isCompleting, isSuspended, meaningOf } from "./job-state.ts"
import { expandLogPath, type LogPattern, readTail, removeEmpty } from "./log-file.ts"
import { type Waiting, waitingFor } from "./pending-reason.ts"
import type { JobDetail, QueueRow } from "./queue-row.ts"
import type { Watched, Watcher } from "./watcher.ts"

/** What a shell exits with when its command was ended by SIGKILL. */
const KILLED = 137

type Ended = JobStatus & { state: "ended" }

/** What a job needs from its backend. */
export interface JobServices {
  readonly client: Pick<SlurmClient, "show">
  readonly watcher: Watcher
  readonly canceller: Canceller
  readonly accounting: Pick<Accounting, "record">
  /** For how long after its submission a job may be missing from squeue, in ms. */
  readonly missingGraceMs: number
}

export class SlurmJob implements Job, Watched {
  readonly #services: JobServices
  readonly #log: LogPattern
  readonly #submittedAt: number
  readonly #listeners = new Set<(status: JobStatus) => void>()
  readonly #whenEnded: Promise<Ended>
  #resolveEnded!: (status: Ended) => void
  #status: JobStatus = { state: "pending" }
  #interest: "watch" | "rest" = "watch"
  /** The newest row of squeue. */
  #row: QueueRow | undefined
  /** It was seen running, or on its way back into the queue: when it waits now, it waits again. */
  #ran = false
  /** Its end is being looked into: rows that come in meanwhile tell nothing new. */
  #closing = false
  /** By the newest row it can never start. */
  #hopeless = false
  #endAwaited = false
  /** Calls of `ask` that wait. */
  #asking = 0
  #cancelled: Promise<void> | undefined
  #cancelTaken = false

  /**
   * @param requeues Slurm may start it again, under the same id.
   * @param adopted It was submitted long ago by another process: if squeue does not know it, it is over.
   * @param drainBeforeMs It is warned at most so long before its end.
   */
  constructor(
    readonly id: string,
    log: LogPattern,
    services: JobServices,
    readonly requeues = false,
    adopted = false,
    readonly drainBeforeMs?: number | undefined,
  ) {
    this.#log = log
    this.#services = services
    this.#submittedAt = adopted ? Number.NEGATIVE_INFINITY : performance.now()
    if (adopted) this.#status = { state: "unknown" }
    this.#whenEnded = new Promise(resolve => {
      this.#resolveEnded = resolve
    })
    this.#watchOrRest()
  }

  get status(): JobStatus {
    return this.#status
  }

  /** For `adoptedJob`. */
  get handle(): Json {
    const drain = this.drainBeforeMs !== undefined && { drainBeforeMs: this.drainBeforeMs }
    return { id: this.id, log: { ...this.#log }, requeues: this.requeues, ...drain }
  }

  /** Somebody waits for more than its start. */
  get urgent(): boolean {
    return this.#status.state !== "pending" || this.#endAwaited || this.#asking > 0
  }

  onStatus(listener: (status: JobStatus) => void): () => void {
    // A wrapper, so that one function given twice is two listeners.
    const entry = (status: JobStatus) => listener(status)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  async ask(): Promise<JobStatus> {
    if (this.#status.state === "ended") return this.#status
    this.#asking += 1
    this.#watchOrRest()
    const answered = await this.#services.watcher.fresh()
    this.#asking -= 1
    this.#watchOrRest()
    // It has ended, and what is known of its end is still being gathered: the old status is not the answer.
    if (!answered || (this.#closing && this.status.state !== "ended")) return { state: "unknown" }
    return this.status
  }

  attend(interest: "watch" | "rest"): void {
    this.#interest = interest
    this.#watchOrRest()
    // Something was noticed that squeue may explain.
    if (interest === "watch" && this.#status.state !== "ended") this.#services.watcher.soon()
  }

  ended(): Promise<Ended> {
    this.#endAwaited = true
    this.#watchOrRest()
    if (this.#status.state !== "ended") this.#services.watcher.soon()
    return this.#whenEnded
  }

  cancel(): Promise<void> {
    if (this.#status.state === "ended") return Promise.resolve()
    this.#cancelled ??= this.#services.canceller.cancel(this.id).then(
      () => {
        this.#cancelTaken = true
        this.#services.watcher.soon()
      },
      error => {
        this.#cancelled = undefined
        throw error
      },
    )
    return this.#cancelled
  }

  async stderrTail(): Promise<string> {
    return (await readTail(this.#logPath())) ?? ""
  }

  onRow(row: QueueRow): void {
    if (this.#closing) return
    this.#row = row
    const meaning = meaningOf(row.slurmState)
    switch (meaning.state) {
      case "ended":
        void this.#close(meaning.outcome)
        break
      case "pending":
        this.#become({
          state: "pending",
          ...((this.#ran || row.slurmState.startsWith("REQUEUE")) && { again: true as const }),
          ...(row.reason !== undefined && { reason: row.reason, ...this.#waiting(row.reason, row.partitions.length) }),
          ...(row.start !== undefined && { expectedStart: new Date(row.start) }),
        })
        break
      case "running":
        this.#ran = true
        this.#become({
          state: "running",
          ...(row.node !== undefined && { node: row.node }),
          ...(row.end !== undefined && { endsAt: row.end }),
          ...(row.end !== undefined &&
            row.start !== undefined &&
            row.end > row.start &&
            !isCompleting(row.slurmState) && { limitMs: row.end - row.start }),
          ...(isCompleting(row.slurmState) && { ending: true as const }),
          ...(isSuspended(row.slurmState) && { suspended: true as const }),
        })
        break
      case "unknown":
        this.#become({ state: "unknown" })
    }
  }

  onMissing(): void {
    const young = performance.now() - this.#submittedAt < this.#services.missingGraceMs
    // Slurm keeps no record of an array's task that was cancelled before it ran: it is gone from the list at once.
    const waited = this.#row !== undefined && this.#status.state === "pending"
    const cancelled = this.id.includes("_") && (waited || this.#cancelTaken)
    if (this.#closing || (this.#row === undefined && young && !cancelled)) return
    void this.#close(undefined, cancelled ? "cancelled" : "unknown")
  }

  onSilence(): void {
    if (!this.#closing) this.#become({ state: "unknown" })
  }

  /** That it can never start is believed when it is said twice in a row: Slurm's first reason may be a rough one. */
  #waiting(reason: string, partitions: number): Partial<Waiting> | undefined {
    const waiting = waitingFor(reason, partitions)
    const again = this.#hopeless
    this.#hopeless = waiting?.outlook === "never"
    return this.#hopeless && !again ? { hint: waiting!.hint } : waiting
  }

  /**
   * Ends the job's story; `outcome` undefined: squeue has forgotten it, so ask the controller by id.
   * @param presumed How it ended if the controller has forgotten it as well.
   */
  async #close(outcome: JobOutcome | undefined, presumed: JobOutcome = "unknown"): Promise<void> {
    this.#closing = true
    if (outcome !== undefined) {
      this.#services.watcher.unwatch(this)
      // Who wonders what became of it need not wait until it is known in full.
      if (this.#status.state === "running") this.#become({ ...this.#status, ending: true })
    }
    let detail: JobDetail | undefined
    // Of one that we have cancelled ourselves there is nothing to learn: closing a pool of 1,000 must not be 1,000 questions.
    const ours = this.#cancelTaken && (outcome ?? presumed) === "cancelled"
    if (outcome !== "completed" && !ours) {
      try {
        detail = await this.#services.client.show(this.id)
      } catch (error) {
        if (!(error instanceof SlurmCommandError)) throw error
        // Without squeue's word on its end nothing is known for sure: go on watching.
        if (outcome === undefined) {
          this.#closing = false
          return
        }
      }
    }
    if (outcome === undefined && detail) {
      const meaning = meaningOf(detail.slurmState)
      if (meaning.state !== "ended") {
        this.#closing = false
        return
      }
      outcome = meaning.outcome
    }
    const evidence = await this.#evidence(detail, outcome)
    // Best effort: an empty log that cannot be deleted is no reason to be silent about the job's end.
    if (this.#log.own) await removeEmpty(this.#logPath(detail)).catch((error: Error) => process.emitWarning(error))
    const status: Ended = { state: "ended", outcome: outcome ?? presumed, evidence }
    this.#become(status)
    this.#resolveEnded(status)
  }

  async #evidence(detail: JobDetail | undefined, outcome: JobOutcome | undefined): Promise<JobEvidence> {
    const node = detail?.node ?? this.#row?.node
    const slurmState = detail?.slurmState ?? this.#row?.slurmState
    const path = this.#logPath(detail)
    const [tail, account] = await Promise.all([readTail(path), this.#account(detail, outcome)])
    return {
      jobId: this.id,
      node,
      slurmState,
      slurmReason: detail?.reason ?? this.#row?.reason,
      exitCode: detail?.exitCode ?? (slurmState === "COMPLETED" ? 0 : undefined),
      signal: detail?.signal,
      stderrTail: tail,
      // A file we cannot read is most likely on the node's own disk.
      logPath: tail === undefined && node !== undefined ? `${node}:${path}` : path,
      ...account,
    }
  }

  /** What memory has to do with its end, and who: where that may be the answer, and not of a job that we have cancelled. */
  async #account(detail: JobDetail | undefined, outcome: JobOutcome | undefined): Promise<JobEvidence> {
    if (this.#cancelled) return {}
    const exhausted = outcome === "out-of-memory"
    const killed = outcome === "failed" && (detail?.signal === "SIGKILL" || detail?.exitCode === KILLED)
    if (!exhausted && !killed && outcome !== "cancelled") return {}
    return {
      ...(exhausted && { outOfMemory: true }),
      ...((exhausted || killed) && { memoryLimitBytes: detail?.memoryBytes }),
      ...(await this.#services.accounting.record(this.id)),
    }
  }

  #logPath(detail?: JobDetail): string {
    const told = detail?.stderrPath
    if (told?.startsWith("/") && !told.includes("%")) return told
    const { node, number } = this.#row ?? {}
    return expandLogPath(this.#log, { id: this.id, node, number: node === undefined ? undefined : number })
  }

  /** Watched while somebody wants to know, and until it was seen running once: its end time is not to be had elsewhere. */
  #watchOrRest(): void {
    if (this.#closing && this.#status.state !== "ended") return
    const status = this.#status
    if (status.state === "ended") return this.#services.watcher.unwatch(this)
    // One that is suspended says nothing by itself: when it goes on is to be learnt here.
    const seenRunning = status.state === "running" && !status.suspended
    const wanted = this.#interest === "watch" || this.#endAwaited || this.#asking > 0 || !seenRunning
    if (wanted) this.#services.watcher.watch(this)
    else this.#services.watcher.rest(this)
  }

  #become(status: JobStatus): void {
    if (same(this.#status, status)) return
    const moved = this.#status.state !== status.state
    this.#status = status
    this.#watchOrRest()
    // A job that just started is the one most likely to die: look again soon.
    if (moved && status.state === "running") this.#services.watcher.soon()
    for (const listener of [...this.#listeners]) {
      try {
        listener(status)
      } catch (error) {
        // A listener's mistake must be heard, but not keep the other jobs from hearing of their own status.
        process.nextTick(() => {
          throw error
        })
      }
    }
  }
}

function same(a: JobStatus, b: JobStatus): boolean {
  if (a.state === "pending" && b.state === "pending") {
    const [start, other] = [a.expectedStart?.getTime(), b.expectedStart?.getTime()]
    return a.again === b.again && a.reason === b.reason && a.outlook === b.outlook && start === other
  }
  if (a.state === "running" && b.state === "running") {
    const end = a.endsAt === b.endsAt && a.limitMs === b.limitMs
    return end && a.node === b.node && a.ending === b.ending && a.suspended === b.suspended
  }
  return a.state === "unknown" && b.state === "unknown"
}
