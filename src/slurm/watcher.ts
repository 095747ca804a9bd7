/**
 * One batched squeue for all jobs of a backend, only while there is a job to watch. Owns the pace of asking; what an
 * answer means for a job is the job's own affair.
 */
import { SlurmCommandError } from "../shared/errors.ts"
import type { SlurmClient } from "./client.ts"
import type { QueueRow } from "./queue-row.ts"

/** A job as the watcher sees it. */
export interface Watched {
  readonly id: string
  /** It is in the queue, or ended lately. */
  onRow(row: QueueRow): void
  /** squeue answered and does not list it. */
  onMissing(): void
  /** squeue has not answered several times in a row. */
  onSilence(): void
}

/** How often squeue is asked; all in ms. Each delay is spread by a fifth either way, so that parents do not ask in step. */
export interface Pace {
  /** After something happened: a new job, a change. */
  readonly first: number
  /** Grown to, while nothing happens. */
  readonly most: number
  /** Grown to, while squeue does not answer. */
  readonly mostSilent: number
  /** Answers missing in a row before nothing is said of any job. */
  readonly silenceAfter: number
}

export const DEFAULT_PACE: Pace = { first: 250, most: 5_000, mostSilent: 30_000, silenceAfter: 3 }

const GROWTH = 1.6

export class Watcher {
  readonly #jobs = new Set<Watched>()
  #delay: number
  #unanswered = 0
  #timer: NodeJS.Timeout | undefined
  #dueAt = 0
  #asking = false
  /** Questions asked so far. */
  #asks = 0
  #waiting: { after: number; resolve: (answered: boolean) => void }[] = []

  constructor(
    readonly client: Pick<SlurmClient, "queue">,
    readonly pace: Pace = DEFAULT_PACE,
  ) {
    this.#delay = pace.first
  }

  /** Watches a job, starting soon. */
  watch(job: Watched): void {
    if (this.#jobs.has(job)) return
    this.#jobs.add(job)
    this.soon()
  }

  /** Stops that. With no job left nothing is asked and no timer is held. */
  unwatch(job: Watched): void {
    this.#jobs.delete(job)
    if (this.#jobs.size > 0) return
    this.#clear()
    if (!this.#asking) this.#answer(Number.POSITIVE_INFINITY, false)
  }

  /** Resolves when a question asked after this call is answered (true), or is not (false). For jobs that are watched. */
  fresh(): Promise<boolean> {
    return new Promise(resolve => {
      this.#waiting.push({ after: this.#asks, resolve })
      this.soon()
    })
  }

  /** Something is about to change: asks quickly again, unless squeue is not answering at present. */
  soon(): void {
    if (this.#unanswered === 0) this.#delay = this.pace.first
    this.#schedule()
  }

  #schedule(): void {
    if (this.#asking || this.#jobs.size === 0) return
    const delay = this.#delay * (0.8 + 0.4 * Math.random())
    const dueAt = performance.now() + delay
    // Never put off what was planned: many calls of soon() in a row would keep squeue from ever being asked.
    if (this.#timer && this.#dueAt <= dueAt) return
    this.#clear()
    this.#dueAt = dueAt
    // Holds the process: somebody waits for what a watched job comes to.
    this.#timer = setTimeout(() => void this.#ask(), delay)
  }

  #clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #ask(): Promise<void> {
    this.#timer = undefined
    this.#asking = true
    const number = ++this.#asks
    // A job submitted while squeue is under way may rightly be missing from its answer.
    const asked = [...this.#jobs]
    this.#delay = Math.min(this.#delay * GROWTH, this.pace.most)
    try {
      const rows = await this.client.queue()
      if (this.#unanswered > 0) this.#delay = this.pace.first
      this.#unanswered = 0
      this.#tell(asked, job => {
        const row = rows.get(job.id)
        if (row) job.onRow(row)
        else job.onMissing()
      })
      this.#answer(number, true)
    } catch (error) {
      if (!(error instanceof SlurmCommandError)) throw error
      // No answer is not "no jobs": they keep their last status until it has been silent for some time.
      this.#unanswered++
      this.#answer(number, false)
      this.#delay = Math.min(this.pace.first * 2 ** this.#unanswered, this.pace.mostSilent)
      if (this.#unanswered >= this.pace.silenceAfter) this.#tell(asked, job => job.onSilence())
    } finally {
      this.#asking = false
      if (this.#jobs.size === 0) this.#answer(Number.POSITIVE_INFINITY, false)
      this.#schedule()
    }
  }

  #answer(number: number, answered: boolean): void {
    const due = this.#waiting.filter(({ after }) => after < number)
    this.#waiting = this.#waiting.filter(({ after }) => after >= number)
    for (const { resolve } of due) resolve(answered)
  }

  #tell(asked: readonly Watched[], what: (job: Watched) => void): void {
    for (const job of asked) if (this.#jobs.has(job)) what(job)
  }
}
