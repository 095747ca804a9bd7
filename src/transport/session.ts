/**
 * All channels of one data line. Owns their ids, routes messages to them, and turns values into messages and back through the
 * codec. The root channel (0) carries the guarded RPC, the raw one (1) the user's own Comlink or port protocol.
 */
import { ConnectionError, type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Bulk } from "./bulk.ts"
import { Channel, type ChannelHost } from "./channel.ts"
import { decodeTree, encode } from "./codec/index.ts"
import { Inbox } from "./inbox.ts"
import { lowerLive, raiseLive } from "./live-values.ts"
import { Outbox, type Wire } from "./outbox.ts"
import { outgoing } from "./outgoing.ts"
import { Kind, type TextKind } from "./packet.ts"
import type { RemoteObject } from "./remote-object.ts"
import { Scope } from "./scope.ts"

const ROOT = 0
const RAW = 1
const FIRST_DYNAMIC = 2

/** For messages that name no channels: there is nothing in it, and nothing is added. */
const NOTHING = new Scope(false)

/** Channels announced by messages in pieces, at a time. More is no honest peer. */
const MAX_ANNOUNCED = 1_000_000

/** Channels at a time. Each live value of a peer's takes a few hundred bytes here, and what it names may never be closed. */
const MAX_CHANNELS = 1_000_000

export class Session implements ChannelHost {
  readonly root: Channel
  readonly raw: Channel
  /** A callback of this side threw, and the other side may not be waiting for its answer. */
  readonly callbackFailed: (error: unknown) => void
  /** Makes what the user holds of an object of the other side's. */
  holder: (object: RemoteObject) => unknown = object => object
  readonly #outbox: Outbox
  readonly #inbox: Inbox
  readonly #channels = new Map<number, Channel>()
  /** Channels of the peer's that a message on its way names. */
  readonly #announced = new Set<number>()
  #nextId: number
  /** Ids this side makes are even on the parent, odd on the runner; they are never reused. */
  readonly #parity: number
  #highestPeerId = FIRST_DYNAMIC - 1
  #over: FlameError | undefined

  /**
   * @param wire What its packets go out on.
   * @param callbackFailed Hears when a callback of this side threw. Its caller is told as well, but need not be listening.
   */
  constructor(side: "parent" | "runner", wire: Wire, callbackFailed: (error: unknown) => void) {
    this.callbackFailed = callbackFailed
    this.#parity = side === "parent" ? 0 : 1
    this.#nextId = FIRST_DYNAMIC + this.#parity
    this.#outbox = new Outbox(wire, ROOT)
    this.#inbox = new Inbox({
      message: (channel, tree, rich, parts) => this.#deliver(channel, tree, rich, parts),
      close: channel => this.#peerClosed(channel),
      announce: channels => this.#announce(channels),
      withdraw: channels => this.#withdraw(channels),
    })
    this.root = this.#add(ROOT)
    this.raw = this.#add(RAW)
  }

  /** Channels open now, the two fixed ones included. For statistics and leak tests. */
  get size(): number {
    return this.#channels.size
  }

  /** A new channel of this side. The peer learns of it by a reference inside a message. */
  open(): Channel {
    const id = this.#nextId
    this.#nextId += 2
    return this.#add(id)
  }

  /** The peer's channel that a reference in a message names. @throws ProtocolError when it cannot be a new one. */
  adopt(id: unknown): Channel {
    if (!this.#announced.delete(id as number)) this.#checkNew(id)
    if (this.#channels.size >= MAX_CHANNELS) throw new ProtocolError(`more than ${MAX_CHANNELS} channels at a time`)
    return this.#add(id as number)
  }

  /** A text packet of the peer. @throws ProtocolError */
  text(data: string): void {
    this.#inbox.text(data)
  }

  /** A binary packet of the peer. Returns true when it was the last piece of a message. @throws ProtocolError */
  binary(pieces: readonly Buffer[]): boolean {
    return this.#inbox.binary(pieces)
  }

  /** The line can take more. */
  pump(): void {
    this.#outbox.pump()
  }

  /** Resolves when all that was sent is with the line. */
  async flushed(): Promise<void> {
    await this.#outbox.emptied()
  }

  /** The line is over, for this reason: so is everything on it. */
  fail(reason: FlameError): void {
    if (this.#over) return
    this.#over = reason
    for (const channel of [...this.#channels.values()]) channel.end(reason)
    this.#channels.clear()
    this.#outbox.end()
    this.#inbox.end()
  }

  /** Without a scope nobody ends what a plain function opens, so the message may hold none. */
  transmit(channel: Channel, message: unknown, scope?: Scope, after?: Scope): Bulk | undefined {
    const opened = scope ?? new Scope(false)
    try {
      const { json, rich, parts } = encode(
        message,
        (value, path) => lowerLive(value, path, this, opened),
        undefined,
        true,
        opened.refers,
      )
      const whole = outgoing(channel.id, rich, json, parts, opened.ids(), after?.ids())
      this.#outbox.send(whole)
      return whole.bulk
    } catch (error) {
      this.#unsend(opened, error)
      throw error
    }
  }

  transmitText(channel: Channel, json: string, kind: TextKind): void {
    this.#outbox.post(channel.id, kind, json)
  }

  /** What is left of a message that is being sent is not sent. False: all of it is on its way already. */
  abandon(bulk: Bulk, scope: Scope): boolean {
    if (!this.#outbox.abandon(bulk)) return false
    this.#unsend(scope, undefined)
    return true
  }

  retire(channel: Channel): void {
    if (this.#channels.delete(channel.id)) this.#outbox.post(channel.id, Kind.close, "0")
  }

  /** Nothing was sent: the peer must not hear of channels that only this message named, not even that they are closed. */
  #unsend(scope: Scope, cause: unknown): void {
    for (const channel of scope.all()) {
      this.#channels.delete(channel.id)
      channel.end(new ConnectionError("the message was not sent", { cause }))
    }
  }

  #deliver(id: number, tree: unknown, rich: boolean, parts: readonly ArrayBuffer[]): void {
    const channel = this.#channels.get(id)
    if (!channel) this.#checkKnown(id) // closed here while the message was on its way
    if (!rich && parts.length === 0) {
      channel?.deliver(tree, NOTHING)
      return
    }
    const adopted = new Scope()
    const message = decodeTree(tree, rich, parts, ref => raiseLive(ref, this, adopted))
    if (channel) channel.deliver(message, adopted)
    // Nobody reads the message, but the peer goes on to speak of the channels that were named in it.
    else adopted.closeAll(new ConnectionError("the message came on a channel that is closed"))
  }

  /** The peer closed one of its or our channels. @throws ProtocolError */
  #peerClosed(id: number): void {
    const channel = this.#channels.get(id)
    if (!channel) return this.#checkKnown(id)
    if (id === ROOT || id === RAW) throw new ProtocolError(`channel ${id} cannot be closed`)
    this.#channels.delete(id)
    channel.end(new ConnectionError("the other side closed the channel"))
  }

  #announce(channels: readonly number[]): void {
    for (const id of channels) {
      this.#checkNew(id)
      this.#announced.add(id)
    }
    if (this.#announced.size > MAX_ANNOUNCED) throw new ProtocolError("too many channels are announced")
  }

  #withdraw(channels: readonly number[]): void {
    for (const id of channels) this.#announced.delete(id)
  }

  /** Not in order: a message may have had to wait while others, with higher ids in them, went by. */
  #checkNew(id: unknown): void {
    const n = id as number
    const theirs = Number.isSafeInteger(n) && n >= FIRST_DYNAMIC && n % 2 !== this.#parity
    if (!theirs || this.#channels.has(n) || this.#announced.has(n)) {
      const name = typeof id === "number" ? id : "?" // what is no number may be anything, and large
      throw new ProtocolError(`a message refers to channel ${name}, which is not a new one of the peer's`)
    }
    if (n > this.#highestPeerId) this.#highestPeerId = n
  }

  #add(id: number): Channel {
    const channel = new Channel(id, this)
    if (this.#over) channel.end(this.#over)
    else this.#channels.set(id, channel)
    return channel
  }

  #checkKnown(id: number): void {
    const ours = id % 2 === this.#parity
    if (id >= FIRST_DYNAMIC && (ours ? id < this.#nextId : id <= this.#highestPeerId)) return
    throw new ProtocolError(`a message for channel ${id}, which never was`)
  }
}
