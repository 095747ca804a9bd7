/** AbortSignals across a session: an abort on one side aborts the twin on the other. */
import type { Json } from "../shared/json.ts"
import type { Channel } from "./channel.ts"
import { decode, encode } from "./codec.ts"
import { lowerError, raiseError } from "./remote-error.ts"

/**
 * The channels that wait for the abort of a signal. One listener serves them all: a signal shared by many calls must not make
 * Node warn of a leak.
 */
const waiting = new WeakMap<AbortSignal, Set<Channel>>()

/** The reference for `signal`; its abort is sent over `channel`. */
export function lowerSignal(signal: AbortSignal, channel: Channel): Json {
  const reference = { live: "signal", channel: channel.id }
  if (signal.aborted) return { ...reference, reason: reasonText(signal.reason) }
  watch(signal, channel)
  return reference
}

function watch(signal: AbortSignal, channel: Channel): void {
  const channels = waiting.get(signal) ?? new Set()
  if (!waiting.has(signal)) {
    waiting.set(signal, channels)
    const tell = () => {
      // A reason may be anything at all, and the abort must arrive: what cannot cross becomes an error that says so.
      for (const each of channels) each.send(lowerError(signal.reason))
    }
    signal.addEventListener("abort", tell, { once: true })
  }
  channels.add(channel)
  channel.onClose(() => channels.delete(channel))
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
