/** The two ways in which a caller stops waiting: its time is over, or its signal fires. Owns the timer. */
import { formatMs } from "../shared/duration.ts"
import { CallAbortedError, CallTimeoutError, type FlameError } from "../shared/errors.ts"
import { onAbort } from "../shared/on-abort.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import type { Marks } from "../transport/protocol.ts"
import type { HeldObjects } from "./held-objects.ts"

export interface Limits {
  /** Total milliseconds: queue + boot + run. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** What the runner is to know of the call; undefined: it is an ordinary one. */
  readonly marks?: Marks | undefined
  /** Hears of what the result holds by reference. */
  readonly held?: HeldObjects | undefined
}

export interface Limited {
  /** What is waited for, for the message. */
  readonly name: string
  /** Whether it has been sent to a runner. */
  readonly started: boolean
  /** The caller waits no more. `reason`: what the remote side should be told. */
  giveUp(error: FlameError, reason: unknown): void
}

export class LimitWatch {
  readonly #limits: Limits
  readonly #what: Limited
  readonly #until: number
  readonly #unlisten: (() => void) | undefined
  #timer: LongTimer | undefined

  /** Starts at once; an aborted signal gives up during construction. */
  constructor(limits: Limits, what: Limited) {
    this.#limits = limits
    this.#what = what
    this.#until = performance.now() + limits.timeoutMs
    const { signal } = limits
    if (signal?.aborted) {
      this.#abort()
      return
    }
    if (signal) this.#unlisten = onAbort(signal, () => this.#abort())
    if (Number.isFinite(limits.timeoutMs)) this.#timer = after(limits.timeoutMs, () => this.#expire())
  }

  /** Milliseconds left. */
  get leftMs(): number {
    return Math.max(0, this.#until - performance.now())
  }

  /** The wait is over in another way. */
  stop(): void {
    this.#timer?.stop()
    this.#unlisten?.()
  }

  #expire(): void {
    const { name, started } = this.#what
    const { timeoutMs } = this.#limits
    const error = new CallTimeoutError(
      `${name} did not finish within ${formatMs(timeoutMs)} (${started ? "it was running" : "it was still waiting for a runner"})`,
      timeoutMs,
      started,
      started ? {} : { hint: "the time includes the wait for a runner: raise `timeout`, or `max`" },
    )
    this.#what.giveUp(error, error)
  }

  #abort(): void {
    const { name, started } = this.#what
    const reason = this.#limits.signal?.reason
    this.#what.giveUp(
      new CallAbortedError(
        `${name} was aborted by its signal (${started ? "it was running" : "it had not started"})`,
        started,
        { cause: reason },
      ),
      reason,
    )
  }
}
