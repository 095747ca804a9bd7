/**
 * Plain functions across a session: served by the side that has them, called by the other. Their channel ends with the call
 * they were passed to.
 */
import { NoExportError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import { RpcClient } from "./rpc-client.ts"
import { RpcServer } from "./rpc-server.ts"
import type { Session } from "./session.ts"

/** Lets the other side call `fn` over `channel`. */
export function serveFunction(fn: (...args: unknown[]) => unknown, channel: Channel, session: Session): void {
  new RpcServer(channel, {
    async apply(path, args) {
      if (path.length > 0) throw new NoExportError(`a callback has no property ${path.join(".")}`)
      try {
        return await fn(...args)
      } catch (error) {
        session.callbackFailed(error)
        throw error
      }
    },
    get() {
      throw new NoExportError("a callback has no properties")
    },
  })
}

/** The path of a function on its own channel; one array for all, since its text is kept. */
const ITSELF: readonly string[] = []

/**
 * A function that calls the other side's. Its promise may be ignored (progress reports are): the side that owns the
 * function reports what it throws, so a promise nobody awaits must not end this process as an unhandled rejection.
 */
export function callbackOf(channel: Channel, session: Session): (...args: unknown[]) => Promise<unknown> {
  const client = new RpcClient(channel)
  return (...args) => {
    const answer = new Promise((resolve, reject) => {
      try {
        client.apply(ITSELF, args, { resolve, reject, done: noop })
      } catch (error) {
        session.callbackFailed(error) // an argument that cannot cross: this side's own mistake, and it may not be awaited
        throw error
      }
    })
    answer.catch(noop)
    return answer
  }
}

function noop(): void {}
