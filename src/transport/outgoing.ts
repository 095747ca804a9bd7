/**
 * One message on its way out: encoded, measured, and its memory its own. Owns the limits on one message and whose memory is
 * copied; when it is sent is the outbox's business.
 */
import { constants } from "node:buffer"
import { PayloadTooLargeError } from "../shared/errors.ts"
import { Bulk } from "./bulk.ts"
import { MAX_PARTS } from "./frame.ts"
import { INLINE_BYTES, Kind, MAX_NAMED, type TextKind } from "./packet.ts"
import { MAX_MESSAGE_BYTES } from "./protocol.ts"
import { spareMemory } from "./spare-memory.ts"

/** One message, encoded; nobody changes its memory any more. */
export interface Outgoing {
  readonly channel: number
  readonly kind: TextKind
  readonly json: string
  readonly parts: readonly Uint8Array[]
  /** The message in pieces, when it is too large for one packet. */
  readonly bulk: Bulk | undefined
  /** Channels that the message names: the peer must hear of them before it hears from them. */
  readonly opened: readonly number[]
  /** Channels whose messages, sent before this one, must arrive before it. */
  readonly after: readonly number[]
}

const NONE: readonly never[] = []

/**
 * What is sent of `json` and `parts`: in pieces when it is large. Parts that are the caller's are copied, now.
 * @throws PayloadTooLargeError when it is over 4 GiB, or the JSON over what the other end can turn into one string (512 MiB), or
 * when it has more parts or names more channels than its head has room for
 */
export function outgoing(
  channel: number,
  rich: boolean,
  json: string,
  parts: readonly { readonly bytes: Uint8Array; readonly owned: boolean }[],
  opened: readonly number[] = NONE,
  after: readonly number[] = NONE,
): Outgoing {
  let bytes = json.length
  for (const part of parts) bytes += part.bytes.byteLength
  checkSize(bytes, json, parts.length, opened.length)
  const kind = rich ? Kind.rich : Kind.plain
  const own = parts.map(p => (p.owned ? p.bytes : copyOf(p.bytes)))
  const bulk = bytes > INLINE_BYTES ? new Bulk([Buffer.from(json), ...own], () => own.forEach(giveUp)) : undefined
  return { channel, kind, json: bulk ? "" : json, parts: bulk ? NONE : own, bulk, opened, after }
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const spare = spareMemory.take(bytes.byteLength)
  if (!spare) return bytes.slice()
  const copy = new Uint8Array(spare)
  copy.set(bytes)
  return copy
}

/** It has arrived, and was this message's alone. */
function giveUp({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) spareMemory.give(buffer)
}

function checkSize(bytes: number, json: string, parts: number, channels: number): void {
  if (bytes > MAX_MESSAGE_BYTES) {
    const hint = "split the value into several calls, or pass a path on the shared file system"
    throw new PayloadTooLargeError(bytes, MAX_MESSAGE_BYTES, { hint })
  }
  if (parts > MAX_PARTS) {
    const what = `message of ${parts} typed arrays and Buffers is over the limit of ${MAX_PARTS}`
    const hint = "join the small ones into one array"
    throw new PayloadTooLargeError(bytes, MAX_MESSAGE_BYTES, { hint }, what)
  }
  if (channels > MAX_NAMED) {
    const what = `message of ${channels} functions, streams and proxies is over the limit of ${MAX_NAMED}`
    const hint = "pass one function that is told what to do, or one proxy() of an object that has them all"
    throw new PayloadTooLargeError(bytes, MAX_MESSAGE_BYTES, { hint }, what)
  }
  // No character takes more than three bytes: only where that could be too much are they counted.
  if (json.length * 3 <= constants.MAX_STRING_LENGTH) return
  const jsonBytes = Buffer.byteLength(json)
  if (jsonBytes <= constants.MAX_STRING_LENGTH) return
  const what = `the text of a message, ${jsonBytes} bytes of JSON, is over the limit of ${constants.MAX_STRING_LENGTH} bytes`
  const hint = "send large text as a Buffer, large tables as typed arrays, or split the value into several calls"
  throw new PayloadTooLargeError(jsonBytes, constants.MAX_STRING_LENGTH, { hint }, what)
}
