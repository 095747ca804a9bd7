/**
 * The packets of a data line, taken apart into messages. Owns those that are still coming in pieces, and how much of them there
 * may be; hands each whole message to its session. Everything here comes from a peer: what is not as it should be is a
 * ProtocolError.
 */
import { ProtocolError } from "../shared/errors.ts"
import { decodeFrame } from "./frame.ts"
import { type BulkHead, FRAME, Kind, PIECE, parseBatch, parseBulkHead, readPiece } from "./packet.ts"
import { MAX_MESSAGE_BYTES } from "./protocol.ts"
import { expandCall, expandResult } from "./rpc-text.ts"
import { spareMemory } from "./spare-memory.ts"

export interface InboxHandler {
  /** A message whose text is parsed and whose values are still the codec's. */
  message(channel: number, tree: unknown, rich: boolean, parts: readonly ArrayBuffer[]): void
  /** The peer closed the channel. */
  close(channel: number): void
  /** A message that is on its way names these channels. */
  announce(channels: readonly number[]): void
  /** The message that was to name these channels will not come. */
  withdraw(channels: readonly number[]): void
}

/** Messages in pieces at a time, and the bytes of all of them. More is no honest peer. */
const MAX_COMING = 4_096
const MAX_COMING_BYTES = 4 * MAX_MESSAGE_BYTES

const NONE: readonly never[] = []

interface Coming {
  readonly channel: number
  readonly head: BulkHead
  /** The JSON, then each part, up to the one that is coming: nothing is set aside for a length that is only announced. */
  readonly buffers: Uint8Array<ArrayBuffer>[]
  at: number
  offset: number
  readonly bytes: number
}

export class Inbox {
  readonly #handler: InboxHandler
  readonly #coming = new Map<number, Coming>()
  #bytes = 0
  #lastId = 0

  constructor(handler: InboxHandler) {
    this.#handler = handler
  }

  /** A text packet. @throws ProtocolError */
  text(data: string): void {
    const list = parseBatch(data)
    for (let i = 0; i < list.length; i += 3) {
      const kind = list[i]
      const channel = list[i + 1]
      if (!Number.isSafeInteger(channel) || (channel as number) < 0) throw new ProtocolError("a message for no channel")
      this.#entry(kind, channel as number, list[i + 2])
    }
  }

  /** A binary packet. Returns true when it was the last piece of a message. @throws ProtocolError */
  binary(pieces: readonly Buffer[]): boolean {
    const type = pieces[0]?.[0]
    if (type === PIECE) return this.#piece(pieces)
    if (type === FRAME) {
      const frame = decodeFrame(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))
      this.#handler.message(frame.channel, parse(frame.json), frame.rich, frame.parts)
      return false
    }
    throw new ProtocolError(`a packet of type ${type ?? "nothing"}`)
  }

  /** The line is over. */
  end(): void {
    this.#coming.clear()
    this.#bytes = 0
  }

  #entry(kind: unknown, channel: number, payload: unknown): void {
    switch (kind) {
      case Kind.plain:
        return this.#handler.message(channel, payload, false, NONE)
      case Kind.rich:
        return this.#handler.message(channel, payload, true, NONE)
      case Kind.call:
        return this.#handler.message(channel, expandCall(payload), false, NONE)
      case Kind.result:
        return this.#handler.message(channel, expandResult(payload), false, NONE)
      case Kind.close:
        return this.#handler.close(channel)
      case Kind.begin:
        return this.#begin(channel, parseBulkHead(payload))
      case Kind.abandon:
        return this.#abandon(payload)
      default:
        throw new ProtocolError(`a message of kind ${typeof kind === "number" ? kind : typeof kind}`)
    }
  }

  #begin(channel: number, head: BulkHead): void {
    const [id, , lengths, channels] = head
    if (id <= this.#lastId || id > 0xffff_ffff) throw new ProtocolError(`message ${id} in pieces is not a new one`)
    let bytes = 0
    for (const length of lengths) bytes += length
    if (bytes > MAX_MESSAGE_BYTES || bytes === 0) throw new ProtocolError(`a message of ${bytes} bytes in pieces`)
    if (this.#coming.size >= MAX_COMING || this.#bytes + bytes > MAX_COMING_BYTES) {
      throw new ProtocolError(`${this.#coming.size + 1} messages of ${this.#bytes + bytes} bytes at a time`)
    }
    this.#lastId = id
    this.#handler.announce(channels)
    this.#bytes += bytes
    this.#coming.set(id, { channel, head, buffers: [], at: 0, offset: 0, bytes })
  }

  #piece(pieces: readonly Buffer[]): boolean {
    const { id, bytes } = readPiece(pieces)
    const coming = this.#coming.get(id)
    if (!coming) throw new ProtocolError(`a piece of message ${id}, which is not on its way`)
    for (const piece of bytes) fill(coming, piece)
    if (coming.at < coming.head[2].length) return false
    this.#forget(id, coming)
    const [json, ...parts] = coming.buffers
    const text = Buffer.from(json!.buffer).toString()
    const memory = parts.map(p => p.buffer)
    this.#handler.message(coming.channel, parse(text), coming.head[1] === 1, memory)
    return true
  }

  #abandon(id: unknown): void {
    const coming = this.#coming.get(id as number)
    if (!coming) throw new ProtocolError("the end of a message that is not on its way")
    this.#forget(id as number, coming)
    this.#handler.withdraw(coming.head[3])
  }

  #forget(id: number, coming: Coming): void {
    this.#coming.delete(id)
    this.#bytes -= coming.bytes
  }
}

/** Every byte of it is written before anybody sees it. */
function allocate(length: number): Uint8Array<ArrayBuffer> {
  const spare = spareMemory.take(length)
  if (spare) return new Uint8Array(spare)
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new ProtocolError(`there is no memory for a part of ${length} bytes`, { cause })
  }
}

function fill(coming: Coming, piece: Buffer): void {
  let rest: Uint8Array = piece
  while (rest.byteLength > 0) {
    const buffer = bufferFor(coming)
    if (!buffer) throw new ProtocolError("more pieces of a message than it has bytes")
    const room = buffer.byteLength - coming.offset
    const bytes = rest.byteLength > room ? rest.subarray(0, room) : rest
    buffer.set(bytes, coming.offset)
    coming.offset += bytes.byteLength
    rest = rest.subarray(bytes.byteLength)
    bufferFor(coming, rest.byteLength > 0)
  }
}

/** Where the next byte goes: past the buffers that are full, empty ones among them. Undefined when there is none. */
function bufferFor(coming: Coming, make = true): Uint8Array<ArrayBuffer> | undefined {
  const lengths = coming.head[2]
  while (coming.at < lengths.length && coming.offset === lengths[coming.at]) {
    if (coming.buffers.length === coming.at) coming.buffers.push(allocate(0))
    coming.at += 1
    coming.offset = 0
  }
  if (make && coming.at < lengths.length && coming.buffers.length === coming.at) {
    coming.buffers.push(allocate(lengths[coming.at]!))
  }
  return coming.buffers[coming.at]
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new ProtocolError("a message is not JSON", { cause })
  }
}
