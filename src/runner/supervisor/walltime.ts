/**
 * When the job's time is over, as the supervisor counts it: on a clock that nobody sets, from what the parent says is left. Owns that end
 * and the two moments before it: when the drain is due, and shortly before, when the scheduler is asked once more whether it has moved.
 */
import type { JobFacts } from "../../shared/boot.ts"
import { after, type LongTimer } from "../../shared/timer.ts"

/** Kept free at the end for hooks, the directory, the goodbye. */
export const MARGIN_MS = 1_500
/** slurmctld looks at limits every 30 s, so its warning can come this much before the asked-for time. */
const SCHEDULER_TICK_MS = 30_000
/** So long before the drain the scheduler is asked; half of the time until then where that is less. A squeue may take seconds. */
const ASK_MS = 10_000
/** For a quarter of its time a runner works, however short that is: one that drained as soon as it is there would be replaced for ever. */
const MOST_DRAIN = 3 / 4
/** Two words that differ by less mean the same end: one was longer on its way. */
const SAME_MS = 2_000

export interface WalltimeHost {
  /** The drain is near: has the end moved? */
  ask(): void
  /** The drain is due. */
  due(): void
}

export class Walltime {
  readonly #facts: JobFacts
  readonly #host: WalltimeHost
  #until: number | undefined
  /** The drain is due so long before the end. */
  #leadMs: number | undefined
  #ask: LongTimer | undefined
  #due: LongTimer | undefined

  /** @param leftMs Undefined: it is not known yet. */
  constructor(facts: JobFacts, leftMs: number | undefined, host: WalltimeHost) {
    this.#facts = facts
    this.#host = host
    if (leftMs !== undefined) this.set(leftMs)
  }

  /** There is an end, and it is known. */
  get known(): boolean {
    return this.#until !== undefined
  }

  /** Milliseconds until the end, 0 when it has passed; Infinity while it is not known. */
  get leftMs(): number {
    return this.#until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.#until - performance.now())
  }

  /** What of it work may have. */
  get workMs(): number {
    return Math.max(0, this.leftMs - MARGIN_MS)
  }

  /** A SIGTERM now may be the scheduler's warning. While the end is not known, any may be, unless there is none. */
  get near(): boolean {
    if (this.#until === undefined) return this.#facts.limited !== false
    return this.leftMs <= this.#facts.signalBeforeMs + SCHEDULER_TICK_MS
  }

  /** So much is left, by the scheduler's newest word: administrators lengthen jobs, and shorten them. @returns whether that is news */
  set(leftMs: number): boolean {
    const until = performance.now() + Math.max(0, leftMs)
    const known = this.#until
    const same = known !== undefined && Math.abs(until - known) < SAME_MS
    // Of several words on one end the earliest is the truest: a way takes time, and never less than none.
    if (same && until >= known) return false
    this.#until = until
    this.#due?.stop()
    this.#leadMs ??= Math.min(this.#facts.signalBeforeMs, MOST_DRAIN * this.leftMs)
    const dueMs = Math.max(0, this.leftMs - this.#leadMs)
    this.#due = after(dueMs, () => this.#host.due()).unref()
    if (same) return false
    this.#ask?.stop()
    this.#ask = undefined
    if (dueMs > 0) this.#ask = after(dueMs - Math.min(ASK_MS, dueMs / 2), () => this.#host.ask()).unref()
    return true
  }

  stop(): void {
    this.#ask?.stop()
    this.#due?.stop()
  }
}
