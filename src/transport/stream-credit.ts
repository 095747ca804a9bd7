/**
 * What a consumer has asked its producer for, and what of it came and was taken: the flow control of one stream. Owns the
 * window; sends nothing and holds no item.
 */
import { itemSize } from "./item-size.ts"
import { MAX_CREDIT, MAX_UNREAD_BYTES, MAX_WINDOW } from "./stream-message.ts"

export class StreamCredit {
  /** Items that may be asked for and not taken. Starts at the one that is waited for. */
  #window = 1
  /** Items came since the window grew. */
  #progress = false
  #outstanding = 0
  #arrived = 0
  #taken = 0
  #takenBytes = 0

  /** Steps asked for and not answered. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** Items that came since the last `return` or `throw`, or the start. */
  get arrived(): number {
    return this.#arrived
  }

  /** Items that were taken since the producer was told so. */
  get taken(): number {
    return this.#taken
  }

  /**
   * How much more to ask for now; undefined when the producer need not be told anything.
   * @param waiting Steps that have nothing to read until the producer sends; more than none means that the consumer keeps up.
   * @param buffered Items that were not taken yet.
   * @param ahead False: the consumer goes step by step, and asks for each itself.
   */
  due(waiting: number, buffered: number, ahead: boolean): number | undefined {
    if (waiting > 0 && this.#progress) {
      this.#window = Math.min(MAX_WINDOW, this.#window * 2)
      this.#progress = false
    }
    // Of more who wait than that, the rest is asked for as items come.
    const free = Math.min(MAX_CREDIT, Math.max(this.#window, waiting)) - this.#outstanding - buffered
    const more = ahead ? Math.max(0, free) : 0
    // Whoever has taken one item may go on with a value for the next step: nothing is made ahead of that.
    if (waiting === 0 && this.#window === 1) return undefined
    if (this.#taken >= this.#window / 2 || this.#takenBytes >= MAX_UNREAD_BYTES / 2) return more
    // Whoever waits tells all that was taken: the producer may be waiting for just that.
    return waiting > 0 && (more > 0 || this.#taken > 0) ? more : undefined
  }

  /** The producer was asked for `more` and told of all that was taken. */
  asked(more: number): void {
    this.#outstanding += more
    this.#taken = 0
    this.#takenBytes = 0
  }

  /** @returns False when they were not asked for. */
  came(items: number): boolean {
    this.#outstanding -= items
    this.#arrived += items
    this.#progress = true
    return this.#outstanding >= 0
  }

  take(value: unknown): void {
    this.#taken += 1
    this.#takenBytes += itemSize(value)
  }

  /** What was asked for ahead is off, on both sides. */
  reset(): void {
    this.asked(0)
    this.#outstanding = 0
    this.#arrived = 0
    this.#progress = false
  }
}
