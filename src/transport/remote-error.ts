/**
 * What was thrown on one side, as data for the other. The form is that of Comlink's `throw` transfer handler, so that an
 * unmodified Comlink client makes a reasonable Error of it. Owns the form; what is kept of an error is error-shape.ts.
 */
import { FlameError, NotSerializableError, ProtocolError } from "../shared/errors.ts"
import { encode } from "./codec/encode.ts"
import {
  DROPPED,
  describe,
  isError,
  makeError,
  readError,
  setErrorField,
  setOwn,
  takeDropped,
  wordsOf,
} from "./error-shape.ts"
import { classNamed, nameOfClass } from "./types-registry.ts"

/**
 * Something thrown, as `encode` can carry it. `value` of an error: name, message, stack, code, cause, errors, own fields.
 * `class`: the name under which its class is registered.
 */
export type LoweredError =
  | { readonly isError: true; readonly value: Readonly<Record<string, unknown>>; readonly class?: string }
  | { readonly isError: false; readonly value: unknown }

/**
 * Takes apart what was thrown. Never throws: fields that cannot cross are left out and named in `droppedFields`, and a thrown
 * value that cannot cross becomes an error that says so.
 */
export function lowerError(thrown: unknown): LoweredError {
  if (!isError(thrown)) {
    const refused = whyNot(thrown)
    if (refused === undefined) return { isError: false, value: thrown }
    const message = `${describe(thrown)} was thrown, which cannot cross: ${refused}`
    return { isError: true, value: { name: "Error", message, stack: `Error: ${message}` } }
  }
  const value: Record<string, unknown> = {}
  const fields = readError(thrown)
  const dropped = takeDropped(fields)
  for (const key of Object.keys(fields)) {
    if (whyNot(fields[key]) === undefined) setOwn(value, key, fields[key])
    else dropped.push(key)
  }
  if (dropped.length > 0) value[DROPPED] = dropped
  const name = registeredName(thrown)
  return name === undefined ? { isError: true, value } : { isError: true, value, class: name }
}

/**
 * Hands what was thrown to `send`, and never throws: what turns out to be more than one message can hold is sent as an error
 * that says so, with the words of the original as its cause.
 */
export function sendThrown(thrown: unknown, send: (lowered: LoweredError) => void): void {
  try {
    send(lowerError(thrown))
  } catch (refusal) {
    send(lowerError(tooMuch(thrown, refusal)))
  }
}

function tooMuch(thrown: unknown, refusal: unknown): NotSerializableError {
  const cause = wordsOf(thrown)
  const why = wordsOf(refusal).message
  const hint = "throw an error with less in its fields and in its message"
  return new NotSerializableError("error", `${cause.name}: ${cause.message} was thrown, and cannot cross: ${why}`, {
    hint,
    cause,
  })
}

/** The name under which the error's own class is registered on this side. */
function registeredName(error: object): string | undefined {
  try {
    const ctor: unknown = error.constructor
    return typeof ctor === "function" ? nameOfClass(ctor) : undefined
  } catch {
    // A proxy or getter that throws: nobody registered that, and the error itself is what must arrive.
    return undefined
  }
}

/**
 * What is to be thrown here for what was thrown there: an error of the same builtin class, or of the class that both sides
 * registered under the same name (any other: an Error with that `name`), or the very value.
 * @throws ProtocolError when `data` is not what `lowerError` makes
 */
export function raiseError(data: unknown): unknown {
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, "value")) throw malformed()
  const { isError: wasError, value } = data as { isError?: unknown; value: unknown }
  if (wasError === false) return value
  if (wasError !== true || typeof value !== "object" || value === null) throw malformed()
  const own = (key: string): string | undefined => {
    const field: unknown = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
    return typeof field === "string" ? field : undefined
  }
  const name = own("name") ?? "Error"
  const message = own("message") ?? ""
  const error = makeError(name, message, own("stack") ?? `${name}: ${message}`)
  for (const [key, field] of Object.entries(value)) {
    if (key !== "name" && key !== "message" && key !== "stack") setErrorField(error, key, field)
  }
  const className = Object.hasOwn(data, "class") ? (data as { class?: unknown }).class : undefined
  const known = typeof className === "string" ? classNamed(className) : undefined
  if (known?.prototype instanceof Error) Object.setPrototypeOf(error, known.prototype)
  return error
}

/** Why `value` cannot cross, or undefined when it can. */
function whyNot(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "number") return undefined
  try {
    encode(value, undefined, undefined, false) // a trial: what was marked for transfer must stay for the message itself
    return undefined
  } catch (error) {
    // Anything but a FlameError would be a fault of the codec, and is told as one when the error is sent.
    if (error instanceof FlameError) return error.message
    throw error
  }
}

function malformed(): ProtocolError {
  return new ProtocolError("the peer sent a malformed error")
}
