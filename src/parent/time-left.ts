/**
 * When a runner's walltime ends, as its pool knows it. Owns the one end and the clock it is measured by; what is to happen before it
 * is for others to decide.
 */

export class TimeLeft {
  #endsAt: number | undefined
  /** The same, on `performance.now()`'s clock: a clock that is set must not end a job, or lengthen it. */
  #until = Number.POSITIVE_INFINITY
  #limitMs: number | undefined
  #known = false
  readonly #listeners: (() => void)[] = []

  /**
   * The scheduler has said when the job ends; the last word counts, since administrators lengthen and shorten jobs.
   * @param endsAt In ms since 1970; undefined: it named none. That takes back no end that was named before.
   * @param limitMs The time limit of the whole job, where it is known.
   */
  set(endsAt: number | undefined, limitMs?: number): void {
    if (limitMs !== undefined) this.#limitMs = limitMs
    const news = !this.#known || (endsAt !== undefined && endsAt !== this.#endsAt)
    if (!news) return // said again: the clocks may have moved since, the end has not
    this.#known = true
    if (endsAt !== undefined) {
      this.#endsAt = endsAt
      this.#until = performance.now() + endsAt - Date.now()
    }
    for (const tell of this.#listeners) tell()
  }

  /** The job was put back into the queue: its end is not known any more. */
  forget(): void {
    this.#endsAt = undefined
    this.#until = Number.POSITIVE_INFINITY
    this.#known = false
    for (const tell of this.#listeners) tell()
  }

  /** Calls `listener` when the scheduler has said something new of the end, or it is not known any more. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** The scheduler has spoken of the job as running: without an end it has none. Before that a runner may serve already. */
  get known(): boolean {
    return this.#known
  }

  /** In ms since 1970; undefined: there is none, or it is not known. */
  get endsAt(): number | undefined {
    return this.#endsAt
  }

  /** Milliseconds until the end, 0 when it has passed; Infinity without one. */
  get leftMs(): number {
    return Math.max(0, this.#until - performance.now())
  }

  /** The whole time of the job, in ms, where it is known. */
  get limitMs(): number | undefined {
    return this.#limitMs
  }
}
