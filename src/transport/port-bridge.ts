/**
 * MessagePorts across a session: Comlink makes one for each proxy() and createEndpoint(), users pass their own. A port that
 * is sent is bridged to a channel; the other side gets a port bridged to the same channel.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads"
import { ConnectionError, ProtocolError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import { asksForSymbol, type ComlinkMessage, isId, portProblem } from "./comlink-guard.ts"
import { lowerError } from "./remote-error.ts"
import { Scope } from "./scope.ts"

/** Ties `port`, which this side keeps from now on, to `channel`. Neither keeps the process alive. */
export function bridgePort(port: MessagePort, channel: Channel): void {
  /** Comlink requests that came out of the port and have no answer yet. */
  const pending = new Set<string | number>()
  const fail = (id: string | number, error: unknown) =>
    port.postMessage({ id, type: "HANDLER", name: "throw", value: lowerError(error) })

  port.on("message", (message: unknown) => {
    const id = requestId(message)
    if (id !== undefined && asksForSymbol(message as ComlinkMessage)) return
    if (id !== undefined) pending.add(id)
    try {
      channel.send(message, new Scope(false))
    } catch (error) {
      if (id === undefined) port.emit("messageerror", error)
      else {
        pending.delete(id)
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
    if (isId(id)) pending.delete(id)
    post(port, message, adopted)
  })
  channel.onClose(reason => {
    for (const id of pending) fail(id, reason)
    port.close()
  })
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
  bridgePort(port1, channel)
  return port2
}

function requestId(message: unknown): string | number | undefined {
  const m = message as { id?: unknown; path?: unknown; type?: unknown } | null
  if (typeof m !== "object" || m === null || typeof m.type !== "string") return undefined
  if (m.type === "RAW" || m.type === "HANDLER") return undefined // an answer
  return typeof m.id === "string" || typeof m.id === "number" ? m.id : undefined
}
