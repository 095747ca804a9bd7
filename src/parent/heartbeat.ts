/**
 * Notices a peer whose host is frozen or unreachable: TCP itself would stay silent for many minutes. Counts unanswered pings
 * instead of comparing clocks, so that a parent which blocked its own event loop for an hour finds no runner dead: its late
 * timer sends one ping, and the answers are waiting. A peer of whom nothing is wanted is asked seldom: a thousand idle ones would
 * cost more than the work. Owns when a ping is sent and what it promises; what death means is its owner's business.
 */
import { eachBeat } from "../shared/beat.ts"
import type { Connection } from "../transport/connection.ts"

/** Pings without an answer. */
const MISSES = 3
/** A peer of whom nothing is wanted is pinged once in so many intervals, until a ping has no answer. */
const IDLE_PACE = 6

export interface HeartbeatOptions {
  readonly intervalMs: number
  /** The peer gives its parent up after so long a silence. */
  readonly silenceMs: number
  /** Nothing is wanted of the peer at present. Asked once in each interval. */
  idle(): boolean
  /** Called once, when three pings in a row, one interval apart, had no answer. */
  dead(): void
}

export class Heartbeat {
  readonly #connection: Connection
  readonly #options: HeartbeatOptions
  readonly #idlePace: number
  readonly #stop: () => void
  #unanswered = 0
  #seen = -1
  /** Intervals until the next ping has to be there: the peer was told so. */
  #promised = 0
  /** Those of the first ping: what came up together is not to be asked together for ever. */
  #first: number

  /** The first ping is sent after one interval at the latest. */
  constructor(connection: Connection, options: HeartbeatOptions) {
    this.#connection = connection
    this.#options = options
    // Half of its patience: a ping that is late is not to end a runner.
    const { intervalMs, silenceMs } = options
    this.#idlePace = Math.min(IDLE_PACE, Math.max(1, Math.floor(silenceMs / 2 / intervalMs)))
    this.#first = 1 + Math.floor(Math.random() * this.#idlePace)
    this.#stop = eachBeat(intervalMs, () => this.#beat())
  }

  stop(): void {
    this.#stop()
  }

  #beat(): void {
    const { idle, dead, intervalMs } = this.#options
    const { bytesRead } = this.#connection
    if (bytesRead !== this.#seen) this.#unanswered = 0 // a pong, or anything else: it lives
    this.#seen = bytesRead
    if (this.#unanswered >= MISSES) {
      this.stop()
      dead()
      return
    }
    this.#promised -= 1
    const calm = idle()
    if (calm && this.#unanswered === 0 && this.#promised > 0) return
    this.#promised = calm ? this.#first : 1
    this.#first = this.#idlePace
    this.#unanswered += 1
    this.#connection.ping(`${this.#promised * intervalMs}`)
  }
}
