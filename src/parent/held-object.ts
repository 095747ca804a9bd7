/**
 * What a user holds of an object that lives on a runner: a handle whose methods are calls without a slot (the call that gave the
 * object holds one). Owns the news of a handle's collection: what nobody can use any more is released.
 */
import { ReleasedError } from "../shared/errors.ts"
import type { RemoteObject } from "../transport/remote-object.ts"
import { apiProxy, type Invoke } from "./api-proxy.ts"
import { Call, type CallTarget } from "./call.ts"

/** What is under a handle. */
export interface Holding {
  readonly object: RemoteObject
  readonly target: CallTarget
}

/** By handle, and not leading to it. */
const holdings = new WeakMap<object, Holding>()
const collected = new FinalizationRegistry<RemoteObject>(object => void object.letGo())

/** A handle on `object`, which came over `target`. */
export function handleOn(object: RemoteObject, target: CallTarget): object {
  const { client } = object
  const at: CallTarget = { ...target, client, exports: [], names: undefined }
  const invoke: Invoke = operation => {
    const { call, promise } = Call.begin(operation, { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined })
    // The handle must not be collected while somebody waits for one of its methods, or reads a stream of theirs.
    call.onSettled(() => void invoke)
    if (object.over instanceof ReleasedError) call.fail(released(call.name, object.over.message))
    else {
      call.send(at, outcome => {
        if (outcome === "not-started")
          call.fail(released(call.name, `its runner ${target.runnerId} lets go of the object`))
      })
    }
    return promise
  }
  const handle = apiProxy(invoke, new Map([[Symbol.asyncDispose, () => object.release()]]))
  holdings.set(handle, { object, target })
  // All that can be held of the handle, a method on its own too, leads to `invoke`.
  if (!object.kept) collected.register(invoke, object)
  return handle
}

/** What is under a handle; undefined when `value` is none. */
export function holdingOf(value: unknown): Holding | undefined {
  return typeof value === "object" && value !== null ? holdings.get(value) : undefined
}

function released(name: string, why: string): ReleasedError {
  return new ReleasedError(`${name} was not called: ${why}`, {
    hint: "place() it again, or keep it until its last call has its answer",
  })
}
