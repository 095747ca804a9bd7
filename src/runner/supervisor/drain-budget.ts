/**
 * How long a drain may take. Owns the one timer that cuts it; computes the time left from the job's end, never from the
 * moment of the signal (Slurm sends its warning up to 30 s early, and its kill up to 30 s late).
 */
import type { JobFacts } from "../../shared/boot.ts"
import { after, type LongTimer } from "../../shared/timer.ts"

/** Kept free at the end for hooks that were cut, the directory, the goodbye. */
const MARGIN_MS = 1_500
/** slurmctld looks at limits every 30 s, so a warning can come this much before the asked-for time. */
const SCHEDULER_TICK_MS = 30_000

export class DrainBudget {
  readonly #facts: JobFacts
  #endsAt: number | undefined
  #timer: LongTimer | undefined
  #until: number | undefined
  #extendable = false
  #spent: () => void = () => {}

  constructor(facts: JobFacts, endsAt: number | undefined) {
    this.#facts = facts
    this.#endsAt = endsAt
  }

  /** True when a SIGTERM now is explained by the walltime. */
  nearWalltime(): boolean {
    return this.#endsAt !== undefined && this.#endsAt - Date.now() <= this.#facts.signalBeforeMs + SCHEDULER_TICK_MS
  }

  /**
   * Milliseconds for the drain after a signal. A cancelled job is killed `killWait` later; whether it was cancelled or only
   * warned, the signal does not say, so without a known end the shorter time is taken until `extend`.
   * @param agoMs how long ago the signal came.
   */
  afterSignal(walltime: boolean, agoMs = 0): number {
    const ms = walltime && this.#endsAt !== undefined ? this.#endsAt - Date.now() : this.#facts.killWaitMs - agoMs
    return Math.max(0, ms - MARGIN_MS)
  }

  /** Milliseconds left of a running drain. */
  get leftMs(): number {
    return this.#until === undefined ? 0 : Math.max(0, this.#until - performance.now())
  }

  onSpent(listener: () => void): void {
    this.#spent = listener
  }

  /**
   * Starts the clock, or sets it anew.
   * @param extendable The time was guessed from a signal, so that `extend` may replace it.
   */
  start(graceMs: number, extendable = false): void {
    this.#timer?.stop()
    this.#extendable = extendable
    this.#until = performance.now() + graceMs
    this.#timer = after(graceMs, () => this.#spent())
  }

  /** The job's end is known (again). Gives a drain whose time was guessed the time until then. */
  extend(endsAt: number): void {
    this.#endsAt = endsAt
    if (!this.#extendable) return
    const graceMs = endsAt - Date.now() - MARGIN_MS
    if (graceMs > this.leftMs) this.start(graceMs, true)
  }

  stop(): void {
    this.#timer?.stop()
  }
}
