/**
 * The two messages that are nearly all of the traffic, in short: a call whose arguments, and a result which, are primitives. To
 * write and to parse Comlink's form of them costs several times as much. Owns the short form; what comes out of it is Comlink's
 * message again, so whoever receives it sees no difference. What it does not know goes through the codec.
 *
 *     call    [id, path, argument, argument, …]     { id, type: "APPLY", path, argumentList: [{ type: "RAW", value }, …] }
 *     result  [id, value] or [id]: undefined        { id, type: "RAW", value }
 */
import { ProtocolError } from "../shared/errors.ts"
import { MARK } from "./codec/tags.ts"
import type { ReplyMessage, RequestMessage } from "./protocol.ts"

/** Characters in one string, and in the whole of a call: what is longer may not fit into one packet with others. */
const MAX_STRING = 8 * 1024
const MAX_TEXT = 32 * 1024
/** Characters in an id. Ours are numbers, and Comlink's are short; one of a peer's that is longer may not fit either. */
const MAX_ID = 256

/** Paths are few, and each is the same array at every call: their JSON is written once. */
const paths = new WeakMap<readonly string[], string>()

/** The call in short, or undefined when an argument is more than a primitive that JSON has a word for. */
export function callText(id: number, path: readonly string[], args: readonly unknown[]): string | undefined {
  let text = `[${id},${pathText(path)}`
  for (let i = 0; i < args.length; i++) {
    const value = primitiveText(args[i])
    if (value === undefined) return undefined
    text += `,${value}`
  }
  return text.length > MAX_TEXT ? undefined : `${text}]`
}

/** The result in short, or undefined as above. */
export function resultText(id: number | string, value: unknown): string | undefined {
  if (typeof id === "string" && id.length > MAX_ID) return undefined
  const name = typeof id === "number" ? id : JSON.stringify(id)
  if (value === undefined) return `[${name}]`
  const text = primitiveText(value)
  return text === undefined ? undefined : `[${name},${text}]`
}

/** The message that `callText` stands for. What is in it is checked by who serves it. @throws ProtocolError */
export function expandCall(payload: unknown): RequestMessage {
  if (!Array.isArray(payload) || payload.length < 2) throw new ProtocolError("a malformed call")
  const argumentList: { type: "RAW"; value: unknown }[] = []
  for (let i = 2; i < payload.length; i++) argumentList.push({ type: "RAW", value: payload[i] })
  return { id: payload[0], type: "APPLY", path: payload[1], argumentList }
}

/** The message that `resultText` stands for. @throws ProtocolError */
export function expandResult(payload: unknown): ReplyMessage {
  if (!Array.isArray(payload) || payload.length < 1 || payload.length > 2) throw new ProtocolError("a malformed result")
  return { id: payload[0], type: "RAW", value: payload[1] }
}

function pathText(path: readonly string[]): string {
  let text = paths.get(path)
  if (text === undefined) {
    text = JSON.stringify(path)
    paths.set(path, text)
  }
  return text
}

function primitiveText(value: unknown): string | undefined {
  switch (typeof value) {
    case "number":
      // Not for NaN, the infinities and -0, which JSON has no words for.
      return value - value === 0 && (value !== 0 || 1 / value > 0) ? String(value) : undefined
    case "string":
      return value.charCodeAt(0) === MARK || value.length > MAX_STRING ? undefined : JSON.stringify(value)
    case "boolean":
      return value ? "true" : "false"
    case "object":
      return value === null ? "null" : undefined
    default:
      return undefined
  }
}
