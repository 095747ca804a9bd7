/**
 * The channels that belong to one call: those made for callbacks, streams and signals in its message. They end with the
 * call, so that nothing is left behind by a function that was passed a million callbacks. Most calls have none: its lists are
 * made when they are needed.
 */
import type { MessagePort } from "node:worker_threads"
import type { FlameError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import type { Refers } from "./codec/types.ts"
import type { Held } from "./held.ts"

const NONE: readonly never[] = []

export class Scope {
  #calls: Channel[] | undefined
  #streams: Channel[] | undefined
  #lasting: Channel[] | undefined
  #objects: Held[] | undefined
  #ports: MessagePort[] | undefined
  /** The message holds what can be sent once: a stream, or a port. */
  single = false

  /**
   * @param functions Whether plain functions may be passed. A request carries callbacks; an answer does not, since nobody
   * would know when they are over (`proxy(fn)` says who releases it).
   * @param refers Which objects cross by reference; undefined: none.
   * @param kept What crosses by reference outlives the line.
   */
  constructor(
    readonly functions = true,
    readonly refers: Refers | undefined = undefined,
    readonly kept = false,
  ) {}

  /** Over when the stream is: a call that returned one is not done before. */
  get streams(): readonly Channel[] {
    return this.#streams ?? NONE
  }

  /** Objects held by reference: like a stream, each of them keeps the call that returned it from being done. */
  get objects(): readonly Held[] {
    return this.#objects ?? NONE
  }

  /** Ports made for this message, to be put in the transfer list if it is posted on. */
  get ports(): readonly MessagePort[] {
    return this.#ports ?? NONE
  }

  /** Over when the call settles. */
  addCall(channel: Channel): void {
    this.#calls ??= []
    this.#calls.push(channel)
  }

  addStream(channel: Channel): void {
    this.#streams ??= []
    this.#streams.push(channel)
  }

  /** Explicit proxies and transferred ports: not the call's, they live until released. */
  addLasting(channel: Channel): void {
    this.#lasting ??= []
    this.#lasting.push(channel)
  }

  /** Its channel is not the call's to close: who holds the object releases it. */
  addObject(object: Held, channel: Channel): void {
    this.addLasting(channel)
    this.#objects ??= []
    this.#objects.push(object)
  }

  addPort(port: MessagePort): void {
    this.#ports ??= []
    this.#ports.push(port)
  }

  /** Ends what ends with the call. */
  closeCalls(reason: FlameError): void {
    if (this.#calls) for (const channel of this.#calls) channel.close(reason)
  }

  all(): readonly Channel[] {
    if (!this.#calls && !this.#streams && !this.#lasting) return NONE
    return [...(this.#calls ?? NONE), ...(this.#streams ?? NONE), ...(this.#lasting ?? NONE)]
  }

  /** The numbers of all its channels. */
  ids(): readonly number[] {
    return this.all().map(channel => channel.id)
  }

  /** Ends everything: nobody will use it. */
  closeAll(reason: FlameError): void {
    for (const channel of this.all()) channel.close(reason)
  }

  /** Calls `done` once all streams are over; returns false (and never calls it) when there are none. */
  onStreamsOver(done: () => void): boolean {
    const streams = this.#streams
    if (!streams) return false
    let open = streams.length
    const over = () => {
      open -= 1
      if (open === 0) done()
    }
    for (const stream of streams) stream.onClose(over)
    return true
  }

  /** Calls `done` once all streams and all objects held by reference are over; false as above. */
  onOver(done: () => void): boolean {
    const { objects } = this
    if (objects.length === 0) return this.onStreamsOver(done)
    let open = objects.length + 1
    const over = () => {
      open -= 1
      if (open === 0) done()
    }
    for (const object of objects) object.onOver(over)
    if (!this.onStreamsOver(over)) over()
    return true
  }
}
