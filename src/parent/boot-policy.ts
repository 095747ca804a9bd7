/**
 * When to boot again after a boot failed, and when to stop and tell those who wait. Owns the count of failures in a row; knows
 * no runner.
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

export class BootPolicy {
  #failures = 0
  #notBefore = 0

  /** Milliseconds until the next boot may be tried. */
  delayMs(now = performance.now()): number {
    return Math.max(0, this.#notBefore - now)
  }

  succeeded(): void {
    this.#failures = 0
    this.#notBefore = 0
  }

  /** Returns true when those who wait should be told instead of being kept waiting. */
  failed(error: unknown, now = performance.now()): boolean {
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
