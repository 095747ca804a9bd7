/**
 * The binary frame of one message with small parts: a fixed header, its JSON, then the raw parts. Owns the layout; knows no value
 * and no socket.
 *
 *      0  u8   1               4  u32  channel          16  nParts x f64  byte length of each part
 *      1  u8   flags           8  u32  bytes of JSON     …  JSON (UTF-8), padded to 8
 *      2  u16  number of parts 12 u32  0                 …  each part, padded to 8
 *
 * Little-endian. Padding keeps parts aligned for every typed array inside the message.
 */
import { ProtocolError } from "../shared/errors.ts"
import { FRAME } from "./packet.ts"

const HEADER = 16
const FLAG_RICH = 1
/** What the header has room for. */
export const MAX_PARTS = 0xffff

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

/** One frame as one Buffer. Who calls it keeps within the limits on what one packet may hold. */
export function encodeFrame(channel: number, json: string, rich: boolean, parts: readonly Uint8Array[]): Buffer {
  const jsonBytes = Buffer.byteLength(json)
  const total = frameBytes(jsonBytes, parts)
  const out = Buffer.allocUnsafe(total)
  out[0] = FRAME
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
  if (data[0] !== FRAME) throw new ProtocolError(`a frame of type ${data[0]}`)
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
