/**
 * Whether a runner whose process has left will come back: a job that may be requeued is not over when its processes are. Owns the
 * wait for the scheduler's word, and the doubt about words that are older than what the runner itself has said since.
 */
import type { Job, JobStatus } from "../shared/backend.ts"
import type { GoneReason } from "../shared/errors.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import { isOurs } from "./lost-error.ts"

/** For the scheduler to say what becomes of a job whose process has left: its epilog may take a while. Then it is cancelled. */
const WORD_MS = 60_000

/** What a runner is when it is asked whether it may come back. */
export interface Leaving {
  readonly job: Job | undefined
  readonly goneReason: GoneReason | undefined
  /** Defined: the pool lets it go. */
  readonly retiring: GoneReason | undefined
}

/** True: the scheduler may start this job again, and the pool would want it. */
export function mayReturn({ job, goneReason, retiring }: Leaving): boolean {
  if (job?.requeues !== true || retiring !== undefined || job.status.state === "ended") return false
  return goneReason === undefined || !isOurs(goneReason)
}

export class Comeback {
  readonly #without: (reason: GoneReason) => void
  #timer: LongTimer | undefined
  /** The runner was heard in a new incarnation, and the scheduler has not called that running yet: its "pending" is older. */
  #ahead = false
  /** The scheduler has been seen ending its processes: when it waits again, they are gone. */
  #ending = false

  /** @param without Called when the scheduler has not said in time what becomes of the job. */
  constructor(without: (reason: GoneReason) => void) {
    this.#without = without
  }

  /** Waits for the scheduler's word. @param reason Why the process left, as far as is known. */
  await(reason: GoneReason): void {
    this.stop()
    this.#timer = after(WORD_MS, () => this.#without(reason))
  }

  /** It has spoken, or nobody needs to know. */
  stop(): void {
    this.#timer?.stop()
  }

  /** The processes are known to have been ended before the job went back into the queue. Not so when its node was given up. */
  get ended(): boolean {
    return this.#ending
  }

  /** A new incarnation has said hello. */
  heard(): void {
    this.#ahead = true
  }

  /** The scheduler's word has come. True: by it the job is back in the queue, and that is news. */
  requeued(status: JobStatus): boolean {
    if (status.state === "running") {
      this.#ahead = false
      this.#ending = status.ending === true
    }
    return status.state === "pending" && status.again === true && !this.#ahead
  }
}
