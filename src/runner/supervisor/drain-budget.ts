/**
 * How long a drain may take, and how it ends when work does not: the worker is told to leave its work and run its hooks, and killed when
 * it does not answer, since code that blocks its event loop hears nothing, or when the hooks have had their time. Owns that sequence and
 * its one timer; how much time there is, others know.
 */
import { after, type LongTimer } from "../../shared/timer.ts"

/** What is left to the hooks of a worker whose work was cut off. Less than the margin before the job's end: the directory comes after it. */
export const HOOKS_MS = 700
/** Within this a worker that can still hear has answered. */
const ANSWER_MS = 250

/** `idle`: no drain. `working`: what runs may go on. `asked`: the worker was told to leave its work. `hooks`: it does. `over`: it was killed. */
type Phase = "idle" | "working" | "asked" | "hooks" | "over"

export interface BudgetHost {
  /** The worker is to leave its work and to run its hooks, for so long. */
  hurry(hooksMs: number): void
  kill(): void
}

export class DrainBudget {
  readonly #host: BudgetHost
  #phase: Phase = "idle"
  #timer: LongTimer | undefined
  #until = 0

  constructor(host: BudgetHost) {
    this.#host = host
  }

  /** Milliseconds left to work in a running drain. */
  get leftMs(): number {
    return this.#phase === "working" ? Math.max(0, this.#until - performance.now()) : 0
  }

  /** Gives work so long from now on, in place of what it had. 0: the worker is killed at once, hooks and all. */
  start(graceMs: number): void {
    if (graceMs <= 0) return this.#kill()
    if (this.#phase !== "idle" && this.#phase !== "working") return
    this.#phase = "working"
    this.#until = performance.now() + graceMs
    this.#next(graceMs, () => this.hurry())
  }

  /** The same, if that is more than there is. */
  extend(graceMs: number): void {
    if (this.#phase === "working" && graceMs > this.leftMs) this.start(graceMs)
  }

  /** The same, if that is less; but hooks keep their moment. */
  shorten(graceMs: number): void {
    if (this.#phase !== "working" || graceMs >= this.leftMs) return
    if (graceMs > 0) this.start(graceMs)
    else this.hurry()
  }

  /** No more time for what runs. */
  hurry(): void {
    if (this.#phase !== "idle" && this.#phase !== "working") return
    this.#phase = "asked"
    this.#next(ANSWER_MS, () => this.#kill())
    this.#host.hurry(HOOKS_MS)
  }

  /** The worker has heard it. */
  answered(): void {
    if (this.#phase !== "asked") return
    this.#phase = "hooks"
    this.#next(HOOKS_MS, () => this.#kill())
  }

  stop(): void {
    this.#timer?.stop()
  }

  #kill(): void {
    this.#timer?.stop()
    this.#phase = "over"
    this.#host.kill()
  }

  #next(ms: number, action: () => void): void {
    this.#timer?.stop()
    this.#timer = after(ms, action)
  }
}
