/**
 * What a session has to send, in packets: the small messages of one turn go together, large ones in pieces that take turns with
 * each other and let the small ones by. Owns the order: messages of one channel never overtake each other, and none is ahead
 * of the message that names its channel. Knows neither values nor sockets.
 */
import type { Bulk } from "./bulk.ts"
import type { Packet } from "./connection.ts"
import { encodeFrame } from "./frame.ts"
import type { Outgoing } from "./outgoing.ts"
import { BATCH_CHARS, BATCH_MESSAGES, Kind, type TextKind } from "./packet.ts"

/** What the outbox needs of its line. */
export interface Wire {
  send(packet: Packet): void
  /** Bytes of bulk data that may be sent now; `Outbox.pump` is called when it grows. */
  readonly credit: number
  together(fn: () => void): void
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
    if (line) this.#wait(message, line)
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
      const [message] = line.splice(at, 1)
      this.#drop(message!.opened)
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

  /** What is said on the channels that a waiting message names has to wait for it, too. */
  #wait(message: Outgoing, line: Outgoing[]): void {
    line.push(message)
    for (const channel of message.opened) this.#hold(channel)
  }

  #hold(channel: number): void {
    if (!this.#held.has(channel)) this.#held.set(channel, [])
  }

  /** What waited on these channels goes on, or waits again, for another message. */
  #release(channels: readonly number[]): void {
    for (const channel of channels) {
      const line = this.#held.get(channel) ?? []
      this.#held.delete(channel)
      for (const waiting of line) {
        const again = this.#lineBefore(waiting)
        if (again) {
          this.#wait(waiting, again)
          continue
        }
        this.#dispatch(waiting)
        if (!waiting.bulk) this.#release(waiting.opened)
      }
    }
  }

  /** Nobody will hear of these channels, nor of those that are named only there. */
  #drop(channels: readonly number[]): void {
    for (const channel of channels) {
      const line = this.#held.get(channel) ?? []
      this.#held.delete(channel)
      for (const { bulk, opened } of line) {
        this.#drop(opened)
        bulk?.onGone?.()
      }
    }
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
    for (const channel of this.#heldBy(message)) this.#hold(channel)
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
    this.#release(this.#heldBy(message))
    bulk.onGone?.()
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#empty) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
