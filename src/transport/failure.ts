/**
 * An error inside a control message, which is JSON: packed by the codec, so that its causes, dates and own fields arrive as
 * they do with a call's answer. Pure functions.
 */
import { ProtocolError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { decode, encode } from "./codec.ts"
import { lowerError, raiseError } from "./remote-error.ts"

/** Takes apart what was thrown. Never throws. Binary data has no place in a control message: with it only the words go. */
export function packError(thrown: unknown): Json {
  const whole = encode(lowerError(thrown))
  const { json, rich } = whole.parts.length === 0 ? whole : encode(lowerError(wordsOf(thrown)))
  return { json, rich }
}

/** What `packError` was given. @throws ProtocolError when `data` is not what it made */
export function unpackError(data: Json): unknown {
  const { json, rich } = (data ?? {}) as { json?: unknown; rich?: unknown }
  if (typeof json !== "string" || typeof rich !== "boolean") throw new ProtocolError("the peer sent a malformed error")
  return raiseError(decode(json, rich, []))
}

function wordsOf(thrown: unknown): Error {
  const { name, message, stack, code } = thrown as Partial<Error> & { code?: unknown }
  return Object.assign(new Error(message), { name, stack }, typeof code === "string" ? { code } : {})
}
