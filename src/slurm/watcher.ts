/**
 * One batched squeue for all jobs of a program, only while there is a job to watch; those at rest hear of the answer, too. Owns the pace of asking; what an
 * answer means for a job is the job's own affair, and whether the controller answers at all is the breaker's.
 */
import { SlurmCommandError } from "../shared/errors.ts"
import { ANSWERING, type Answers } from "./breaker.ts"
import type { SlurmClient } from "./client.ts"
import type { QueueRow } from "./queue-row.ts"

/** A job as the watcher sees it. */
export interface Watched {
  readonly id: string
  /** Somebody waits for news of it: more than that it may start one day. */
  readonly urgent?: boolean
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
  /** Grown to, quickly, while nothing happens. */
  readonly most: number
  /** Grown to beyond that, slowly, while all jobs are pending and nobody waits for news of one. Default: `most`. */
  readonly mostPending?: number
  /** Grown to, while squeue does not answer. */
  readonly mostSilent: number
  /** Answers missing in a row before nothing is said of any job. */
  readonly silenceAfter: number
}

/**
 * Whoever waits for hours is told of a change late by a tenth of what he has waited, and by a minute at most: what matters most, that the
 * job runs, its runner says by itself.
 */
export const DEFAULT_PACE: Pace = {
  first: 250,
  most: 5_000,
  mostPending: 60_000,
  mostSilent: 30_000,
  silenceAfter: 3,
}

const GROWTH = 1.6
/** Each interval is so much longer than the one before: about a tenth of all the time since something happened. */
const SLOW_GROWTH = 1.1
/** Questions that may follow each other at the pace of changes; what is left of them grows back by one a second. */
const BURST = 15
/** squeue is at rest for so many times as long as it took. */
const REST = 2
/** So many rows of other programs' jobs are worth a question of their own for a single job. */
const MANY_FOREIGN = 500

export class Watcher {
  readonly #jobs = new Set<Watched>()
  /** Nobody asks for them, but squeue lists them all the same. */
  readonly #resting = new Set<Watched>()
  #delay: number
  #unanswered = 0
  #timer: NodeJS.Timeout | undefined
  #dueAt = 0
  #asking = false
  /** Waits for the controller, which is silent. */
  #away: AbortController | undefined
  /** Questions asked so far. */
  #asks = 0
  #left = BURST
  #leftAt = performance.now()
  /** How long squeue took. */
  #tookMs = 0
  /** Rows of the last full answer that were none of ours. */
  #foreign = 0
  #waiting: { after: number; resolve: (answered: boolean) => void }[] = []

  constructor(
    readonly client: Pick<SlurmClient, "queue">,
    readonly pace: Pace = DEFAULT_PACE,
    readonly controller: Answers = ANSWERING,
  ) {
    this.#delay = pace.first
  }

  /** Whether there is a job to ask for. */
  get watching(): boolean {
    return this.#jobs.size > 0
  }

  /** Watches a job, starting soon. */
  watch(job: Watched): void {
    this.#resting.delete(job)
    if (this.#jobs.has(job)) return
    this.#jobs.add(job)
    this.soon()
  }

  /** Stops watching, but what squeue says of the job when it is asked for others is told: an administrator may have moved its end. */
  rest(job: Watched): void {
    this.unwatch(job)
    this.#resting.add(job)
  }

  /** Stops that as well: the job has ended. With no job left nothing is asked and no timer is held. */
  unwatch(job: Watched): void {
    this.#resting.delete(job)
    this.#jobs.delete(job)
    if (this.#jobs.size > 0) return
    this.#clear()
    if (!this.#asking) this.#answer(Number.POSITIVE_INFINITY, false)
  }

  /** Resolves when a question asked after this call is answered (true), or is not (false). For jobs that are watched. */
  fresh(): Promise<boolean> {
    if (this.controller.silent) return Promise.resolve(false)
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

  /** Asks now, whatever the pace: the question is the probe of a controller that is silent. Never rejects. */
  async probe(): Promise<void> {
    if (!this.#asking) await this.#ask()
  }

  #schedule(): void {
    if (this.#asking || this.#jobs.size === 0) return
    if (this.controller.silent) return this.#awaitController()
    const delay = this.#nextDelay() * (0.8 + 0.4 * Math.random())
    const dueAt = performance.now() + delay
    // Never put off what was planned: many calls of soon() in a row would keep squeue from ever being asked.
    if (this.#timer && this.#dueAt <= dueAt) return
    this.#clear()
    this.#dueAt = dueAt
    // Holds the process: somebody waits for what a watched job comes to.
    this.#timer = setTimeout(() => void this.#ask(), delay)
  }

  #nextDelay(): number {
    const now = performance.now()
    this.#left = Math.min(BURST, this.#left + (now - this.#leftAt) / 1_000)
    this.#leftAt = now
    const { most } = this.pace
    const atLeast = Math.max(this.#tookMs * REST, this.#left < 1 ? most / 5 : 0)
    return Math.max(this.#delay, Math.min(atLeast, most))
  }

  #awaitController(): void {
    if (this.#away) return
    const away = new AbortController()
    this.#away = away
    this.controller.pass(away.signal).then(
      () => {
        this.#away = undefined
        this.#delay = this.pace.first
        this.#schedule()
      },
      () => {}, // nobody is watched any more
    )
  }

  #clear(): void {
    this.#away?.abort()
    this.#away = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** The job or array to ask for by its number: the only one there is, among many of other programs. */
  #only(): string | undefined {
    if (this.#foreign < MANY_FOREIGN) return undefined
    const numbers = new Set<string>()
    for (const { id } of this.#jobs) if (numbers.add(id.split("_", 1)[0]!).size > 1) return undefined
    return [...numbers][0]
  }

  /** Slowly beyond `most` while nothing but the queue is waited for. */
  #grow(): void {
    const { most, mostPending = most } = this.pace
    if (this.#delay < most) this.#delay = Math.min(this.#delay * GROWTH, most)
    else if (this.#waiting.length > 0 || [...this.#jobs].some(job => job.urgent)) this.#delay = most
    else this.#delay = Math.min(this.#delay * SLOW_GROWTH, mostPending)
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#asking = true
    const number = ++this.#asks
    // A job submitted while squeue is under way may rightly be missing from its answer.
    const asked = [...this.#jobs]
    const only = this.#only()
    const startedAt = performance.now()
    this.#left -= 1
    this.#grow()
    try {
      const rows = await this.client.queue(only)
      this.#tookMs = performance.now() - startedAt
      if (this.#unanswered > 0) this.#delay = this.pace.first
      this.#unanswered = 0
      if (only === undefined) this.#foreign = rows.size - asked.length - this.#resting.size
      this.#tell(asked, job => {
        const row = rows.get(job.id)
        if (row) job.onRow(row)
        else job.onMissing()
      })
      for (const job of [...this.#resting]) {
        const row = rows.get(job.id)
        if (row && this.#resting.has(job)) job.onRow(row)
      }
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
