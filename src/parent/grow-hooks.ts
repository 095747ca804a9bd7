/** The user's callbacks about the pool's size: `onGrowStart`, `onGrowEnd`, `onShrink`. Nothing they throw breaks a pool. */
import { asError } from "../shared/as-error.ts"
import type { GoneReason } from "../shared/errors.ts"

/** A runner is being booted. */
export interface GrowStart {
  /** The pool's name. */
  readonly name: string
  readonly runnerId: string
  /** Runners that serve or are on their way, this one included. */
  readonly count: number
}

/** It serves, or could not be booted. */
export interface GrowEnd {
  readonly name: string
  readonly runnerId: string
  /** Runners that serve or are on their way now: without this one where it failed. */
  readonly count: number
  /** Why it could not be booted; undefined: it serves. */
  readonly error: Error | undefined
}

/** A runner that served is gone, or takes no more work. */
export interface Shrink {
  readonly name: string
  readonly runnerId: string
  /** Runners without this one. */
  readonly count: number
  readonly reason: GoneReason
}

export interface GrowCallbacks {
  /**
   * Called before a runner is submitted, and awaited. What it throws fails this boot, which is tried again later like any other that
   * failed.
   */
  onGrowStart?: (event: GrowStart) => void | Promise<void>
  /** Called when a boot is over, well or not. What it throws goes to the `error` event. */
  onGrowEnd?: (event: GrowEnd) => void | Promise<void>
  /** Called when a runner is gone, for whatever reason. What it throws goes to the `error` event. */
  onShrink?: (event: Shrink) => void | Promise<void>
}

export class GrowHooks {
  readonly #callbacks: GrowCallbacks
  readonly #failed: (error: Error) => void

  /** @param failed Hears what `onGrowEnd` and `onShrink` threw. */
  constructor(callbacks: GrowCallbacks, failed: (error: Error) => void) {
    this.#callbacks = callbacks
    this.#failed = failed
  }

  /** Undefined where there is nothing to wait for. */
  get start(): ((event: GrowStart) => Promise<void>) | undefined {
    const { onGrowStart } = this.#callbacks
    return onGrowStart && (async event => await onGrowStart(event))
  }

  end(event: GrowEnd): void {
    this.#tell(this.#callbacks.onGrowEnd, event)
  }

  shrink(event: Shrink): void {
    this.#tell(this.#callbacks.onShrink, event)
  }

  #tell<E>(callback: ((event: E) => void | Promise<void>) | undefined, event: E): void {
    if (!callback) return
    const call = async () => await callback(event)
    call().catch((thrown: unknown) => this.#failed(asError(thrown)))
  }
}
