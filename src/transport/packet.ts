/**
 * The packets of a data line: how messages are laid out in them. Three kinds, told apart by their first byte:
 *
 *   `[`  text: a JSON array of [kind, channel, payload, kind, channel, payload, …], the small messages of one turn
 *   1    binary: one message with small binary parts (frame.ts)
 *   2    binary: the next piece of a message that is too large for one packet: u8 2, three zeros, u32 LE id, bytes
 *
 * Owns the layout; knows no channel and no socket. docs/protocol.md section 4.
 */
import { ProtocolError } from "../shared/errors.ts"

/** What an entry of a text packet is. */
export const Kind = {
  /** A message of plain JSON. */
  plain: 0,
  /** A message with the codec's markers. */
  rich: 1,
  /** The channel is closed. The payload is 0. */
  close: 2,
  /** A message follows in pieces: `BulkHead`. */
  begin: 3,
  /** The rest of a message in pieces will not come; the payload is its id. */
  abandon: 4,
  /** A call and a result in short (rpc-text.ts). */
  call: 5,
  result: 6,
} as const

/** What a channel sends as text. */
export type TextKind = typeof Kind.plain | typeof Kind.rich | typeof Kind.close | typeof Kind.call | typeof Kind.result

/** Bytes of one message up to which it goes into a packet of its own or with others; above it goes in pieces. */
export const INLINE_BYTES = 64 * 1024
/** A text packet is sent when it has so many messages or characters: the other side can begin while more are being written. */
export const BATCH_MESSAGES = 64
export const BATCH_CHARS = 64 * 1024
/** Channels that one message may name: with the lengths of as many parts as there may be they fit into one packet. */
export const MAX_NAMED = 32_768
/** Bytes in one piece. */
export const PIECE_BYTES = 128 * 1024

/** The JSON and so many parts as a frame has room for. */
const MAX_LENGTHS = 1 + 0xffff

export const FRAME = 1
export const PIECE = 2
const PIECE_HEADER = 8

/** [id, rich, lengths, channels]: `lengths` of the JSON and then of each part; `channels` that the message names. */
export type BulkHead = readonly [id: number, rich: 0 | 1, lengths: readonly number[], channels: readonly number[]]

/** The first eight bytes of each piece of message `id`. */
export function pieceHeader(id: number): Buffer {
  const header = Buffer.alloc(PIECE_HEADER)
  header[0] = PIECE
  header.writeUInt32LE(id, 4)
  return header
}

/** The id of the message that a piece belongs to, and its bytes. @throws ProtocolError */
export function readPiece(pieces: readonly Buffer[]): { id: number; bytes: readonly Buffer[] } {
  const head = pieces[0]
  if (head === undefined || head.length < PIECE_HEADER) throw new ProtocolError("a piece without its header")
  if (head[1] !== 0 || head[2] !== 0 || head[3] !== 0) throw new ProtocolError("a piece with an unknown header")
  const rest = head.length > PIECE_HEADER ? [head.subarray(PIECE_HEADER), ...pieces.slice(1)] : pieces.slice(1)
  return { id: head.readUInt32LE(4), bytes: rest }
}

/** @throws ProtocolError when `data` is no list of entries. What is in them is checked by whoever reads them. */
export function parseBatch(data: string): unknown[] {
  let list: unknown
  try {
    list = JSON.parse(data)
  } catch (cause) {
    throw new ProtocolError("a packet is not JSON", { cause })
  }
  if (!Array.isArray(list) || list.length % 3 !== 0) throw new ProtocolError("a packet is not a list of messages")
  return list
}

/** @throws ProtocolError */
export function parseBulkHead(payload: unknown): BulkHead {
  if (!Array.isArray(payload) || payload.length !== 4) throw malformed()
  const [id, rich, lengths, channels] = payload as unknown[]
  if (!isCount(id) || (rich !== 0 && rich !== 1)) throw malformed()
  if (!Array.isArray(lengths) || lengths.length === 0 || lengths.length > MAX_LENGTHS || !lengths.every(isCount))
    throw malformed()
  if (!Array.isArray(channels) || !channels.every(isCount)) throw malformed()
  return payload as unknown as BulkHead
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function malformed(): ProtocolError {
  return new ProtocolError("the head of a message in pieces is malformed")
}
