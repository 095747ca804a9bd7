/** AbortSignals across a session: an abort on one side aborts the twin on the other. */
import type { Json } from "../shared/json.ts"
import type { Channel } from "./channel.ts"
import { decode, encode } from "./codec.ts"
import { lowerError, raiseError } from "./remote-error.ts"

/** The reference for `signal`; its abort is sent over `channel`. */
export function lowerSignal(signal: AbortSignal, channel: Channel): Json {
  const reference = { live: "signal", channel: channel.id }
  if (signal.aborted) return { ...reference, reason: reasonText(signal.reason) }
  // A reason may be anything at all, and the abort must arrive: what cannot cross becomes an error that says so.
  const onAbort = () => channel.send(lowerError(signal.reason))
  signal.addEventListener("abort", onAbort, { once: true })
  channel.onClose(() => signal.removeEventListener("abort", onAbort))
  return reference
}

/** The twin of the other side's signal. @throws ProtocolError */
export function raiseSignal(ref: { [key: string]: Json }, channel: Channel): AbortSignal {
  const controller = new AbortController()
  channel.receive(message => controller.abort(raiseError(message)))
  if (typeof ref.reason === "string") controller.abort(raiseError(decode(ref.reason, true, [])))
  return controller.signal
}

/** A reason inside a reference, which is JSON and has no binary parts: one that needs them is told by its text alone. */
function reasonText(reason: unknown): string {
  const { json, parts } = encode(lowerError(reason))
  return parts.length === 0 ? json : encode(lowerError(new Error(String(reason)))).json
}
