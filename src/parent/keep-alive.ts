/** Keeps the process alive while there is work, and only then: idle runners must not keep a finished program from ending. */
import { MAX_TIMER_MS } from "../shared/duration.ts"

export class KeepAlive {
  #timer: NodeJS.Timeout | undefined

  set(busy: boolean): void {
    if (busy) this.#timer ??= setInterval(() => {}, MAX_TIMER_MS)
    else {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }
}
