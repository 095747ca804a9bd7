/**
 * All channels of one data connection. Owns their ids, routes frames to them, and turns values into frames and back through
 * the codec. The root channel (0) carries the guarded RPC, the raw one (1) the user's own Comlink or port protocol.
 */
import { ConnectionError, type FlameError, ProtocolError } from "../shared/errors.ts"
import { Channel, type ChannelHost } from "./channel.ts"
import { decode, encode } from "./codec/index.ts"
import type { Frame } from "./frame.ts"
import { lowerLive, raiseLive } from "./live-values.ts"
import { Scope } from "./scope.ts"

const ROOT = 0
const RAW = 1
const FIRST_DYNAMIC = 2

/** What a session needs of its connection. */
export interface SessionLink {
  sendFrame(channel: number, json: string, rich: boolean, parts: readonly Uint8Array[]): void
  sendClose(channel: number): void
  /** A callback of this side threw. Its caller is told as well, but need not be listening. */
  callbackFailed(error: unknown): void
}

export class Session implements ChannelHost {
  readonly root: Channel
  readonly raw: Channel
  readonly #link: SessionLink
  readonly #channels = new Map<number, Channel>()
  #nextId: number
  /** Ids this side makes are even on the parent, odd on the runner; they are never reused. */
  readonly #parity: number
  #highestPeerId = FIRST_DYNAMIC - 1
  #over: FlameError | undefined

  constructor(side: "parent" | "runner", link: SessionLink) {
    this.#link = link
    this.#parity = side === "parent" ? 0 : 1
    this.#nextId = FIRST_DYNAMIC + this.#parity
    this.root = this.#add(ROOT)
    this.raw = this.#add(RAW)
  }

  /** A callback of this side threw, and the other side may not be waiting for its answer. */
  callbackFailed(error: unknown): void {
    this.#link.callbackFailed(error)
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
    if (!Number.isSafeInteger(id) || (id as number) <= this.#highestPeerId || (id as number) % 2 === this.#parity) {
      throw new ProtocolError(`a message refers to channel ${String(id)}, which is not a new one of the peer's`)
    }
    this.#highestPeerId = id as number
    return this.#add(id as number)
  }

  /** Handles one frame. @throws ProtocolError */
  receive(frame: Frame): void {
    const channel = this.#channels.get(frame.channel)
    if (!channel) {
      this.#checkKnown(frame.channel)
      if (!frame.rich) return // closed here while the frame was on its way
    }
    const adopted = new Scope()
    const message = decode(frame.json, frame.rich, frame.parts, ref => raiseLive(ref, this, adopted))
    if (channel) channel.deliver(message, adopted)
    // Nobody reads the message, but the peer goes on to speak of the channels that were named in it.
    else adopted.closeAll(new ConnectionError("the message came on a channel that is closed"))
  }

  /** The peer closed one of its or our channels. @throws ProtocolError */
  peerClosed(id: number): void {
    const channel = this.#channels.get(id)
    if (!channel) return this.#checkKnown(id)
    if (id === ROOT || id === RAW) throw new ProtocolError(`channel ${id} cannot be closed`)
    this.#channels.delete(id)
    channel.end(new ConnectionError("the other side closed the channel"))
  }

  /** The connection is over, for this reason: so is everything on it. */
  fail(reason: FlameError): void {
    if (this.#over) return
    this.#over = reason
    for (const channel of [...this.#channels.values()]) channel.end(reason)
    this.#channels.clear()
  }

  /** Without a scope nobody ends what a plain function opens, so the message may hold none. */
  transmit(channel: Channel, message: unknown, scope?: Scope): void {
    const opened = scope ?? new Scope(false)
    try {
      const { json, rich, parts } = encode(message, (value, path) => lowerLive(value, path, this, opened))
      this.#link.sendFrame(
        channel.id,
        json,
        rich,
        parts.map(part => part.bytes),
      )
    } catch (error) {
      // Nothing was sent: the peer must not hear of channels that only this message named, not even that they are closed.
      for (const unsent of opened.all()) {
        this.#channels.delete(unsent.id)
        unsent.end(new ConnectionError("the message was not sent", { cause: error }))
      }
      throw error
    }
  }

  retire(channel: Channel): void {
    if (this.#channels.delete(channel.id)) this.#link.sendClose(channel.id)
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
