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

/** An array may say that it has four thousand million elements and hold none: nobody walks one before its length is known. */
const MAX_PATH = 32
const MAX_ARGUMENTS = 0x1_0000

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

/**
 * What is wrong with a SET at `path`, whose names have been looked at. A method that an object inherits belongs to others as
 * well: with `["list", "push", "call"]` a peer would change `push` for the whole program.
 */
export function setProblem(target: object, path: readonly string[]): ProtocolError | undefined {
  let holder: unknown = target
  let own = true
  for (const name of path.slice(0, -1)) {
    try {
      own = Object.hasOwn(holder as object, name)
      holder = (holder as Record<string, unknown>)[name]
    } catch {
      return undefined // nothing is there, or a getter throws: Comlink meets the same, and says so
    }
  }
  if (own || typeof holder !== "function") return undefined
  return new ProtocolError("a property of a function cannot be set from another process")
}

/**
 * The language asks an object for such a method to make text or a number of it, and Comlink makes a call of that, whose failure
 * nobody waits for and which would end the process. Without an answer only the one who asked hears that it cannot be done.
 */
export function asksForSymbol({ path }: ComlinkMessage): boolean {
  const last: unknown = Array.isArray(path) ? path.at(-1) : undefined
  return typeof last === "string" && /^Symbol\(Symbol\.\w+\)$/.test(last)
}

/** False: Comlink, which walks any path before it looks at what the message is, would ask a peer's object, or walk for minutes. */
export function isHarmless(path: unknown): boolean {
  if (typeof path === "function") return false
  return (
    !Array.isArray(path) ||
    (path.length <= MAX_ARGUMENTS && path.every(p => typeof p !== "function" && typeof p !== "object"))
  )
}

/**
 * Comlink assigns a message to an object of its own before it reads it: a field of this name would become that object's
 * prototype, and everything that was looked at here would be read from there instead.
 */
export function smuggles(message: object): boolean {
  return Object.hasOwn(message, "__proto__")
}

/** The same for a port, where the message may as well belong to a protocol of the user's own with like-named fields. */
export function portProblem(message: unknown): ProtocolError | undefined {
  if (typeof message !== "object" || message === null) return undefined
  const m = message as ComlinkMessage
  if (smuggles(message)) return new ProtocolError("a message with a prototype in it")
  if (!isHarmless(m.path)) return new ProtocolError("a malformed path")
  // Comlink puts it into its answer: a port in its place could not be posted, and nobody would hear why.
  if (isRequest(m) && m.id !== undefined && !isId(m.id)) return new ProtocolError("a request whose id is none")
  const bad = isRequest(m) && Array.isArray(m.path) ? (pathProblem(m.path) ?? inheritedProblem(m)) : undefined
  return bad ?? (m.argumentList === undefined ? undefined : listProblem(m.argumentList))
}

/** What is wrong with a wire value of the peer; undefined when Comlink's transfer handlers can take it. */
export function wireProblem(wire: unknown): ProtocolError | undefined {
  const { type, name, value } = (wire ?? {}) as { type?: unknown; name?: unknown; value?: unknown }
  if (type === "RAW") return undefined
  if (type !== "HANDLER" || typeof name !== "string") return new ProtocolError("a malformed wire value")
  if (!transferHandlers.has(name)) {
    return new ProtocolError(`no Comlink transfer handler "${name.slice(0, 80)}" is registered on this side`)
  }
  if (name === "throw") return thrownProblem(value)
  const fits = name !== "proxy" || value instanceof MessagePort
  return fits ? undefined : new ProtocolError("a proxy that is no port")
}

/** Comlink makes text of the message: of a peer's remote object that would be a call, whose failure nobody waits for. */
function thrownProblem(thrown: unknown): ProtocolError | undefined {
  const { isError, value } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as ThrownWire
  if (isError === false) return undefined
  const { message } = (typeof value === "object" && value !== null ? value : {}) as { message?: unknown }
  // Comlink assigns the fields: of this one it would make the error's prototype, which may be a remote object.
  const inherits = typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")
  if (isError === true && typeof message === "string" && !inherits) return undefined
  return new ProtocolError("the peer sent a malformed error")
}

interface ThrownWire {
  isError?: unknown
  value?: unknown
}

/** Methods that every object and every function inherits. */
const INHERITED = new Set(
  [Object.prototype, Function.prototype].flatMap(holder =>
    Object.getOwnPropertyNames(holder).filter(
      name => typeof Object.getOwnPropertyDescriptor(holder, name)?.value === "function",
    ),
  ),
)

/** As `setProblem`, where what is exposed is not known: by the names alone. */
function inheritedProblem({ type, path }: ComlinkMessage): ProtocolError | undefined {
  const holders = type === "SET" ? (path as string[]).slice(0, -1) : []
  if (!holders.some(name => INHERITED.has(name))) return undefined
  return new ProtocolError("a property of a function cannot be set from another process")
}

function pathProblem(path: unknown): ProtocolError | undefined {
  if (!Array.isArray(path) || path.length > MAX_PATH || !path.every(p => typeof p === "string")) {
    return new ProtocolError("a malformed path")
  }
  const bad = path.find(p => FORBIDDEN.has(p))
  return bad === undefined ? undefined : new ProtocolError(`"${bad}" cannot be reached from another process`)
}

function listProblem(list: unknown): ProtocolError | undefined {
  if (!Array.isArray(list) || list.length > MAX_ARGUMENTS) return new ProtocolError("a malformed argument list")
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
