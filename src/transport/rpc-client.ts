/**
 * The calling end of RPC on one channel. Speaks Comlink's message protocol, so that the other end may be unmodified Comlink,
 * but every request settles: with the answer, or with the reason why the channel is over.
 */
import { transferHandlers, wrap } from "comlink"
import { ConnectionError, type FlameError, ProtocolError, RunnerDrainingError } from "../shared/errors.ts"
import type { Bulk } from "./bulk.ts"
import type { Channel } from "./channel.ts"
import { wireProblem } from "./comlink-guard.ts"
import { isError, wordsOf } from "./error-shape.ts"
import type { Held } from "./held.ts"
import { Kind } from "./packet.ts"
import type { Marks, ReplyMessage, WireValue } from "./protocol.ts"
import { raiseError } from "./remote-error.ts"
import { callText } from "./rpc-text.ts"
import { Scope } from "./scope.ts"
import { endStream } from "./stream-sink.ts"
import { inUserTerms } from "./value-path.ts"

/** Who waits for an answer. One of resolve and reject is called, then `done`; `done` alone when the
 * request was abandoned before all of it was sent. */
export interface Waiter {
  resolve(value: unknown): void
  /**
   * @param refused The request was not begun, and will not be.
   * @param interrupted It ended since the runner drains, and is to go on elsewhere.
   */
  reject(error: unknown, refused?: boolean, interrupted?: boolean): void
  /** The arguments hold streams or ports, which are this request's: they cannot go with another. */
  spends?(): void
  /**
   * The answer has come and its streams have ended, but these objects of it are held here: nothing runs, and `done` follows when
   * they are over. Called without a `this`; the objects lead to no answer.
   */
  holds?: (objects: readonly Held[]) => void
  /**
   * The remote work is over for good: the answer came and what it held has ended. Called without a `this`, and kept
   * until then: what it refers to must not lead to the answer.
   */
  done: () => void
}

interface Pending {
  readonly waiter: Waiter
  /** Channels in the arguments; undefined when there can be none. */
  readonly scope: Scope | undefined
  /** The request itself, while it is being sent in pieces: not longer, its memory may be most of what there is. */
  bulk: Bulk | undefined
  /** It was cancelled: nobody reads the streams in its answer. */
  givenUp?: FlameError
}

export class RpcClient {
  readonly #channel: Channel
  readonly #pending = new Map<number, Pending>()
  /** Streams in answers that are not over yet, by request. */
  readonly #streaming = new Map<number, readonly Channel[]>()
  #nextId = 1

  constructor(channel: Channel) {
    this.#channel = channel
    channel.receive((message, adopted) => this.#onReply(message as ReplyMessage, adopted))
    channel.onClose(reason => this.#fail(reason))
  }

  /** Requests sent and not answered. */
  get pending(): number {
    return this.#pending.size
  }

  /**
   * Calls the function at `path`. Arguments are encoded before this returns.
   * @param marks How it differs from an ordinary request.
   * @returns the request's id, for `cancel`
   * @throws NotSerializableError, PayloadTooLargeError. Nothing was sent then and `waiter` hears nothing.
   */
  apply(path: readonly string[], args: readonly unknown[], waiter: Waiter, marks?: Marks): number {
    const text = this.#channel.closed || marks ? undefined : callText(this.#nextId, path, args)
    if (text !== undefined) {
      const id = this.#nextId++
      this.#channel.sendText(text, Kind.call)
      this.#pending.set(id, { waiter, scope: undefined, bulk: undefined })
      return id
    }
    const argumentList = args.map(value => ({ type: "RAW", value }))
    return this.#request({ type: "APPLY", path, argumentList, ...marks }, waiter)
  }

  /** Reads the property at `path`. */
  get(path: readonly string[], waiter: Waiter, marks?: Marks): number {
    return this.#request({ type: "GET", path, ...marks }, waiter)
  }

  /** Has the object disposed of that is served on the channel. */
  release(waiter: Waiter): number {
    return this.#request({ type: "RELEASE" }, waiter)
  }

  /**
   * Aborts a request: the remote function's signal fires. The answer still comes when the work has really ended. Where it
   * came already and its streams are open, they reject with `error` and their producers are told to end.
   */
  cancel(id: number, reason: unknown, error: FlameError = givenUp): void {
    const streams = this.#streaming.get(id)
    const pending = this.#pending.get(id)
    if (!streams && !pending) return
    if (pending?.bulk && pending.scope && this.#channel.abandon(pending.bulk, pending.scope)) {
      // The other side has not seen the request, and will not: nothing runs that could answer.
      this.#pending.delete(id)
      pending.waiter.done()
      return
    }
    if (pending) pending.givenUp = error
    const cancel = (why: unknown) => this.#channel.send({ id: this.#nextId++, type: "CANCEL", target: id, reason: why })
    try {
      cancel(reason)
    } catch {
      // Whatever is wrong with the reason, it must not keep the abort from crossing.
      cancel(isError(reason) ? wordsOf(reason) : undefined)
    }
    for (const stream of streams ?? []) endStream(stream, error)
  }

  #request(message: Record<string, unknown>, waiter: Waiter): number {
    const id = this.#nextId++
    if (this.#channel.closed) {
      waiter.reject(this.#channel.closed)
      waiter.done()
      return id
    }
    const scope = new Scope()
    message.id = id
    try {
      const bulk = this.#channel.send(message, scope)
      if (scope.single) waiter.spends?.()
      const pending: Pending = { waiter, scope, bulk }
      if (bulk) {
        bulk.onGone = () => {
          pending.bulk = undefined
        }
      }
      this.#pending.set(id, pending)
    } catch (error) {
      throw inUserTerms(error)
    }
    return id
  }

  #onReply(reply: ReplyMessage, adopted: Scope): void {
    const id = reply?.id as number
    const pending = this.#pending.get(id)
    // Only a number is put into words: to ask a peer's remote object for its text would be a call.
    if (!pending)
      throw new ProtocolError(`an answer to request ${typeof id === "number" ? id : "?"}, which is not open`)
    this.#pending.delete(id)
    const { waiter, scope } = pending
    // `over` waits on the streams in the answer: did it hold the waiter, and so the promise of the answer, none of them could
    // ever be collected.
    const { done, holds } = waiter
    const { streams, objects } = adopted
    if (streams.length > 0) this.#streaming.set(id, streams)
    try {
      waiter.resolve(settledValue(fromWire(reply)))
    } catch (error) {
      waiter.reject(error, reply.refused === true, reply.interrupted === true)
    }
    if (pending.givenUp) {
      for (const stream of streams) endStream(stream, pending.givenUp)
      for (const object of objects) void object.letGo()
    }
    const over = () => {
      this.#streaming.delete(id)
      if (scope) {
        scope.closeCalls(settled)
        for (const stream of scope.streams) stream.close(settled)
      }
      done()
    }
    if (!adopted.onOver(over)) over()
    else if (objects.length > 0 && holds) {
      const rest = () => holds(objects)
      if (!adopted.onStreamsOver(rest)) rest()
    }
  }

  #fail(reason: FlameError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { waiter, scope } of pending) {
      scope?.closeAll(reason)
      waiter.reject(reason, reason instanceof RunnerDrainingError)
      waiter.done()
    }
  }
}

/**
 * To resolve a promise with something that has a `then` is to call it: were that a function of the other side's, the call would
 * never settle, and nobody would hear how its own fails.
 */
function settledValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  if (typeof (value as { then?: unknown }).then !== "function") return value
  throw new ProtocolError("the result is a promise of the other side's, which cannot be awaited here", {
    hint: "await it there: results of functions are awaited, what is inside of them is not",
  })
}

const givenUp = new ConnectionError("the call was given up")

/** Not an error anybody sees: the reason with which a settled call's callbacks are closed. */
const settled = new ProtocolError("the call that this belonged to has settled")

/** The value of a wire value; throws what the other side threw. */
export function fromWire(wire: WireValue): unknown {
  if (wire?.type === "RAW") return wire.value
  // Comlink's handlers call methods of what they are given, and on a peer's remote object that is a call back to it.
  const problem = wireProblem(wire)
  if (problem) throw problem
  if (wire.name === "throw") throw raiseError(wire.value)
  // Only real Comlink on the other side makes these: its proxy() of an object arrives as a port.
  if (wire.name === "proxy") return wrap(wire.value as Parameters<typeof wrap>[0])
  return transferHandlers.get(wire.name)!.deserialize(wire.value)
}
