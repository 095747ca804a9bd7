/** What is said of a value that cannot cross: its path, what it is, what to do instead. Knows nothing of encoding. */
import { types } from "node:util"
import { FlameError, NotSerializableError, PayloadTooLargeError } from "../../shared/errors.ts"
import { MAX_MESSAGE_BYTES } from "../protocol.ts"
import { MAX_DEPTH } from "./tags.ts"

/** The name of a value's class; never throws. */
export function classNameOf(value: object): string {
  try {
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
    return typeof name === "string" ? name : ""
  } catch (error) {
    // A proxy's trap or a getter of the user's own: the name is only for a message, so say what stood in the way.
    return `(unreadable: ${error instanceof Error ? error.message : "its class cannot be read"})`
  }
}

/** `why` completes "... cannot cross: ". */
export function notSerializable(path: string, why: string, hint: string, cause?: unknown): NotSerializableError {
  const init = cause === undefined ? { hint } : { hint, cause }
  return new NotSerializableError(path, `${shorten(path)} cannot cross: ${why}`, init)
}

/** Memory that alone is more than a message may hold. */
export function tooLarge(bytes: number): PayloadTooLargeError {
  const hint = "split the value into several calls, or pass a path on the shared file system"
  return new PayloadTooLargeError(bytes, MAX_MESSAGE_BYTES, { hint })
}

/** A value nobody can carry. */
export function refusal(value: unknown, path: string): NotSerializableError {
  const [what, hint] = describe(value)
  return notSerializable(path, `it is ${what}`, hint)
}

/** A value that is one level too deep, or overran the stack on the way there. */
export function tooDeep(path: string, cause?: unknown): NotSerializableError {
  const hint = "flatten it: send a list of nodes with indexes instead of a chain of objects"
  return notSerializable(path, `it is nested too deeply (limit ${MAX_DEPTH})`, hint, cause)
}

/** What the encoder throws for anything thrown while it read the value at `path`, within the value called `root`. */
export function failure(error: unknown, path: string, root: string): FlameError {
  if (error instanceof FlameError) return error
  if (error instanceof RangeError && /string length/i.test(error.message)) {
    const hint = "send large data as typed arrays or Buffers, or in several calls"
    return notSerializable(root, "its JSON would be longer than a string can be", hint, error)
  }
  if (error instanceof RangeError && /call stack/i.test(error.message)) return tooDeep(path, error)
  const hint = "a getter, a proxy trap or a registered type's serialize() threw; see cause"
  return notSerializable(
    path,
    `reading it threw ${error instanceof Error ? error.message : String(error)}`,
    hint,
    error,
  )
}

function shorten(path: string): string {
  return path.length <= 120 ? path : `${path.slice(0, 60)} ... ${path.slice(-50)}`
}

function describe(value: unknown): [what: string, hint: string] {
  if (typeof value === "symbol") return ["a symbol", "send a string"]
  if (typeof value === "function") {
    return /^class\b/.test(Function.prototype.toString.call(value))
      ? ["a class", "classes stay on their own side; pass an object, or proxy() of one"]
      : ["a function", "functions can be arguments of a call (callbacks); elsewhere wrap it in proxy()"]
  }
  const object = value as object
  if (types.isPromise(object)) return ["a Promise", "await it first"]
  if (types.isWeakMap(object) || types.isWeakSet(object) || object instanceof WeakRef) {
    return [`a ${classNameOf(object)}`, "weak references mean nothing on another machine; send what they refer to"]
  }
  if (types.isGeneratorObject(object)) {
    return ["a generator", "only arguments and results of calls can be streams; collect it into an array"]
  }
  const name = classNameOf(object)
  if (name === "" || name === "Object") {
    return ["an object with a prototype of its own", "send a plain object: { ...value }"]
  }
  return [
    `an instance of ${name}, a class that is not registered`,
    `return plain data, call registerClass(${name}) or registerType() on both sides, or wrap it in proxy()`,
  ]
}
