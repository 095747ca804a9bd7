/**
 * `pool.call(api => …, { resumable })`: a function of the caller's that holds no runner. Each of its calls is placed by itself, as through
 * `pool.with()`, and goes on elsewhere when its runner is lost: what held one could not outlive it. Owns the limits of the whole, and which
 * functions have not ended: a pool that closes waits for them, and takes their calls.
 */
import { apiProxy } from "./api-proxy.ts"
import type { Operation } from "./call.ts"
import type { CallLimits } from "./call-options.ts"
import { LimitWatch } from "./limit-watch.ts"

/** Begins one call of a function. */
type Begin = (operation: Operation, limits: CallLimits) => unknown

export class UnheldCalls {
  readonly #ended: () => void
  readonly #open = new Set<(error: unknown) => void>()

  /** @param ended A function has ended. */
  constructor(ended: () => void) {
    this.#ended = ended
  }

  /** A function has not ended. */
  get open(): boolean {
    return this.#open.size > 0
  }

  /** The pool is closed: nobody waits for what has not ended. */
  failAll(error: unknown): void {
    for (const fail of this.#open) fail(error)
  }

  /** Runs `fn`. @throws What it threw; CallTimeoutError, CallAbortedError for the whole of it */
  async run(fn: (api: never) => unknown, limits: CallLimits, begin: Begin): Promise<unknown> {
    let fail!: (error: unknown) => void
    const failed = new Promise<never>((_, reject) => {
      fail = reject
    })
    this.#open.add(fail)
    try {
      return await unheldCall(fn, limits, failed, begin)
    } finally {
      this.#open.delete(fail)
      this.#ended()
    }
  }
}

/** @param failed Rejects with what ends the wait for it. */
async function unheldCall(
  fn: (api: never) => unknown,
  limits: CallLimits,
  failed: Promise<never>,
  begin: Begin,
): Promise<unknown> {
  let watch: LimitWatch | undefined
  let started = false
  try {
    const givenUp = new Promise<never>((_, reject) => {
      const what = {
        name: "pool.call",
        get started() {
          return started
        },
        giveUp: reject,
      }
      watch = new LimitWatch(limits, what)
    })
    if (limits.signal?.aborted) return await givenUp
    const api = apiProxy(operation => {
      started = true
      return begin(operation, { ...limits, timeoutMs: watch!.leftMs })
    })
    return await Promise.race([fn(api as never), givenUp, failed])
  } finally {
    watch?.stop()
  }
}
