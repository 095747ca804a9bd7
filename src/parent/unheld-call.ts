/**
 * `pool.call(api => …, { resumable })`: a function of the caller's that holds no runner. Each of its calls is placed by itself, as through
 * `pool.with()`, and goes on elsewhere when its runner is lost: what held one could not outlive it. Owns the limits of the whole.
 */
import { apiProxy } from "./api-proxy.ts"
import type { Operation } from "./call.ts"
import type { CallLimits } from "./call-options.ts"
import { LimitWatch } from "./limit-watch.ts"

/** @param begin Begins one call of the function. @throws What `fn` threw; CallTimeoutError, CallAbortedError for the whole of it */
export async function unheldCall(
  fn: (api: never) => unknown,
  limits: CallLimits,
  begin: (operation: Operation, limits: CallLimits) => unknown,
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
    return await Promise.race([fn(api as never), givenUp])
  } finally {
    watch?.stop()
  }
}
