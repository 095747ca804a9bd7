/** Keeps the process alive while there is work, and only then: idle runners must not keep a finished program from ending. */
import { MAX_TIMER_MS } from "./duration.ts"

export class KeepAlive {
  #timer: NodeJS.Timeout | undefined
  #state: "free" | "held" | "over" = "free"

  /** Holds or lets go. Does nothing after `end`: what is told late must not keep a program that has closed everything. */
  set(busy: boolean): void {
    const state = busy ? "held" : "free"
    if (this.#state === state || this.#state === "over") return
    this.#state = state
    // A timer that never does anything is the one handle that can be held and let go at no cost.
    this.#timer ??= setInterval(() => {}, MAX_TIMER_MS)
    if (busy) this.#timer.ref()
    else this.#timer.unref()
  }

  /** Lets go for good. */
  end(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#state = "over"
  }
}
