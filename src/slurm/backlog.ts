/**
 * How many jobs of this program wait in Slurm's queue, and who may add to them: what is beyond the limit waits here. Owns the count and the
 * line; submits nothing, and knows of a job only whether it waits.
 */
import type { Job } from "../shared/backend.ts"
import { onAbort } from "../shared/on-abort.ts"

/**
 * Jobs of one program that wait in the queue at a time, tasks of arrays one by one, as Slurm's own limits count them. Sites allow a user from some dozens of
 * submitted jobs (running ones included) to some thousands; Nextflow, which many of them know, has 100 in the queue unless told otherwise.
 * An array of 100 is also about what one submission can carry, and half of them is enough to keep a queue from running dry between
 * two looks at it.
 */
export const DEFAULT_MAX_PENDING = 100

interface Waiter {
  readonly pool: string
  readonly wanted: number
  readonly limit: number
  pass(places: Places): void
}

export class Backlog {
  #pending = 0
  readonly #byPool = new Map<string, number>()
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>()
  #admitting = false

  /** Jobs that wait in the queue or are about to. */
  get pending(): number {
    return this.#pending
  }

  /** Whether somebody waits for a place. */
  get full(): boolean {
    return this.#waiting.size > 0
  }

  /**
   * Resolves with places for some of the `wanted` jobs, at least one, when there is room. So that many jobs stay few arrays, a large
   * request waits until it is met in full, or half of the limit is free. Who has the fewest jobs in the queue comes first, and a pool
   * that has none there gets what is left, or one place at least: no other pool's jobs keep it from starting.
   * @param limit Of all jobs of this program together.
   * @throws `signal.reason` when it is aborted before that
   */
  enter(pool: string, wanted: number, limit: number, signal: AbortSignal): Promise<Places> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, () => {
        this.#waiting.delete(waiter)
        this.#admit() // his turn may be another's
        reject(signal.reason)
      })
      const waiter = {
        pool,
        wanted,
        // Two infinities have no difference.
        limit: Math.min(limit, Number.MAX_SAFE_INTEGER),
        pass: (places: Places) => {
          forget()
          resolve(places)
        },
      }
      this.#waiting.add(waiter)
      this.#admit()
    })
  }

  #admit(): void {
    if (this.#admitting || this.#waiting.size === 0) return
    this.#admitting = true
    const waiters = [...this.#waiting].sort((a, b) => this.#of(a.pool) - this.#of(b.pool))
    const share = 1 / new Set(waiters.map(({ pool }) => pool)).size
    const pending = this.#pending
    for (const waiter of waiters) {
      const { pool, wanted, limit } = waiter
      const room = limit - pending
      const enough = Math.min(wanted, Math.ceil(limit / 2))
      const fair = Math.min(wanted, limit - this.#pending, Math.max(enough, Math.ceil(room * share)))
      if (this.#of(pool) === 0) this.#give(waiter, Math.max(1, fair))
      else if (room >= enough && fair > 0) this.#give(waiter, fair)
    }
    this.#admitting = false
  }

  #give(waiter: Waiter, count: number): void {
    this.#waiting.delete(waiter)
    this.#add(waiter.pool, count)
    waiter.pass(new Places(count, less => this.#add(waiter.pool, -less)))
  }

  #of(pool: string): number {
    return this.#byPool.get(pool) ?? 0
  }

  #add(pool: string, count: number): void {
    this.#pending += count
    const own = this.#of(pool) + count
    if (own === 0) this.#byPool.delete(pool)
    else this.#byPool.set(pool, own)
    if (count < 0) this.#admit()
  }
}

/** Places in the queue for jobs that are about to be submitted. */
export class Places {
  readonly count: number
  #left: number
  readonly #less: (count: number) => void

  constructor(count: number, less: (count: number) => void) {
    this.count = count
    this.#left = count
    this.#less = less
  }

  /** This job has one of them until it waits no more. */
  give(job: Job): void {
    if (this.#left === 0) return
    this.#left -= 1
    const stop = job.onStatus(({ state }) => {
      if (state !== "running" && state !== "ended") return
      stop()
      this.#less(1)
    })
  }

  /** The rest is not needed. Harmless when called again. */
  leave(): void {
    const left = this.#left
    this.#left = 0
    if (left > 0) this.#less(left)
  }
}
