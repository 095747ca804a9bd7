/**
 * The slots of one runner. Every call takes one, leased or not; who finds none waits in a p-queue. A slot is free again when
 * the remote work has really ended, not when its caller stopped waiting. Owns the count: most calls find a free slot and
 * never see the queue, whose promises would cost more than the rest of a small call.
 */
import PQueue from "p-queue"

/** Begins what has a slot; it calls `leave` once when the slot is free again. */
export type Start = (leave: () => void) => void

interface Entry {
  readonly evicted: () => void
}

export interface GateHost {
  /** A slot was taken or left: at once, since whoever hears of a result may ask for the next slot before anything else happens. */
  loaded(): void
  /** Slots became free: once for all of one turn. */
  freed(): void
}

export class Gate {
  /** Made when somebody has to wait for the first time: most runners never need it. */
  #queue: PQueue | undefined
  readonly #capacity: number
  readonly #host: GateHost
  readonly #waiting = new Set<Entry>()
  /** Slots of those that did not have to wait. */
  #direct = 0
  #telling = false
  #ended = false

  constructor(maxConcurrency: number, host: GateHost) {
    this.#capacity = maxConcurrency
    this.#host = host
  }

  /** Calls that hold a slot now. */
  get running(): number {
    return this.#queue ? this.#direct + this.#queue.pending : this.#direct
  }

  /** Slots nobody holds or waits for. */
  get free(): number {
    if (!this.#queue) return this.#capacity - this.#direct
    return Math.max(0, this.#capacity - this.running - this.#queue.size)
  }

  /**
   * Calls `start` when there is a slot, in order of arrival; in this very turn when one is free.
   * @param evicted Called instead of `start` when `evict` comes first.
   */
  enter(start: Start, evicted: () => void): void {
    if (this.#ended) {
      evicted()
      return
    }
    if (this.free > 0) this.#enterNow(start)
    else this.#wait(start, evicted)
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
  }

  #enterNow(start: Start): void {
    this.#direct += 1
    this.#host.loaded()
    let inside = true
    start(() => {
      if (!inside) return
      inside = false
      this.#direct -= 1
      if (this.#queue && this.#queue.size > 0) this.#share(this.#queue)
      this.#left()
    })
  }

  #wait(start: Start, evicted: () => void): void {
    const entry: Entry = { evicted }
    this.#waiting.add(entry)
    this.#queue ??= this.#makeQueue()
    this.#share(this.#queue)
    void this.#queue.add(
      () =>
        new Promise<void>(leave => {
          // An evicted entry stays in the queue as an empty task: p-queue cannot take one out without settling its promise.
          if (this.#waiting.delete(entry)) start(leave)
          else leave()
        }),
    )
  }

  #makeQueue(): PQueue {
    const queue = new PQueue({ concurrency: this.#capacity })
    queue.on("next", () => this.#left())
    return queue
  }

  /** Gives the queue the slots that are not taken past it. */
  #share(queue: PQueue): void {
    const rest = this.#capacity - this.#direct
    if (rest === 0) {
      queue.pause()
      return
    }
    queue.concurrency = rest
    if (queue.isPaused) queue.start()
  }

  #left(): void {
    this.#host.loaded()
    if (this.#telling) return
    this.#telling = true
    // Not at once: who is told may send what fails at once, and so on without end; and often the next call is there by then.
    queueMicrotask(this.#tell)
  }

  readonly #tell = (): void => {
    this.#telling = false
    this.#host.freed()
  }
}
