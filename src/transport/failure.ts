/**
 * An error inside a control message, which is JSON: packed by the codec, so that its causes, dates and own fields arrive as
 * they do with a call's answer. Pure functions.
 */
import { ProtocolError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { decode, encode } from "./codec/index.ts"
import { wordsOf } from "./error-shape.ts"
import { MAX_CONTROL_BYTES } from "./protocol.ts"
import { lowerError, raiseError, sendThrown } from "./remote-error.ts"

/**
 * Takes apart what was thrown. Never throws. Binary data has no place in a control message, and neither has what is larger
 * than one: of such an error only the words go.
 */
export function packError(thrown: unknown): Json {
  let packed: Json = null
  sendThrown(thrown, lowered => {
    const whole = encode(lowered, undefined, undefined, false)
    const { json, rich } = whole.parts.length === 0 && fits(whole.json) ? whole : encode(lowerError(wordsOf(thrown)))
    packed = { json, rich }
  })
  return packed
}

/** It is a string inside JSON there, and all its quotes take two bytes. */
function fits(json: string): boolean {
  return json.length < MAX_CONTROL_BYTES && Buffer.byteLength(JSON.stringify(json)) < MAX_CONTROL_BYTES - 1_024
}

/** What `packError` was given. @throws ProtocolError when `data` is not what it made */
export function unpackError(data: Json): unknown {
  const { json, rich } = (data ?? {}) as { json?: unknown; rich?: unknown }
  if (typeof json !== "string" || typeof rich !== "boolean") throw new ProtocolError("the peer sent a malformed error")
  return raiseError(decode(json, rich, []))
}
