/**
 * Notices a peer whose host is frozen or unreachable: TCP itself would stay silent for many minutes. Counts unanswered pings
 * instead of comparing clocks, so that a parent which blocked its own event loop for an hour finds no runner dead: its late
 * timer sends one ping, and the answers are waiting.
 */
import type { Connection } from "../transport/connection.ts"

const MISSES = 3

export class Heartbeat {
  readonly #timer: NodeJS.Timeout
  #unanswered = 0

  /** @param dead Called once after three intervals without an answer. */
  constructor(connection: Connection, intervalMs: number, dead: () => void) {
    connection.onPong(() => {
      this.#unanswered = 0
    })
    this.#timer = setInterval(() => {
      if (this.#unanswered >= MISSES) {
        this.stop()
        dead()
        return
      }
      this.#unanswered += 1
      connection.ping()
    }, intervalMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
