/**
 * A runner whose process has left, or cannot be found: whether it comes back is the scheduler's to say. A lost supervisor is explained
 * a moment later, or not at all; and a job that may be requeued is not over when its processes are. Owns the waits for that word, and
 * the doubt about words that are older than what the runner itself has said since.
 */
import type { Backend, Job, JobStatus } from "../shared/backend.ts"
import type { GoneReason } from "../shared/errors.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import { Explanation } from "./explanation.ts"
import { isOurs, reasonAfter } from "./gone-reason.ts"

/** For the scheduler to say what becomes of a job whose process has left: its epilog may take a while. Then it is cancelled. */
const WORD_MS = 60_000

/** What is known of the runner. */
export interface Leaver {
  readonly job: Job | undefined
  readonly goneReason: GoneReason | undefined
  /** Defined: the pool lets the runner go. */
  readonly retiring: GoneReason | undefined
}

export interface DepartureHost {
  /** The job is back in the queue: the runner comes back. */
  requeued(): void
  /** The supervisor is lost, for this reason, and nobody explains it. */
  lost(reason: Error): void
  /** The scheduler has not said in time what becomes of a job whose process has left for this reason. */
  overdue(reason: GoneReason): void
}

export class Departure {
  readonly #runner: Leaver
  readonly #host: DepartureHost
  readonly #explanation: Explanation
  #word: LongTimer | undefined
  /** The process has left: what the scheduler says of it is looked at closely, until that is settled. */
  #doubt: object | undefined
  /** The scheduler was asked since then: what it says now is of the time after. */
  #asked = false
  /** The runner was heard, and the scheduler has not called that incarnation running yet: its "pending" is older. */
  #ahead = false
  /** The scheduler has been seen ending its processes: when it waits again, they are gone. */
  #ending = false

  constructor(backend: Pick<Backend, "network">, runner: Leaver, host: DepartureHost) {
    this.#runner = runner
    this.#host = host
    this.#explanation = new Explanation(
      backend,
      () => runner.job,
      reason => {
        const leaves = this.#word !== undefined || this.#ending
        if (!leaves || !this.await("connection-lost")) host.lost(reason)
      },
    )
  }

  /** Why it has left, as far as is known: what it said, unless the scheduler knows better. */
  get reason(): GoneReason | undefined {
    const { job, goneReason } = this.#runner
    return job?.status.state === "ended" ? reasonAfter(goneReason, job.status.outcome) : goneReason
  }

  /** True: the scheduler may start the job again, and the pool would want it. */
  get open(): boolean {
    const { job, goneReason, retiring } = this.#runner
    if (job?.requeues !== true || retiring !== undefined || job.status.state === "ended") return false
    return goneReason === undefined || !isOurs(goneReason)
  }

  /** The supervisor is lost. The scheduler has a moment to say why; then the runner is given up. */
  explain(reason: Error): void {
    this.#runner.job?.attend("watch")
    this.#explanation.await(reason)
    if (this.open) void this.#ask()
  }

  /** The process has left, for this reason. @returns false when it will not come back; else the scheduler's word is waited for */
  await(reason: GoneReason): boolean {
    if (!this.open) return false
    this.#runner.job?.attend("watch")
    this.#word?.stop()
    this.#word = after(WORD_MS, () => this.#host.overdue(reason)).unref() // nobody may be waiting
    void this.#ask()
    return true
  }

  /**
   * Whoever has spoken from the job and left, and waits now, waits again: also when the scheduler was never seen to call it running, since
   * it ran for a moment only. The answer is to a question that was asked after the process had left.
   */
  async #ask(): Promise<void> {
    const doubt = {}
    this.#doubt = doubt
    const status = await this.#runner.job?.ask()
    if (this.#doubt !== doubt) return
    this.#asked = status?.state !== "unknown"
    if (status?.state === "pending") this.#host.requeued()
  }

  /** Its loss is explained, or nobody needs to know any more. */
  settle(): void {
    this.#explanation.stop()
    this.#word?.stop()
    this.#word = undefined
    this.#doubt = undefined
    this.#asked = false
  }

  /** Its processes stand still until the scheduler lets them go on. */
  get suspended(): boolean {
    const status = this.#runner.job?.status
    return status?.state === "running" && status.suspended === true
  }

  /** A process of the job speaks. @param reborn It is of a later incarnation than those that spoke before. */
  heard(reborn: boolean): void {
    if (reborn || this.#runner.job?.status.state !== "running") this.#ahead = true
  }

  /**
   * The scheduler's word has come.
   * @returns whether it puts the job back into the queue; "alive" when nobody has seen its processes end, since their node was given up
   */
  hear(status: JobStatus): "requeued" | "alive" | undefined {
    if (status.state === "running") {
      this.#ahead = false
      this.#ending = status.ending === true
    }
    if (status.state !== "pending") return undefined
    if (this.#asked) return "requeued"
    if (!status.again || this.#ahead) return undefined
    return this.#ending || this.#runner.goneReason !== undefined ? "requeued" : "alive"
  }
}
