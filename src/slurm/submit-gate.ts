/**
 * How fast this program may submit: a few at a time, a burst, then a steady rate, first come first served. Owns the waiting and
 * nothing of what is submitted; no other command passes through it, least of all a cancel.
 */
import { onAbort } from "../shared/on-abort.ts"

export interface GateLimits {
  /** Submissions under way at the same time. */
  readonly atOnce: number
  /** Submissions that may follow each other without a pause. */
  readonly burst: number
  /** What is left of the burst grows back at this rate. */
  readonly perSecond: number
}

/**
 * A user's programs share a controller with everybody else's jobs, and sites that limit requests do so for each user (Slurm's own
 * `rl_enable` grants 30 at once and 2 a second by default, squeue and scancel included). A second for each submission leaves
 * them half of that. With one submission for many runners ten are more than a program needs at a time, unless each runner has a
 * script of its own.
 */
export const DEFAULT_GATE: GateLimits = { atOnce: 2, burst: 10, perSecond: 1 }

interface Waiter {
  pass(): void
}

export class SubmitGate {
  readonly #limits: GateLimits
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>()
  #inside = 0
  /** What is left of the burst, as of `#at`. */
  #left: number
  #at = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(limits: GateLimits = DEFAULT_GATE) {
    this.#limits = limits
    this.#left = limits.burst
  }

  /**
   * Resolves when it is one's turn, with the function that says that the submission is over (harmless when called again).
   * @throws `signal.reason` when it is aborted before that.
   */
  enter(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, () => {
        this.#waiting.delete(waiter)
        this.#admit()
        reject(signal.reason)
      })
      const waiter = {
        pass: () => {
          forget()
          resolve(this.#exit())
        },
      }
      this.#waiting.add(waiter)
      this.#admit()
    })
  }

  /** No burst from here on: it has to grow back. */
  calm(): void {
    this.#left = Math.min(this.#left, 1)
    this.#at = performance.now()
  }

  #exit(): () => void {
    let out = false
    return () => {
      if (out) return
      out = true
      this.#inside -= 1
      this.#admit()
    }
  }

  #admit(): void {
    clearTimeout(this.#timer)
    const { atOnce, burst, perSecond } = this.#limits
    const now = performance.now()
    this.#left = Math.min(burst, this.#left + ((now - this.#at) * perSecond) / 1_000)
    this.#at = now
    for (const waiter of this.#waiting) {
      if (this.#inside >= atOnce) return
      // A timer may come a fraction of a millisecond early; that much is not worth another one.
      if (this.#left < 0.999) {
        this.#timer = setTimeout(() => this.#admit(), Math.ceil(((1 - this.#left) / perSecond) * 1_000))
        return
      }
      this.#left -= 1
      this.#inside += 1
      this.#waiting.delete(waiter)
      waiter.pass()
    }
  }
}
