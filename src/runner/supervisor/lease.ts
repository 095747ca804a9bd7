/**
 * The runner's lease from its parent: for how long it may take for granted that its calls are still its own. Owns the clock: it is
 * counted from a moment at which the parent had certainly not given this runner up, which is when a question was asked that the
 * parent has answered since. The parent counts the same time, from a later moment: from when it missed the runner. So the lease
 * always runs out first, whatever the network holds back and whatever the clocks show. Does nothing about it: its owner is told.
 */

export interface LeaseHost {
  /** Asks the parent, over whatever connection there is. @param answered To be called when the answer to this very question is here. */
  ask(answered: () => void): void
  /**
   * The lease has run out. @param until The first moment at which the parent may give this runner up, on `performance.now()`'s clock; it may be
   * over. Undefined: the parent has answered after all.
   */
  doubt(until: number | undefined): void
}

/** Looks within the time of one lease. */
const LOOKS = 16
/** Of its time: then the parent is asked. */
const ASK_AFTER = 1 / 2
/** Of its time: then it has run out. The rest is for a look that comes late, and for what has to be done about it. */
const EXPIRES_AFTER = 7 / 8

export class ParentLease {
  readonly #ms: number
  readonly #host: LeaseHost
  readonly #timer: NodeJS.Timeout | undefined
  #since = performance.now()
  #asked: object | undefined
  #expired = false

  /** @param ms 0: there is no lease, and no doubt. */
  constructor(ms: number, host: LeaseHost) {
    this.#ms = ms
    this.#host = host
    if (ms > 0) this.#timer = setInterval(() => this.#look(), ms / LOOKS).unref()
  }

  /** It has run out, and the parent has not answered since. */
  get expired(): boolean {
    return this.#expired
  }

  /** There is a new connection, on which no question is open: asks at once. */
  reconnected(): void {
    this.#asked = undefined
    if (this.#ms > 0) this.#ask()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const age = performance.now() - this.#since
    if (age >= EXPIRES_AFTER * this.#ms && !this.#expired) {
      this.#expired = true
      this.#host.doubt(this.#since + this.#ms)
    }
    if (age >= ASK_AFTER * this.#ms && this.#asked === undefined) this.#ask()
  }

  /** One question at a time: an answer must not be taken for that to a later one. */
  #ask(): void {
    const question = {}
    const askedAt = performance.now()
    this.#asked = question
    this.#host.ask(() => {
      if (this.#asked !== question) return
      this.#asked = undefined
      this.#since = askedAt
      if (!this.#expired) return
      this.#expired = false
      this.#host.doubt(undefined)
    })
  }
}
