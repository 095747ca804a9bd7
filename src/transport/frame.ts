/**
 * The binary frame: a fixed header, the JSON of one message, then raw parts. Owns the layout; knows no value and no socket.
 *
 *      0  u8   version         4  u32  channel          16  nParts x f64  byte length of each part
 *      1  u8   flags           8  u32  bytes of JSON     …  JSON (UTF-8), padded to 8
 *      2  u16  number of parts 12 u32  0                 …  each part, padded to 8
 *
 * Little-endian. Padding keeps parts aligned for every typed array inside the message.
 */
import { constants } from "node:buffer"
import { PayloadTooLargeError, ProtocolError } from "../shared/errors.ts"
import { MAX_FRAME_BYTES, PROTOCOL_VERSION } from "./protocol.ts"

const HEADER = 16
const FLAG_RICH = 1
const MAX_PARTS = 0xffff

export interface Frame {
  readonly channel: number
  readonly json: string
  /** The JSON holds the codec's markers. */
  readonly rich: boolean
  /** Own memory, exactly as long as what was sent. */
  readonly parts: readonly ArrayBuffer[]
}

const pad = (n: number): number => Math.ceil(n / 8) * 8

/** Bytes `encodeFrame` will make, for limits and statistics. */
export function frameBytes(jsonBytes: number, parts: readonly Uint8Array[]): number {
  let total = HEADER + 8 * parts.length + jsonBytes
  if (parts.length === 0) return total
  total = pad(total)
  for (const part of parts) total += pad(part.byteLength)
  return total
}

/**
 * One frame as one Buffer. Parts are copied, so the caller may go on with its memory at once.
 * @throws PayloadTooLargeError when the frame would be over 2 GiB - 1, has more than 65,535 parts, or JSON of more bytes
 * than the other end can turn into one string (512 MiB).
 */
export function encodeFrame(channel: number, json: string, rich: boolean, parts: readonly Uint8Array[]): Buffer {
  const jsonBytes = Buffer.byteLength(json)
  const total = frameBytes(jsonBytes, parts)
  if (total > MAX_FRAME_BYTES) {
    throw new PayloadTooLargeError(total, MAX_FRAME_BYTES, {
      hint: "split the value into several calls, or pass a path on the shared file system",
    })
  }
  if (jsonBytes > constants.MAX_STRING_LENGTH) {
    const what = `the text of a message, ${jsonBytes} bytes of JSON, is over the limit of ${constants.MAX_STRING_LENGTH} bytes`
    const hint = "send large text as a Buffer, large tables as typed arrays, or split the value into several calls"
    throw new PayloadTooLargeError(jsonBytes, constants.MAX_STRING_LENGTH, { hint }, what)
  }
  if (parts.length > MAX_PARTS) {
    const what = `message of ${parts.length} typed arrays and Buffers is over the limit of ${MAX_PARTS}`
    const hint = "join the small ones into one array"
    throw new PayloadTooLargeError(total, MAX_FRAME_BYTES, { hint }, what)
  }
  const out = Buffer.allocUnsafe(total)
  out[0] = PROTOCOL_VERSION
  out[1] = rich ? FLAG_RICH : 0
  out.writeUInt16LE(parts.length, 2)
  out.writeUInt32LE(channel, 4)
  out.writeUInt32LE(jsonBytes, 8)
  out.writeUInt32LE(0, 12)
  let at = HEADER
  for (const part of parts) at = out.writeDoubleLE(part.byteLength, at)
  at += out.write(json, at)
  for (const part of parts) {
    const start = pad(at)
    out.fill(0, at, start) // never send what was in this memory before
    out.set(part, start)
    at = start + part.byteLength
  }
  out.fill(0, at)
  return out
}

/** @throws ProtocolError for any layout `encodeFrame` would not have made. Reads no byte outside `data`, and none of the padding. */
export function decodeFrame(data: Buffer): Frame {
  if (data.length < HEADER) throw new ProtocolError(`a frame of ${data.length} bytes is shorter than its header`)
  if (data[0] !== PROTOCOL_VERSION) throw new ProtocolError(`frame version ${data[0]}, expected ${PROTOCOL_VERSION}`)
  const flags = data[1]!
  if ((flags & ~FLAG_RICH) !== 0) throw new ProtocolError(`unknown frame flags ${flags}`)
  const nParts = data.readUInt16LE(2)
  const channel = data.readUInt32LE(4)
  const jsonBytes = data.readUInt32LE(8)
  if (data.readUInt32LE(12) !== 0) throw new ProtocolError("the reserved field of a frame is in use")
  const jsonStart = HEADER + 8 * nParts
  let at = jsonStart + jsonBytes
  if (at > data.length) throw new ProtocolError("a frame ends inside its JSON")
  const json = data.toString("utf8", jsonStart, at)
  const parts: ArrayBuffer[] = []
  for (let i = 0; i < nParts; i++) {
    const length = data.readDoubleLE(HEADER + 8 * i)
    const start = pad(at)
    if (!Number.isInteger(length) || length < 0 || start + length > data.length) {
      throw new ProtocolError(`part ${i} of a frame is outside of it`)
    }
    const part = new ArrayBuffer(length)
    new Uint8Array(part).set(data.subarray(start, start + length))
    parts.push(part)
    at = start + length
  }
  const end = nParts > 0 ? pad(at) : at
  if (data.length < end) throw new ProtocolError("a frame ends inside its padding")
  if (data.length > end) throw new ProtocolError("a frame has bytes after its last part")
  return { channel, json, rich: (flags & FLAG_RICH) !== 0, parts }
}
