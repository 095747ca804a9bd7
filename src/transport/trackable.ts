/**
 * Which values of an answer are held by reference instead of copied: resources where they are tracked, and the very result
 * where something is placed. Owns those two rules; knows no channel.
 */
import { MessagePort } from "node:worker_threads"
import { StateError } from "../shared/errors.ts"
import { isStream } from "./stream-iterator.ts"

/**
 * True for an object that says how it is disposed of. Streams have a way to end of their own, and stay streams; ports and
 * signals are live values already.
 */
export function isTrackable(value: object): boolean {
  const v = value as { [Symbol.asyncDispose]?: unknown; [Symbol.dispose]?: unknown }
  if (typeof v[Symbol.asyncDispose] !== "function" && typeof v[Symbol.dispose] !== "function") return false
  return (
    typeof value === "object" && !isStream(value) && !(value instanceof MessagePort || value instanceof AbortSignal)
  )
}

/** Why `value`, which `name` returned, cannot be placed; undefined when it can. */
export function placeProblem(value: unknown, name: string): StateError | undefined {
  const isObject = typeof value === "object" && value !== null
  if (isObject && !Array.isArray(value) && !isStream(value)) return undefined
  const what = Array.isArray(value) ? "an array" : isObject ? "a stream" : value === null ? "null" : typeof value
  return new StateError(`${name} returned ${what}: place() needs an object whose methods can be called`, {
    hint: "return an object, such as `new Server()` or `{ query, [Symbol.asyncDispose]: stop }`; data comes with pool.call()",
  })
}
