/**
 * Jobs whose end the scheduler would not confirm: gathered and told together, so that closing a pool of 100 while the scheduler is down is
 * one line of 100 jobs. Owns that line; whether a job is left is nobody's knowledge.
 */
import type { Logger } from "./logger.ts"

/** Those of one pool are given up within some ms of each other. */
const GATHER_MS = 500

export class UnconfirmedEnds {
  readonly #logger: Logger
  #jobs: string[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Nobody says that this job has ended. */
  add(jobId: string): void {
    this.#jobs.push(jobId)
    this.#timer ??= setTimeout(() => this.tell(), GATHER_MS)
  }

  /** Says what was gathered, now. */
  tell(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const jobs = this.#jobs
    this.#jobs = []
    if (jobs.length === 0) return
    this.#logger.error(
      { jobs: jobs.join(" ") },
      `${jobs.length === 1 ? "a job" : `${jobs.length} jobs`} may still be there: the scheduler did not confirm the end. Requests to end them that it did not hear are sent when it answers, as long as this program runs; a job that starts later finds no parent and ends by itself`,
    )
  }
}
