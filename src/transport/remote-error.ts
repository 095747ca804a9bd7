/**
 * What was thrown on one side, as data for the other. The form is that of Comlink's `throw` transfer handler, so that an
 * unmodified Comlink client makes a reasonable Error of it. Owns the form; what is kept of an error is error-shape.ts.
 */
import { NotSerializableError, ProtocolError } from "../shared/errors.ts"
import { encode } from "./codec-encode.ts"
import { DROPPED, describe, isError, makeError, readError, setErrorField, setOwn, takeDropped } from "./error-shape.ts"

/** Something thrown, as `encode` can carry it. `value` of an error: name, message, stack, code, cause, errors, own fields. */
export type LoweredError =
  | { readonly isError: true; readonly value: Readonly<Record<string, unknown>> }
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
  return { isError: true, value }
}

/**
 * What is to be thrown here for what was thrown there: an error of the same builtin class (any other: an Error with that
 * `name`), or the very value.
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
  return error
}

/** Why `value` cannot cross, or undefined when it can. */
function whyNot(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "number") return undefined
  try {
    encode(value)
    return undefined
  } catch (error) {
    if (error instanceof NotSerializableError) return error.message
    throw error
  }
}

function malformed(): ProtocolError {
  return new ProtocolError("the peer sent a malformed error")
}
