/**
 * The slots of one runner: a p-queue with `maxConcurrency`. Every call takes one, leased or not. A slot is free again when
 * the remote work has really ended, not when its caller stopped waiting.
 */
import PQueue from "p-queue"
import { KeepAlive } from "../shared/keep-alive.ts"

interface Entry {
  readonly evicted: () => void
}

export class Gate {
  readonly #queue: PQueue
  readonly #capacity: number
  readonly #waiting = new Set<Entry>()
  readonly #keepAlive = new KeepAlive()
  #ended = false

  /** @param freed Called after a slot became free. */
  constructor(maxConcurrency: number, freed: () => void) {
    this.#capacity = maxConcurrency
    this.#queue = new PQueue({ concurrency: maxConcurrency })
    this.#queue.on("next", () => {
      if (!this.#ended) this.#keepAlive.set(this.#queue.pending > 0)
      freed()
    })
  }

  /** Calls that hold a slot now. */
  get running(): number {
    return this.#queue.pending
  }

  /** Slots nobody holds or waits for. */
  get free(): number {
    return Math.max(0, this.#capacity - this.#queue.pending - this.#queue.size)
  }

  /**
   * Calls `start` when there is a slot, in order of arrival; in this very turn when one is free. The slot is held until the
   * returned promise settles.
   * @param evicted Called instead of `start` when `evict` comes first.
   */
  enter(start: () => Promise<void>, evicted: () => void): void {
    if (this.#ended) {
      evicted()
      return
    }
    const entry: Entry = { evicted }
    this.#waiting.add(entry)
    this.#keepAlive.set(true)
    void this.#queue.add(async () => {
      // An evicted entry stays in the queue as an empty task: p-queue cannot take one out without settling its promise.
      if (!this.#waiting.delete(entry)) return
      await start()
    })
  }

  /** Everything that still waits for a slot will not get one here. */
  evict(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { evicted } of waiting) evicted()
  }

  /** The runner is gone: nothing is held any more, by nobody, whatever still thinks it holds a slot. */
  end(): void {
    this.#ended = true
    this.evict()
    this.#keepAlive.end()
  }
}
