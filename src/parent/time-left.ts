/**
 * When a runner's walltime ends, as its pool knows it. Owns the one end and the clock it is measured by; what is to happen before it
 * is for others to decide.
 */

export class TimeLeft {
  #endsAt: number | undefined
  /** The same, on `performance.now()`'s clock: a clock that is set must not end a job, or lengthen it. */
  #until = Number.POSITIVE_INFINITY
  #limitMs: number | undefined
  readonly #listeners: (() => void)[] = []

  /**
   * The scheduler has said when the job ends; the last word counts, since administrators lengthen and shorten jobs.
   * @param endsAt In ms since 1970.
   * @param limitMs The time limit of the whole job, where it is known.
   */
  set(endsAt: number, limitMs?: number): void {
    if (limitMs !== undefined) this.#limitMs = limitMs
    if (endsAt === this.#endsAt) return // said again: the clocks may have moved since, the end has not
    this.#endsAt = endsAt
    this.#until = performance.now() + endsAt - Date.now()
    for (const tell of this.#listeners) tell()
  }

  /** The job was put back into the queue: its end is not known any more. */
  forget(): void {
    this.#endsAt = undefined
    this.#until = Number.POSITIVE_INFINITY
    for (const tell of this.#listeners) tell()
  }

  /** Calls `listener` when the end is known, is another one, or is not known any more. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
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
