/**
 * One ordered stream of messages inside a connection. A channel is what a MessagePort is between threads: made by either
 * side, closed by either side, and over with the connection. Knows no RPC; `Session` makes and routes them.
 */
import { type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Bulk } from "./bulk.ts"
import type { TextKind } from "./packet.ts"
import type { Scope } from "./scope.ts"

/** What a channel needs of its session. */
export interface ChannelHost {
  /**
   * Encodes and sends. Channels opened for live values in `message` are added to `scope`; it is sent after what was sent on
   * the channels of `after`. @returns what is being sent in pieces. @throws NotSerializableError
   */
  transmit(channel: Channel, message: unknown, scope?: Scope, after?: Scope): Bulk | undefined
  transmitText(channel: Channel, json: string, kind: TextKind): void
  abandon(bulk: Bulk, scope: Scope): boolean
  /** The channel was closed on this side. */
  retire(channel: Channel): void
}

/** Messages kept until somebody listens. An honest peer waits for that: more would fill memory that nobody will ever empty. */
const MAX_EARLY = 1_024

export class Channel {
  readonly id: number
  readonly #host: ChannelHost
  #receiver: ((message: unknown, adopted: Scope) => void) | undefined
  /** Messages that came before anyone listened. */
  #early: [unknown, Scope][] | undefined
  #closeListeners: ((reason: FlameError) => void)[] | undefined
  #closed: FlameError | undefined

  constructor(id: number, host: ChannelHost) {
    this.id = id
    this.#host = host
  }

  /** Why the channel is over, or undefined while it is open. */
  get closed(): FlameError | undefined {
    return this.#closed
  }

  /**
   * Sends one message; on a closed channel it does nothing.
   * @param scope Collects the channels made for functions, streams and signals in the message, so that they can be closed
   * with the call they belong to; a new one for each message. Without it the message may hold no plain function and no signal.
   * @param after It arrives after everything that was sent on these channels.
   * @returns A message so large that it is sent in pieces, for `abandon`.
   * @throws NotSerializableError, PayloadTooLargeError. Nothing was sent then.
   */
  send(message: unknown, scope?: Scope, after?: Scope): Bulk | undefined {
    return this.#closed ? undefined : this.#host.transmit(this, message, scope, after)
  }

  /** Sends a message that is encoded already, and small. */
  sendText(json: string, kind: TextKind): void {
    if (!this.#closed) this.#host.transmitText(this, json, kind)
  }

  /**
   * Sends no more of a message, and forgets the channels that it named. Returns false, and changes nothing, when all of it has
   * been sent.
   */
  abandon(bulk: Bulk, scope: Scope): boolean {
    return !this.#closed && this.#host.abandon(bulk, scope)
  }

  /** Sets the one receiver. What came before is handed to it now. */
  receive(receiver: (message: unknown, adopted: Scope) => void): void {
    this.#receiver = receiver
    const early = this.#early
    this.#early = undefined
    for (const [message, adopted] of early ?? []) receiver(message, adopted)
  }

  /** Calls `listener` once, when the channel is over; at once if it already is. */
  onClose(listener: (reason: FlameError) => void): void {
    if (this.#closed) return listener(this.#closed)
    this.#closeListeners ??= []
    this.#closeListeners.push(listener)
  }

  /** Ends the channel and tells the other side. */
  close(reason: FlameError): void {
    if (this.#closed) return
    this.#host.retire(this)
    this.end(reason)
  }

  /** @internal A message of the peer. @throws ProtocolError when nobody listens and too many wait */
  deliver(message: unknown, adopted: Scope): void {
    if (this.#closed) return
    if (this.#receiver) return this.#receiver(message, adopted)
    this.#early ??= []
    if (this.#early.length >= MAX_EARLY) {
      throw new ProtocolError(`channel ${this.id} has ${MAX_EARLY} messages and nobody who listens`)
    }
    this.#early.push([message, adopted])
  }

  /** @internal The channel is over without our doing: the peer closed it, or the connection ended. */
  end(reason: FlameError): void {
    if (this.#closed) return
    this.#closed = reason
    this.#early = undefined
    const listeners = this.#closeListeners
    this.#closeListeners = undefined
    for (const listener of listeners ?? []) listener(reason)
  }
}
