/** AbortSignals across a session: an abort on one side aborts the twin on the other. */
import type { Json } from "../shared/json.ts"
import { onAbort } from "../shared/on-abort.ts"
import type { Channel } from "./channel.ts"
import { decode, encode } from "./codec/index.ts"
import { wordsOf } from "./error-shape.ts"
import { lowerError, raiseError, sendThrown } from "./remote-error.ts"

/** The reference for `signal`; its abort is sent over `channel`. */
export function lowerSignal(signal: AbortSignal, channel: Channel): Json {
  const reference = { live: "signal", channel: channel.id }
  if (signal.aborted) return { ...reference, reason: reasonText(signal.reason) }
  // A reason may be anything at all, and the abort must arrive: what cannot cross becomes an error that says so.
  channel.onClose(onAbort(signal, () => sendThrown(signal.reason, lowered => channel.send(lowered))))
  return reference
}

/** The twin of the other side's signal. @throws ProtocolError */
export function raiseSignal(ref: { [key: string]: Json }, channel: Channel): AbortSignal {
  const controller = new AbortController()
  channel.receive(message => controller.abort(raiseError(message)))
  if (typeof ref.reason === "string") controller.abort(raiseError(decode(ref.reason, true, [])))
  return controller.signal
}

/** Characters of a reason inside a reference: it is not what the message is about. */
const MAX_REASON = 1_000_000

/** A reason inside a reference, which is JSON and has no binary parts: one that needs them, or is too long, is told in words. */
function reasonText(reason: unknown): string {
  let text = ""
  sendThrown(reason, lowered => {
    const { json, parts } = encode(lowered, undefined, undefined, false)
    text = parts.length === 0 && json.length <= MAX_REASON ? json : encode(lowerError(wordsOf(reason))).json
  })
  return text
}
