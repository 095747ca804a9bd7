/** How often the worker has crashed lately. Owns the limit; what follows from it is the supervisor's. */

/** A worker that crashes so often has a fault that no restart mends, and a node with other users on it. */
export const MAX_CRASHES = 5
const WINDOW_MS = 60_000

export class Crashes {
  #times: number[] = []

  /** Counts one, now. True when it has crashed `MAX_CRASHES` times within a minute. */
  tooMany(): boolean {
    const now = performance.now()
    this.#times = [...this.#times.filter(at => now - at < WINDOW_MS), now]
    return this.#times.length >= MAX_CRASHES
  }
}
