/**
 * Whether the controller (slurmctld) answers. Hears how each command of the program went; after some in a row without an answer nothing
 * goes out but one probe at a time, ever more rarely, until one is answered. Owns that judgement, the pace of the probes and who waits
 * for the end of the silence; runs no command and knows no job.
 */
import { onAbort } from "../shared/on-abort.ts"

/** All in ms, but `after`. */
export interface BreakerPace {
  /** So many commands in a row without an answer, and it opens. Those that were under way together count as one. */
  readonly after: number
  /** The pause before the first probe; each one after that is half as long again, and all are spread by a third either way. */
  readonly first: number
  /** The longest pause. */
  readonly most: number
  /** When the controller is back, this program goes on at a random moment within that time, at most a quarter of the silence. */
  readonly spread: number
}

/**
 * Three: a controller that is only busy misses one or two, and a restart of some seconds is over before the third. A minute: whoever
 * waits notices at most a minute late that it is back, and a hundred programs ask less than twice a second.
 */
export const DEFAULT_BREAKER: BreakerPace = { after: 3, first: 5_000, most: 60_000, spread: 5_000 }

/** Silent again so soon after it was back, and it is the same trouble: the pauses go on where they were. */
const SAME_TROUBLE_MS = 120_000

/** What whoever sends commands needs to know. */
export type Answers = Pick<Breaker, "silent" | "pass">

/** Of a controller that nothing is known against. */
export const ANSWERING: Answers = { silent: false, pass: () => Promise.resolve() }

/** `answering`: everything goes out. `silent`: only probes do. `returning`: it has answered; who waited goes on in a moment. */
type State = "answering" | "silent" | "returning"

/** What happened, told once for each time. `why`: the words of the last command that failed. */
export type BreakerEvent =
  | { readonly silent: true; readonly why: string }
  | { readonly silent: false; readonly ms: number }

export class Breaker {
  readonly #probe: () => Promise<unknown>
  readonly #pace: BreakerPace
  readonly #waiting = new Set<() => void>()
  readonly #listeners = new Set<(event: BreakerEvent) => void>()
  #state: State = "answering"
  #failures = 0
  #why = ""
  /** Begin of the silence. */
  #since = 0
  #lastFailure = Number.NEGATIVE_INFINITY
  #pause: number
  #backAt = Number.NEGATIVE_INFINITY
  /** No probe before that moment. */
  #dueAt = 0
  #probing = false
  #timer: NodeJS.Timeout | undefined

  /** @param probe Asks the controller something; how that went is to be told as with any command. Never rejects. */
  constructor(probe: () => Promise<unknown>, pace: BreakerPace = DEFAULT_BREAKER) {
    this.#probe = probe
    this.#pace = pace
    this.#pause = pace.first
  }

  /** The controller does not answer: whoever wants something of it has to wait. */
  get silent(): boolean {
    return this.#state !== "answering"
  }

  /** For how long it has not answered, in ms; undefined while it does. */
  get silentMs(): number | undefined {
    return this.silent ? performance.now() - this.#since : undefined
  }

  /** The listener hears when the silence begins and when it is over. @returns what takes it back */
  onChange(listener: (event: BreakerEvent) => void): () => void {
    const entry = (event: BreakerEvent) => listener(event)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  /** A command was answered, or not (`why`: what it said instead). @param startedAt When it began, on `performance.now()`'s clock. */
  heard(why: string | undefined, startedAt: number): void {
    if (why === undefined) this.#answered(startedAt)
    else this.#unanswered(why, startedAt)
  }

  /** Resolves when the controller answers, at once if it does. @throws `signal.reason` when it is aborted before that */
  pass(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (!this.silent) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const go = () => {
        forget?.()
        resolve()
      }
      const forget =
        signal &&
        onAbort(signal, () => {
          this.#waiting.delete(go)
          if (this.#waiting.size === 0 && this.#state === "silent") this.#clear()
          reject(signal.reason)
        })
      this.#waiting.add(go)
      this.#schedule()
    })
  }

  /** Resolves with what `promise` does, or with undefined as soon as the controller does not answer. */
  orSilent<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const stop = this.onChange(event => event.silent && resolve(undefined))
      if (this.silent) resolve(undefined)
      promise.then(resolve, reject).finally(stop)
    })
  }

  #answered(startedAt: number): void {
    // An answer that was long on its way says nothing of what has failed since.
    if (this.#state === "answering" && startedAt < this.#lastFailure) return
    this.#failures = 0
    if (this.#state !== "silent") return
    this.#state = "returning"
    this.#clear()
    const most = Math.min(this.#pace.spread, (performance.now() - this.#since) / 4)
    this.#timer = setTimeout(() => this.#close(), most * Math.random()).unref()
  }

  #unanswered(why: string, startedAt: number): void {
    if (startedAt < this.#lastFailure) return
    const now = performance.now()
    if (this.#failures === 0 && this.#state === "answering") this.#since = startedAt
    this.#lastFailure = now
    this.#failures += 1
    this.#why = why
    if (this.#state === "silent") this.#postpone(now)
    else if (this.#state === "returning") {
      this.#clear()
      this.#state = "silent"
      this.#postpone(now)
      this.#schedule()
    } else if (this.#failures >= this.#pace.after) this.#open(now)
  }

  #open(now: number): void {
    this.#state = "silent"
    if (now - this.#backAt > SAME_TROUBLE_MS) this.#pause = this.#pace.first
    this.#postpone(now)
    this.#tell({ silent: true, why: this.#why })
    this.#schedule()
  }

  #close(): void {
    const now = performance.now()
    this.#state = "answering"
    this.#backAt = now
    this.#clear()
    this.#tell({ silent: false, ms: now - this.#since })
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const go of waiting) go()
  }

  #postpone(now: number): void {
    this.#dueAt = now + this.#pause * (2 / 3 + (2 / 3) * Math.random())
    this.#pause = Math.min(this.#pause * 1.5, this.#pace.most)
  }

  /** The next probe, if anybody waits for one. */
  #schedule(): void {
    if (this.#state !== "silent" || this.#probing || this.#timer || this.#waiting.size === 0) return
    // Holds no process: a program whose work is done need not wait for the controller.
    this.#timer = setTimeout(() => void this.#ask(), Math.max(0, this.#dueAt - performance.now())).unref()
  }

  async #ask(): Promise<void> {
    this.#timer = undefined
    this.#probing = true
    await this.#probe()
    this.#probing = false
    // A probe that was killed, or told nothing, is none the less one that was sent.
    if (this.#state === "silent" && this.#dueAt <= performance.now()) this.#postpone(performance.now())
    this.#schedule()
  }

  #clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #tell(event: BreakerEvent): void {
    for (const listener of [...this.#listeners]) listener(event)
  }
}
