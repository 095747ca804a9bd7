/**
 * When to boot again after a boot failed, and when to stop and tell those who wait. A runner that crashes soon after it came up
 * counts as a failed boot: to the scheduler it is the same storm. Owns the count of failures in a row; knows no runner.
 */
import {
  BootTimeoutError,
  HostError,
  ModuleError,
  OptionError,
  SlurmCommandError,
  SubmitError,
} from "../shared/errors.ts"

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 60_000
/** So many in a row, without a success between them, and the fault is not chance. */
const MAX_IN_A_ROW = 3

/** A failure so long ago says nothing about the next boot; a runner that has lived for so long was a success. */
export const FORGET_MS = 120_000

export class BootPolicy {
  #failures = 0
  #notBefore = 0
  #lastFailure = Number.NEGATIVE_INFINITY

  /** Milliseconds until the next boot may be tried. */
  delayMs(now = performance.now()): number {
    return Math.max(0, this.#notBefore - now)
  }

  /** A runner came up: others may be booted at once. Whether it stays up is to be seen, so the count remains. */
  cameUp(): void {
    this.#notBefore = 0
  }

  /** Returns true when those who wait should be told instead of being kept waiting. */
  failed(error: unknown, now = performance.now()): boolean {
    if (now - this.#lastFailure > FORGET_MS) this.#failures = 0
    this.#lastFailure = now
    this.#failures += 1
    this.#notBefore = now + Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1))
    return isFinal(error) || this.#failures >= MAX_IN_A_ROW
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
    (error instanceof SlurmCommandError && error.command.spawnCode !== undefined)
  )
}
