/**
 * `pool.place(api => …)`: one call whose result stays on its runner, and belongs to its caller. Owns who releases it when the
 * caller's function fails or its signal fires; the slot is the call's, as with any other.
 */
import { OptionError, StateError } from "../shared/errors.ts"
import { onAbort } from "../shared/on-abort.ts"
import { show } from "../shared/show.ts"
import { apiProxy, type Invoke } from "./api-proxy.ts"
import type { CallLimits } from "./call-options.ts"
import { holdingOf } from "./held-object.ts"
import { type Limits, LimitWatch } from "./limit-watch.ts"

/** The limits of a call that places its result. */
export function placing(limits: CallLimits): CallLimits {
  return { ...limits, marks: { ...limits.marks, place: true } }
}

/**
 * Runs `fn` and gives what its one call placed.
 * @param limits Of the whole of it: the function may do more than to wait for its call.
 * @param invoke Makes the call; its limits are `placing(limits)`.
 * @throws What `fn` or its call threw; StateError when it made two calls, or gave something else than the call's result.
 */
export async function place(
  fn: (api: never) => unknown,
  options: { readonly signal?: AbortSignal; readonly link?: boolean },
  limits: Limits,
  invoke: Invoke,
): Promise<unknown> {
  if (typeof fn !== "function") {
    throw new OptionError("fn", `place() takes a function, got ${show(fn)}`, {
      hint: "pool.place(api => api.startServer(config))",
    })
  }
  let called = false
  let failed = false
  let made: unknown
  const letGo = () => void holdingOf(made)?.object.letGo()
  const api = apiProxy(operation => {
    if (called) {
      throw new StateError("the function given to place() made a second call: what is placed comes of one", {
        hint: "do the rest in the module's own function, or through pool.call()",
      })
    }
    called = true
    const answer = invoke(operation) as Promise<unknown>
    answer.then(
      value => {
        made = value
        if (failed) letGo()
      },
      () => {}, // `fn` hears of it
    )
    return answer
  })
  let result: unknown
  let watch: LimitWatch | undefined
  try {
    const givenUp = new Promise<never>((_, reject) => {
      const what = {
        name: "place()",
        get started() {
          return called
        },
        giveUp: reject,
      }
      watch = new LimitWatch(limits, what)
    })
    result = await Promise.race([fn(api as never), givenUp])
    if (!holdingOf(result)) {
      throw new StateError(`the function given to place() returned ${show(result)}, and not what its call gave`, {
        hint: "return the object that stays on the runner: pool.place(api => api.startServer(config))",
      })
    }
  } catch (error) {
    failed = true
    letGo()
    throw error
  } finally {
    watch?.stop()
  }
  const { signal, link } = options
  if (signal && link !== false) belong(result as object, signal)
  return result
}

/** The owner's signal releases it. */
function belong(result: object, signal: AbortSignal): void {
  const object = holdingOf(result)?.object
  if (!object) return
  const letGo = () => void object.letGo()
  if (signal.aborted) letGo()
  else object.onOver(onAbort(signal, letGo))
}
