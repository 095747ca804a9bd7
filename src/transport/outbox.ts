/**
 * What a session has to send, in packets: the small messages of one turn go together, large ones in pieces that take turns with
 * each other and let the small ones by. Owns the order: messages of one channel never overtake each other, and none is ahead
 * of the message that names its channel. Knows neither values nor sockets.
 */
import { constants } from "node:buffer"
import { PayloadTooLargeError } from "../shared/errors.ts"
import { Bulk } from "./bulk.ts"
import type { Packet } from "./connection.ts"
import { encodeFrame, MAX_PARTS } from "./frame.ts"
import { BATCH_CHARS, BATCH_MESSAGES, INLINE_BYTES, Kind, MAX_NAMED, type TextKind } from "./packet.ts"
import { MAX_MESSAGE_BYTES } from "./protocol.ts"

/** What the outbox needs of its line. */
export interface Wire {
  send(packet: Packet): void
  /** Bytes of bulk data that may be sent now; `Outbox.pump` is called when it grows. */
  readonly credit: number
  together(fn: () => void): void
}

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

export class Outbox {
  readonly #wire: Wire
  /** Channels whose messages may overtake each other: the root's, which are calls and answers of their own. */
  readonly #unordered: number
  #batch = ""
  #messages = 0
  #scheduled = false
  #bulks: Bulk[] = []
  readonly #begun = new Map<Bulk, Outgoing>()
  #turn = 0
  #nextBulk = 1
  /** By channel: what waits until a message in pieces has been sent. */
  readonly #held = new Map<number, Outgoing[]>()
  #idle: (() => void)[] = []

  constructor(wire: Wire, unordered: number) {
    this.#wire = wire
    this.#unordered = unordered
  }

  /** A small message of text alone: the way of nearly all. */
  post(channel: number, kind: TextKind, json: string): void {
    if (this.#held.size === 0 || !this.#held.has(channel)) this.#append(kind, channel, json)
    else this.send({ channel, kind, json, parts: NONE, bulk: undefined, opened: NONE, after: NONE })
  }

  /** Any message. */
  send(message: Outgoing): void {
    const line = this.#held.size === 0 ? undefined : this.#lineBefore(message)
    if (line) line.push(message)
    else this.#dispatch(message)
  }

  /** Sends no more of it. Returns false when all of it has been sent. */
  abandon(bulk: Bulk): boolean {
    const message = this.#begun.get(bulk)
    if (message) {
      this.#append(Kind.abandon, message.channel, String(bulk.id))
      this.#bulks.splice(this.#bulks.indexOf(bulk), 1)
      this.#gone(bulk, message)
      return true
    }
    for (const line of this.#held.values()) {
      const at = line.findIndex(m => m.bulk === bulk)
      if (at < 0) continue
      line.splice(at, 1)
      bulk.onGone?.()
      return true
    }
    return false
  }

  /** Sends what can be sent now. */
  pump(): void {
    if (this.#messages > 0) this.#flush()
    if (this.#bulks.length > 0 && this.#wire.credit > 0) this.#wire.together(() => this.#sendPieces())
  }

  /** Resolves when nothing waits here: all of it is with the line. */
  async emptied(): Promise<void> {
    this.pump()
    if (this.#empty) return
    await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  /** The line is over: nothing more will be sent. */
  end(): void {
    this.#batch = ""
    this.#messages = 0
    const begun = [...this.#begun.keys()]
    this.#begun.clear()
    this.#bulks = []
    this.#held.clear()
    for (const bulk of begun) bulk.onGone?.()
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  get #empty(): boolean {
    return this.#messages === 0 && this.#bulks.length === 0 && this.#held.size === 0
  }

  #append(kind: number, channel: number, json: string): void {
    this.#batch += this.#messages === 0 ? `[${kind},${channel},${json}` : `,${kind},${channel},${json}`
    this.#messages += 1
    if (this.#messages >= BATCH_MESSAGES || this.#batch.length >= BATCH_CHARS) this.#flush()
    else this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After the code that sends, and after the promise reactions that send because of it: one packet for all of them.
    process.nextTick(this.#onTick)
  }

  readonly #onTick = (): void => {
    this.#scheduled = false
    this.pump()
  }

  #flush(): void {
    const batch = this.#batch
    this.#batch = ""
    this.#messages = 0
    this.#wire.send(`${batch}]`)
    if (this.#idle.length > 0) this.#tellIdle()
  }

  /** Where `message` has to wait, if it has to. */
  #lineBefore(message: Outgoing): Outgoing[] | undefined {
    const own = this.#held.get(message.channel)
    if (own) return own
    for (const channel of message.after) {
      const line = this.#held.get(channel)
      if (line) return line
    }
    return undefined
  }

  #dispatch(message: Outgoing): void {
    const { channel, kind, json, parts, bulk } = message
    if (bulk) this.#begin(message, bulk)
    else if (parts.length === 0) this.#append(kind, channel, json)
    else {
      if (this.#messages > 0) this.#flush() // in order
      this.#wire.send(encodeFrame(channel, json, kind === Kind.rich, parts))
    }
  }

  #begin(message: Outgoing, bulk: Bulk): void {
    bulk.id = this.#nextBulk++
    const head = [bulk.id, message.kind, bulk.lengths, message.opened]
    this.#bulks.push(bulk)
    this.#begun.set(bulk, message)
    for (const channel of this.#heldBy(message)) this.#held.set(channel, [])
    const json = JSON.stringify(head)
    if (json.length > BATCH_CHARS && this.#messages > 0) this.#flush() // it fits into a packet, but only just
    this.#append(Kind.begin, message.channel, json)
  }

  #heldBy(message: Outgoing): readonly number[] {
    return message.channel === this.#unordered ? message.opened : [message.channel, ...message.opened]
  }

  #sendPieces(): void {
    while (this.#bulks.length > 0 && this.#wire.credit > 0) {
      this.#turn = this.#turn >= this.#bulks.length ? 0 : this.#turn
      const bulk = this.#bulks[this.#turn]!
      this.#wire.send(bulk.next())
      if (!bulk.done) this.#turn += 1
      else {
        this.#bulks.splice(this.#turn, 1)
        this.#gone(bulk, this.#begun.get(bulk)!)
        if (this.#messages > 0) this.#flush()
      }
    }
  }

  /** Nothing more of the message will be sent: what waited for it goes on. */
  #gone(bulk: Bulk, message: Outgoing): void {
    this.#begun.delete(bulk)
    for (const channel of this.#heldBy(message)) {
      const line = this.#held.get(channel) ?? []
      this.#held.delete(channel)
      for (const waiting of line) this.send(waiting) // which may wait again, for another one
    }
    bulk.onGone?.()
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#empty) for (const resolve of this.#idle.splice(0)) resolve()
  }
}

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
  const own = parts.map(p => (p.owned ? p.bytes : p.bytes.slice()))
  const bulk = bytes > INLINE_BYTES ? new Bulk([Buffer.from(json), ...own]) : undefined
  return { channel, kind, json: bulk ? "" : json, parts: bulk ? NONE : own, bulk, opened, after }
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
