/**
 * What a user holds of an object that lives on a runner: a handle whose methods are calls without a slot (the call that gave the
 * object holds one), and its placement. Owns the news of a handle's collection: what nobody can use any more is released.
 */
import { ConnectionError, OptionError, ReleasedError, RunnerLostError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import type { RemoteObject } from "../transport/remote-object.ts"
import { apiProxy, type Invoke } from "./api-proxy.ts"
import { Call, type CallTarget } from "./call.ts"
import type { Placement } from "./pool-api.ts"

interface Holding {
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

/** The object under a handle; undefined when `value` is none. */
export function objectUnder(value: unknown): RemoteObject | undefined {
  return typeof value === "object" && value !== null ? holdings.get(value)?.object : undefined
}

/**
 * Where the object is that `pool.place()` gave, or that came in a tracked result, and when it is over.
 * @throws OptionError when `service` is no such object.
 */
export function placement(service: object): Placement {
  const holding = holdings.get(service)
  if (!holding) {
    throw new OptionError("service", `placement() takes what pool.place() gave, got ${show(service)}`, {
      hint: "const svc = await pool.place(api => api.start()); placement(svc).runner",
    })
  }
  const { object, target } = holding
  const { runnerId, jobId, node } = target
  const closed = object.closed.catch(reason => {
    throw lost(reason, target)
  })
  closed.catch(nobody) // who wants to know has this promise
  return {
    runner: { id: runnerId, jobId, node },
    closed,
    async release() {
      void service // while somebody has the placement, the handle is not collected
      await object.release()
    },
  }
}

/** The runner's loss, in an error of its own for each who asks; or what the object itself said. */
function lost(reason: unknown, { runnerId }: CallTarget): unknown {
  const cause = reason instanceof Error && reason.cause instanceof RunnerLostError ? reason.cause : reason
  if (cause instanceof RunnerLostError) {
    const { message, evidence } = cause
    return new RunnerLostError(`the object was lost: ${message}`, cause.runnerId, cause.reason, true, evidence)
  }
  if (!(reason instanceof ConnectionError)) return reason
  return new RunnerLostError(`the object was lost: ${reason.message}`, runnerId, "connection-lost", true, {}, { cause })
}

function released(name: string, why: string): ReleasedError {
  return new ReleasedError(`${name} was not called: ${why}`, {
    hint: "place() it again, or keep it until its last call has its answer",
  })
}

function nobody(): void {}
