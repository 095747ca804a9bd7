/** AbortSignals across a session: an abort on one side aborts the twin on the other. */
import { ProtocolError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import type { Channel } from "./channel.ts"

/** The reference for `signal`; its abort is sent over `channel`. */
export function lowerSignal(signal: AbortSignal, channel: Channel): Json {
  if (!signal.aborted) {
    const onAbort = () => channel.send({ reason: sendable(signal.reason) })
    signal.addEventListener("abort", onAbort, { once: true })
    channel.onClose(() => signal.removeEventListener("abort", onAbort))
  }
  return { live: "signal", channel: channel.id, aborted: signal.aborted }
}

/** The twin of the other side's signal. */
export function raiseSignal(ref: { [key: string]: Json }, channel: Channel): AbortSignal {
  const controller = new AbortController()
  channel.receive(message => {
    if (typeof message !== "object" || message === null) throw new ProtocolError("a malformed abort")
    controller.abort((message as { reason?: unknown }).reason)
  })
  if (ref.aborted === true) controller.abort()
  return controller.signal
}

/** A reason of any type; what could not cross goes as its text, since the abort itself must arrive. */
function sendable(reason: unknown): unknown {
  return reason === undefined || reason === null || typeof reason !== "object" || reason instanceof Error
    ? reason
    : String(reason)
}
