/**
 * How long to listen to somebody who is known to have ended: as long as bytes of his arrive. Owns the timer; knows only a
 * count of bytes. Measures silence in looks instead of wall time: while this process is busy the bytes wait in the kernel, and
 * a late timer must not take them for missing.
 */
import { after, type LongTimer } from "../shared/timer.ts"

/** From one look at the count to the next. */
const LOOK_MS = 1_000
/** So many looks in a row that find nothing new are silence. */
const LOOKS = 2

export class LastWords {
  readonly #bytesRead: () => number
  readonly #silent: () => void
  #seen: number
  #vain = 0
  #timer: LongTimer | undefined
  #turn: NodeJS.Immediate | undefined

  /**
   * Listens from now on.
   * @param bytesRead What has been read so far; any change counts as news.
   * @param silent Called once when nothing has come for about two seconds in which something could have been read.
   */
  constructor(bytesRead: () => number, silent: () => void) {
    this.#bytesRead = bytesRead
    this.#silent = silent
    this.#seen = bytesRead()
    this.#arm()
  }

  /** Listens no more, and says nothing. */
  stop(): void {
    this.#timer?.stop()
    clearImmediate(this.#turn)
  }

  #arm(): void {
    this.#timer = after(LOOK_MS, () => {
      // Timers run before the sockets are read, immediates after it: what was waiting is counted by then.
      this.#turn = setImmediate(() => this.#look())
    }).unref()
  }

  #look(): void {
    const now = this.#bytesRead()
    this.#vain = now === this.#seen ? this.#vain + 1 : 0
    this.#seen = now
    if (this.#vain >= LOOKS) this.#silent()
    else this.#arm()
  }
}
