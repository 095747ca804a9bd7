/** What is said of a pool that takes nothing any more. */
import { PoolClosedError } from "../shared/errors.ts"

/** @param what That came too late. */
export function poolClosed(what: string, name: string, state: string): PoolClosedError {
  return new PoolClosedError(`${what}: the pool "${name}" is ${state}`, {
    hint: "it takes no more work: make another one with createPool()",
  })
}
