/**
 * When to boot again after a boot failed, when to tell those who wait, and when to stop altogether: a breaker that lets a single
 * boot through from time to time. A runner that crashes soon after it came up counts as a failed boot: to the scheduler it is the
 * same storm. Owns the count of failures in a row; knows no runner.
 */
import { formatMs } from "../shared/duration.ts"
import {
  BootError,
  BootTimeoutError,
  HostError,
  ModuleError,
  OptionError,
  SlurmCommandError,
  SubmitError,
} from "../shared/errors.ts"
import type { BreakerInfo } from "./pool-api.ts"

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 60_000
/** So many in a row, without a success between them, and the fault is not chance. */
const MAX_IN_A_ROW = 3
/** So many, and the scheduler is left alone. */
const BREAK_AFTER = 5
const COOL_DOWN_MS = 60_000
const MAX_COOL_DOWN_MS = 1_800_000

/** A failure so long ago says nothing about the next boot; a runner that has lived for so long was a success. */
export const FORGET_MS = 120_000

/** What a failure means. */
export interface Verdict {
  /** Those who wait should be told instead of being kept waiting. */
  readonly tell: boolean
  /** The breaker has opened, for so many milliseconds. */
  readonly opened: number | undefined
}

/** `closed`: boots go through. `open`: none does until some time. `trial`: one does, and decides. */
type Breaker = "closed" | "open" | "trial"

export class BootPolicy {
  #breaker: Breaker = "closed"
  #failures = 0
  #opened = 0
  /** Before this moment nothing is booted. */
  #notBefore = 0
  #openUntil = Number.NEGATIVE_INFINITY
  #lastFailure = Number.NEGATIVE_INFINITY
  #lastError: Error | undefined

  /** How many of the `wanted` runners may be booted now. */
  allowance(wanted: number, now = performance.now()): number {
    if (now < this.#notBefore) return 0
    if (this.#breaker === "closed") return wanted
    if (this.#breaker === "trial" || wanted === 0) return 0
    this.#breaker = "trial"
    return 1
  }

  /** Milliseconds until the next boot may be tried. */
  delayMs(now = performance.now()): number {
    return Math.max(0, this.#notBefore - now)
  }

  /** Until when nothing is booted, on `performance.now()`'s clock, and why; undefined: the breaker is closed. */
  get broken(): { untilMs: number; lastError: Error } | undefined {
    if (this.#breaker === "closed" || !this.#lastError) return undefined
    return { untilMs: this.#openUntil, lastError: this.#lastError }
  }

  /** The same, for who looks at the pool. */
  get info(): BreakerInfo | undefined {
    const { broken } = this
    return broken && { until: new Date(performance.timeOrigin + broken.untilMs), lastError: broken.lastError }
  }

  /** Why nobody should wait for a boot now: the breaker is open. */
  refusal(now = performance.now()): BootError | undefined {
    if (this.#breaker !== "open" || now >= this.#notBefore) return undefined
    const evidence = this.#lastError instanceof BootError ? this.#lastError.evidence : {}
    return new BootError(
      `no runner is being booted: the last ${this.#failures} boots failed, and the next is tried in ${formatMs(this.#notBefore - now)}. The last failure: ${this.#lastError?.message}`,
      evidence,
      { cause: this.#lastError },
    )
  }

  /** A runner came up: others may be booted at once. Whether it stays up is to be seen, so the count remains. */
  cameUp(): void {
    this.#notBefore = 0
    this.#breaker = "closed"
  }

  /** A boot that was tried was given up for another reason than its own failure. */
  calledOff(): void {
    if (this.#breaker === "trial") this.#breaker = "open"
  }

  /**
   * @param startedAt When the boot began: those that were under way together count as one failure, as an array of jobs that is
   * refused is refused once.
   */
  failed(error: Error, now = performance.now(), startedAt = now): Verdict {
    if (now - Math.max(this.#lastFailure, this.#openUntil) > FORGET_MS) {
      this.#failures = 0
      this.#opened = 0
    }
    if (startedAt >= this.#lastFailure) this.#failures += 1
    this.#lastFailure = now
    this.#lastError = error
    const tell = isFinal(error) || this.#failures >= MAX_IN_A_ROW
    // A wait of ten minutes in the queue is no storm.
    if (this.#failures < BREAK_AFTER || error instanceof BootTimeoutError) {
      this.#breaker = "closed"
      this.#notBefore = now + Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1))
      return { tell, opened: undefined }
    }
    // Others that were under way together with the one that opened it fail as well.
    if (this.#breaker === "open" && now < this.#notBefore) return { tell, opened: undefined }
    const ms = Math.min(MAX_COOL_DOWN_MS, COOL_DOWN_MS * 2 ** this.#opened)
    this.#breaker = "open"
    this.#opened += 1
    this.#openUntil = now + ms
    this.#notBefore = this.#openUntil
    return { tell, opened: ms }
  }
}

/** Would be the same at the next try: the module, the options or the site's setup are at fault, or the wait was over. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof ModuleError ||
    error instanceof OptionError ||
    error instanceof HostError ||
    error instanceof SubmitError ||
    error instanceof BootTimeoutError ||
    (error instanceof BootError && error.permanent) ||
    (error instanceof SlurmCommandError && error.command.spawnCode !== undefined)
  )
}
