/**
 * `placement(svc)`: where an object lives that is held from here, and when it is over. Owns the words for that; of the object it
 * knows what is under its handle.
 */
import { ConnectionError, OptionError, RunnerDrainingError, RunnerLostError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import type { RemoteObject } from "../transport/remote-object.ts"
import { holdingOf } from "./held-object.ts"
import type { Placement } from "./pool-api.ts"

/**
 * Where the object is that `pool.place()` gave, or that came in a tracked result, and when it is over.
 * @throws OptionError when `service` is no such object.
 */
export function placement(service: object): Placement {
  const holding = holdingOf(service)
  if (!holding) {
    throw new OptionError("service", `placement() takes what pool.place() gave, got ${show(service)}`, {
      hint: "const svc = await pool.place(api => api.start()); placement(svc).runner",
    })
  }
  const { object, target } = holding
  const { runnerId, jobId, node } = target
  return {
    runner: { id: runnerId, jobId, node },
    closed: closedOf(object, runnerId),
    async release() {
      void service // while somebody has the placement, the handle is not collected
      await object.release()
    },
  }
}

/** A function of its own: what waits on the object's end must not share a scope with the handle, which it would keep for good. */
function closedOf(object: RemoteObject, runnerId: string): Promise<void> {
  const closed = object.closed.catch(reason => {
    throw lost(reason, runnerId)
  })
  closed.catch(nobody) // who wants to know has this promise
  return closed
}

/** The runner's loss, in an error of its own for each who asks; or what the object itself said. */
function lost(reason: unknown, runnerId: string): unknown {
  const cause = reason instanceof RunnerDrainingError ? reason.cause : reason
  if (cause instanceof RunnerLostError) {
    const { message, evidence } = cause
    return new RunnerLostError(`the object was lost: ${message}`, cause.runnerId, cause.reason, true, evidence)
  }
  if (!(reason instanceof ConnectionError)) return reason
  return new RunnerLostError(`the object was lost: ${reason.message}`, runnerId, "connection-lost", true, {}, { cause })
}

function nobody(): void {}
