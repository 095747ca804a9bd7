/**
 * When a job for several runners is put together although there is room for a part of them only. Owns the wait for runners that are
 * about to make room: those of one job go together but are gone one after the other, and each alone would be replaced by a job of
 * its own.
 */

/** The last ones of a job are gone within this time after the first. */
const SETTLE_MS = 1_000

/** As much of the fleet's census as it takes. */
export interface Room {
  /** Runners that exist, be they ending. */
  readonly all: number
  /** Those that serve or will. */
  readonly alive: number
}

export class JobRoom {
  readonly #perJob: number
  readonly #look: () => void
  #leftAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /** @param perJob Runners of a job (default 1: nothing to wait for). @param look Called when the wait is over. */
  constructor(perJob = 1, look: () => void) {
    this.#perJob = perJob
    this.#look = look
  }

  /** A runner is gone. */
  left(now = performance.now()): void {
    this.#leftAt = now
  }

  /**
   * Boots as long as `boot` does. It is told how many more runners the job of the one before could have.
   */
  fill(boot: (seats: number) => boolean): void {
    for (let seats = 0; boot(seats); ) seats = (seats || this.#perJob) - 1
  }

  /**
   * How many runners there may be at present: `max`, or no more than there are, while others leave and may make room for a whole job.
   * @param seats What the job that is being put together has left: it is not kept waiting.
   */
  most(max: number, { all, alive }: Room, seats: number, now = performance.now()): number {
    if (this.#perJob === 1 || seats > 0 || max - all >= this.#perJob) return max
    if (all > alive) return all // it is looked again when they are gone
    const waitMs = this.#leftAt + SETTLE_MS - now
    if (waitMs <= 0) return max
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#look()
    }, waitMs).unref()
    return all
  }
}
