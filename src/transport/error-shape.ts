/**
 * Errors taken apart into fields and put together again. Owns what of an error is kept and which class it becomes; knows
 * neither the codec nor the RPC. Nothing in here trusts an error: any property may be a getter that throws.
 */
import { types } from "node:util"

/** The fields of an error: `name`, `message`, `stack` are strings, the rest is raw and may not be able to cross. */
export type ErrorFields = { name: string; message: string; stack: string } & Record<string, unknown>

/** Lists, on an error that crossed, the own fields that could not. */
export const DROPPED = "droppedFields"

type Make = (message: string) => Error

const CLASSES: ReadonlyMap<string, Make> = new Map<string, Make>([
  ...[Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].map((C): [string, Make] => [
    C.name,
    message => new C(message),
  ]),
  ["AggregateError", message => new AggregateError([], message)],
])

/** True for errors of any realm, DOMException, and objects that inherit from Error. */
export function isError(value: unknown): value is Error {
  if (types.isNativeError(value)) return true
  try {
    return value instanceof Error
  } catch {
    // A proxy whose trap throws. Whatever it is, it cannot be read as an error.
    return false
  }
}

/** Everything worth keeping of `error`, one level deep. Never throws; what cannot be read is listed in `droppedFields`. */
export function readError(error: object): ErrorFields {
  const dropped: string[] = []
  const read = (key: string): unknown => {
    try {
      return (error as Record<string, unknown>)[key]
    } catch (cause) {
      dropped.push(`${key} (threw ${describe(cause)})`)
      return undefined
    }
  }
  const name = text(read("name")) ?? "Error"
  const message = text(read("message")) ?? ""
  const fields: ErrorFields = { name, message, stack: text(read("stack")) ?? (message ? `${name}: ${message}` : name) }
  const code = read("code")
  if (code !== undefined) setOwn(fields, "code", code)
  // A cause may well be undefined: what counts is that there is one.
  if (has(error, "cause")) setOwn(fields, "cause", read("cause"))
  if (error instanceof AggregateError || name === "AggregateError") setOwn(fields, "errors", read("errors"))
  for (const key of ownKeys(error, dropped)) {
    if (!Object.hasOwn(fields, key)) setOwn(fields, key, read(key))
  }
  if (dropped.length > 0) fields[DROPPED] = [...takeDropped(fields), ...dropped]
  return fields
}

function ownKeys(error: object, dropped: string[]): string[] {
  try {
    return Object.keys(error)
  } catch (cause) {
    dropped.push(`own fields (threw ${describe(cause)})`)
    return []
  }
}

function has(error: object, key: string): boolean {
  try {
    return key in error
  } catch {
    // A proxy whose `has` trap throws: reading the property would throw too, and says so in `droppedFields`.
    return true
  }
}

const MAX_DROPPED = 1_000

/** Takes the list of fields that could not cross, from this hop or an earlier one, out of `fields`. */
export function takeDropped(fields: Record<string, unknown>): string[] {
  const before = fields[DROPPED]
  if (!Array.isArray(before)) return []
  delete fields[DROPPED]
  // Looked at as far as anybody reads it: a peer's array may be longer than it takes to walk.
  return before.slice(0, MAX_DROPPED).filter(key => typeof key === "string")
}

/** An error of the builtin class `name` stands for, else an Error called `name`; its own fields are still to come. */
export function makeError(name: string, message: string, stack: string): Error {
  const known = CLASSES.get(name)
  const error = known === undefined ? new Error(message) : known(message)
  if (known === undefined) Object.defineProperty(error, "name", hidden(name))
  Object.defineProperty(error, "stack", hidden(stack))
  return error
}

/** Characters kept of each text by `wordsOf`. */
const WORDS = 2_000

/**
 * The words of what was thrown, for where the whole of it cannot go: an error of the same builtin class (or name) with the
 * message, the stack and a code of text, each cut to 2,000 characters. Never throws, and the result can always cross.
 */
export function wordsOf(thrown: unknown): Error {
  if (!isError(thrown)) return new Error(cut(typeof thrown === "string" ? thrown : describe(thrown)))
  const { name, message, stack, code } = readError(thrown)
  const error = makeError(cut(name), cut(message), cut(stack))
  if (typeof code === "string" || typeof code === "number")
    setOwn(error, "code", typeof code === "string" ? cut(code) : code)
  return error
}

function cut(text: string): string {
  return text.length <= WORDS ? text : `${text.slice(0, WORDS)} ...`
}

/** Sets one field other than name, message and stack; `cause` and `errors` are not enumerable, as the language has it. */
export function setErrorField(error: object, key: string, value: unknown): void {
  if (key === "cause" || key === "errors") Object.defineProperty(error, key, hidden(value))
  else setOwn(error, key, value)
}

/** Sets a key as own data whatever it is called (`__proto__` too). */
export function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}

function hidden(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: false, configurable: true }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined
}

/** A few words on anything that was thrown; never throws. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(cut(value))
  if (typeof value === "function") return "a function"
  if (typeof value === "bigint") return "a bigint" // its digits may be more than a string can hold
  if (typeof value !== "object" || value === null) return String(value)
  try {
    const message: unknown = (value as { message?: unknown }).message
    return typeof message === "string" ? message : Object.prototype.toString.call(value)
  } catch {
    // Its own getters throw: there is nothing left to say about it.
    return "an object that cannot be read"
  }
}
