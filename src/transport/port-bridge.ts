/**
 * MessagePorts across a session: Comlink makes one for each proxy() and createEndpoint(), users pass their own. A port that
 * is sent is bridged to a channel; the other side gets a port bridged to the same channel.
 */
import { MessageChannel, MessagePort } from "node:worker_threads"
import { ConnectionError, ProtocolError } from "../shared/errors.ts"
import { KeepAlive } from "../shared/keep-alive.ts"
import type { Channel } from "./channel.ts"
import { asksForSymbol, type ComlinkMessage, isId, portProblem } from "./comlink-guard.ts"
import { lowerError } from "./remote-error.ts"
import { Scope } from "./scope.ts"

/**
 * Ties `port`, which this side keeps from now on, to `channel`. Neither keeps the process alive; a Comlink request without an
 * answer does.
 * @returns to be told of a message that is posted to the port, before it is
 */
export function bridgePort(port: MessagePort, channel: Channel): (message: unknown) => void {
  /** Comlink requests that came out of the port and have no answer yet: who awaits one is not done. */
  const pending = new Set<string | number>()
  const keepAlive = new KeepAlive()
  const fail = (id: string | number, error: unknown) =>
    port.postMessage({ id, type: "HANDLER", name: "throw", value: lowerError(error) })

  const posted = (message: unknown) => {
    const id = requestId(message)
    if (id === undefined || channel.closed) return
    pending.add(id)
    keepAlive.set(true)
  }
  const settle = (id: string | number) => {
    pending.delete(id)
    keepAlive.set(pending.size > 0)
  }

  port.on("message", (message: unknown) => {
    const id = requestId(message)
    if (id !== undefined && asksForSymbol(message as ComlinkMessage)) return
    posted(message)
    try {
      channel.send(message, new Scope(false))
    } catch (error) {
      if (id === undefined) port.emit("messageerror", error)
      else {
        settle(id)
        fail(id, error)
      }
    }
  })
  port.once("close", () => channel.close(new ConnectionError("the port was closed")))
  port.unref()

  channel.receive((message, adopted) => {
    const id = (message as ComlinkMessage | null)?.id
    const problem = portProblem(message)
    if (problem) {
      if (!isId(id)) throw problem
      channel.send({ id, type: "HANDLER", name: "throw", value: lowerError(problem) })
      return
    }
    post(port, message, adopted)
    // The way to the other port is a turn of the event loop, during which the program must not end: two, to be sure.
    if (isId(id)) setImmediate(() => setImmediate(() => settle(id)))
  })
  channel.onClose(reason => {
    keepAlive.end()
    for (const id of pending) fail(id, reason)
    port.close()
  })
  return posted
}

/** @throws ProtocolError for live values other than ports, which no honest peer's port takes. */
function post(port: MessagePort, message: unknown, adopted: Scope): void {
  try {
    port.postMessage(message, [...adopted.ports])
  } catch (cause) {
    throw new ProtocolError("a message for a port holds what no port can carry", { cause })
  }
}

/** A port for this side's code whose other end is `channel`. */
export function portOf(channel: Channel): MessagePort {
  const { port1, port2 } = new MessageChannel()
  const posted = bridgePort(port1, channel)
  const { postMessage } = MessagePort.prototype
  // A message between ports takes a turn, in which nothing else may hold the program.
  const value = (message: unknown, ...rest: []) => {
    posted(message)
    postMessage.call(port2, message, ...rest)
  }
  Object.defineProperty(port2, "postMessage", { value, configurable: true, writable: true })
  // Comlink listens on it in this very turn, which would hold the program for as long as the remote object lives. Whoever
  // listens later, on a port of his own, holds it as with any port.
  setImmediate(() => port2.unref())
  return port2
}

function requestId(message: unknown): string | number | undefined {
  const m = message as { id?: unknown; path?: unknown; type?: unknown } | null
  if (typeof m !== "object" || m === null || typeof m.type !== "string") return undefined
  if (m.type === "RAW" || m.type === "HANDLER") return undefined // an answer
  return typeof m.id === "string" || typeof m.id === "number" ? m.id : undefined
}
