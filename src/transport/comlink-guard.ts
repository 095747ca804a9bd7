/**
 * What a peer's message may not ask of Comlink. Comlink walks any path, trips over malformed messages outside of its own
 * try, and calls methods of whatever stands where a port should be; nothing of that is for a network. Pure functions.
 */
import { MessagePort } from "node:worker_threads"
import { transferHandlers } from "comlink"
import { ProtocolError } from "../shared/errors.ts"
import type { WireValue } from "./protocol.ts"

/** Any message on a channel that Comlink uses: nothing in it is certain. */
export interface ComlinkMessage {
  id?: unknown
  type?: unknown
  path?: unknown
  argumentList?: unknown
  value?: unknown
}

const REQUESTS = new Set(["GET", "SET", "APPLY", "CONSTRUCT", "ENDPOINT", "RELEASE"])
/** Names through which any object leads to `Function` or to a shared prototype. */
const FORBIDDEN = new Set([
  ...["__proto__", "constructor", "prototype"],
  ...["__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"],
])

export function isId(id: unknown): id is string | number {
  return typeof id === "string" || typeof id === "number"
}

export function isRequest(message: ComlinkMessage): boolean {
  return typeof message.type === "string" && REQUESTS.has(message.type)
}

/** What Comlink would crash on, or would do although nobody should be able to ask for it. */
export function requestProblem(request: ComlinkMessage): ProtocolError | undefined {
  const { path = [], argumentList = [], type, value } = request
  return pathProblem(path) ?? listProblem(argumentList) ?? (type === "SET" ? argumentProblem(value) : undefined)
}

/** The same for a port, where the message may as well belong to a protocol of the user's own with like-named fields. */
export function portProblem(message: unknown): ProtocolError | undefined {
  if (typeof message !== "object" || message === null) return undefined
  const m = message as ComlinkMessage
  const bad = isRequest(m) && Array.isArray(m.path) ? pathProblem(m.path) : undefined
  return bad ?? (m.argumentList === undefined ? undefined : listProblem(m.argumentList))
}

/** What is wrong with a wire value of the peer; undefined when Comlink's transfer handlers can take it. */
export function wireProblem(wire: unknown): ProtocolError | undefined {
  const { type, name, value } = (wire ?? {}) as { type?: unknown; name?: unknown; value?: unknown }
  if (type === "RAW") return undefined
  if (type !== "HANDLER" || typeof name !== "string") return new ProtocolError("a malformed wire value")
  if (!transferHandlers.has(name)) {
    return new ProtocolError(`no Comlink transfer handler "${name}" is registered on this side`)
  }
  const fits = name !== "proxy" || value instanceof MessagePort
  return fits ? undefined : new ProtocolError("a proxy that is no port")
}

function pathProblem(path: unknown): ProtocolError | undefined {
  if (!Array.isArray(path) || !path.every(p => typeof p === "string")) return new ProtocolError("a malformed path")
  const bad = path.find(p => FORBIDDEN.has(p))
  return bad === undefined ? undefined : new ProtocolError(`"${bad}" cannot be reached from another process`)
}

function listProblem(list: unknown): ProtocolError | undefined {
  if (!Array.isArray(list)) return new ProtocolError("a malformed argument list")
  for (const wire of list) {
    const problem = argumentProblem(wire)
    if (problem) return problem
  }
  return undefined
}

function argumentProblem(wire: unknown): ProtocolError | undefined {
  const problem = wireProblem(wire)
  if (problem) return problem
  const { type, name } = wire as WireValue & { name?: string }
  return type === "HANDLER" && name === "throw" ? new ProtocolError("an error where a value must be") : undefined
}
