/**
 * How long this pool's runners take from their submission until they serve: the wait in the scheduler's queue and the boot together.
 * Owns the last of these times and what is to be expected of the next; knows no runner but as a key.
 */

/** So many are remembered: queues change by the hour. */
const REMEMBERED = 20
/** Expected before anything has been seen. */
const DEFAULT_MS = 60_000
/** Of ten boots, nine are to be in time. */
const SHARE = 0.9

export class BootTimes {
  readonly #begun = new WeakMap<object, number>()
  /** Oldest first. */
  readonly #times: number[] = []
  #expectedMs = DEFAULT_MS

  /** A boot begins. */
  begin(runner: object, now = performance.now()): void {
    this.#begun.set(runner, now)
  }

  /** It serves. Counts once; of a boot that failed, or that another parent began, nothing is remembered. */
  served(runner: object, now = performance.now()): void {
    const begun = this.#begun.get(runner)
    if (begun === undefined) return
    this.#begun.delete(runner)
    this.#times.push(now - begun)
    if (this.#times.length > REMEMBERED) this.#times.shift()
    const sorted = [...this.#times].sort((a, b) => a - b)
    const p90 = sorted[Math.ceil(SHARE * sorted.length) - 1]!
    // The newest counts in full: it is the queue as it is now, and the next is not to be as late as this one was.
    this.#expectedMs = Math.max(p90, this.#times.at(-1)!)
  }

  /** How long the next may take, in ms: the 90th percentile of the last 20, and no less than the newest; a minute before there are any. */
  get expectedMs(): number {
    return this.#expectedMs
  }
}
