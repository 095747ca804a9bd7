/**
 * The consuming end of a stream: gives the producer credit, keeps what came early, and answers each step in order. Owns the
 * window and the buffer. What the user holds is a `RemoteStream` (stream.ts), which may be collected: this never leads to it
 * but while a step waits.
 */
import { ConnectionError, type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import { lowerError, raiseError } from "./remote-error.ts"
import { Scope } from "./scope.ts"
import { StreamCredit } from "./stream-credit.ts"
import { readToSink, type ToSource } from "./stream-message.ts"
import { inUserTerms, type PathNames } from "./value-path.ts"

type Step = IteratorResult<unknown, unknown>

interface Waiter {
  readonly kind: "next" | "return" | "throw"
  /** What `return` or `throw` was called with. */
  readonly value: unknown
  /** The user's stream: it must not be collected while somebody waits for it. */
  readonly owner: object
  resolve(step: Step): void
  reject(error: unknown): void
}

/** How the producer ended: with what it returned, or with what it threw. */
type Ending = { readonly value: unknown } | { readonly error: unknown }

const ARGUMENT: PathNames = [[/^value\[2\]/, "arguments[0]"]]

/** Not errors anybody sees: why the channel, or what an item referred to, is closed. */
const ended = new ConnectionError("the stream has ended")
const dropped = new ConnectionError("the stream was left before this item was read")

const sinks = new WeakMap<Channel, StreamSink>()

/**
 * Ends the stream on `channel` for its consumer: steps that wait, and all later ones, reject with `error`; the producer is
 * told to end. The channel closes when the producer has ended. Does nothing where no stream is consumed, or it is over.
 */
export function endStream(channel: Channel, error: FlameError): void {
  sinks.get(channel)?.fail(error)
}

export class StreamSink {
  readonly #channel: Channel
  readonly #credit = new StreamCredit()
  #buffer: { value: unknown; adopted: Scope }[] = []
  #waiting: Waiter[] = []
  /** `return`s and `throw`s among those who wait. */
  #controls = 0
  /** A `next` had a value: nothing is asked for ahead of the consumer any more. */
  #stepwise = false
  /** What was opened for values given to `next`, until the item with the number `at` is here. */
  #scopes: { at: number; scope: Scope }[] = []
  #ending: Ending | undefined
  /** Nothing more comes. */
  #over = false
  /** Why later steps reject; an orderly end has no such reason. */
  #failure: FlameError | undefined

  constructor(channel: Channel) {
    this.#channel = channel
    sinks.set(channel, this)
    channel.receive((message, adopted) => this.#onMessage(message, adopted))
    channel.onClose(reason => this.#closed(reason))
  }

  next(value: unknown, owner: object): Promise<Step> {
    const item = this.#buffer.shift()
    if (!item && this.#over) return this.#pastEnd()
    if (value !== undefined) this.#stepwise = true
    if (
      this.#stepwise &&
      !this.#over &&
      (value !== undefined || (!item && this.#wanted() >= this.#credit.outstanding))
    ) {
      try {
        this.#askWith(value)
      } catch (error) {
        if (item) this.#buffer.unshift(item)
        return Promise.reject(inUserTerms(error, ARGUMENT))
      }
    }
    if (item) {
      this.#take(item.value)
      return Promise.resolve({ done: false, value: item.value })
    }
    const answer = this.#wait("next", undefined, owner)
    this.#ask()
    return answer
  }

  return(value: unknown, owner: object): Promise<Step> {
    if (this.#over) {
      this.#drop()
      return Promise.resolve({ done: true, value })
    }
    return this.#control("return", value, value, owner)
  }

  throw(error: unknown, owner: object): Promise<Step> {
    if (this.#over) {
      this.#drop()
      return Promise.reject(error)
    }
    return this.#control("throw", error, lowerError(error), owner)
  }

  /** Ends the stream from outside: see `endStream`. */
  fail(error: FlameError): void {
    if (this.#over) return
    this.#over = true
    this.#failure = error
    this.#drop()
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error)
    this.#send(["leave"])
  }

  /** The user's stream was collected. */
  abandon(): void {
    this.fail(dropped)
  }

  #pastEnd(): Promise<Step> {
    const ending = this.#ending
    this.#ending = undefined
    if (ending)
      return "error" in ending ? Promise.reject(ending.error) : Promise.resolve({ done: true, value: ending.value })
    return this.#failure ? Promise.reject(this.#failure) : Promise.resolve({ done: true, value: undefined })
  }

  #wait(kind: Waiter["kind"], value: unknown, owner: object): Promise<Step> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind, value, owner, resolve, reject })
    })
  }

  /** Tells the producer what there is to tell. */
  #ask(): void {
    const more = this.#credit.due(this.#wanted(), this.#buffer.length, !this.#stepwise)
    if (more === undefined) return
    this.#send(["pull", this.#credit.taken, more])
    this.#credit.asked(more)
  }

  /** A step with a value. @throws NotSerializableError; nothing has happened then. */
  #askWith(value: unknown): void {
    const scope = new Scope()
    this.#send(["next", this.#credit.taken, value], scope)
    this.#credit.asked(1)
    this.#keep(scope, this.#credit.arrived + this.#credit.outstanding)
  }

  #keep(scope: Scope, at: number): void {
    if (scope.all().length > 0) this.#scopes.push({ at, scope })
  }

  #take(value: unknown): void {
    if (this.#over) return
    this.#credit.take(value)
    this.#ask()
  }

  /** `next`s that wait for an answer and came after the last `return` or `throw`. */
  #wanted(): number {
    const { length } = this.#waiting
    if (this.#controls === 0) return length
    return length - 1 - this.#waiting.findLastIndex(waiter => waiter.kind !== "next")
  }

  #control(kind: "return" | "throw", value: unknown, sent: unknown, owner: object): Promise<Step> {
    const scope = new Scope()
    try {
      this.#send([kind, this.#credit.arrived + this.#wanted(), sent], scope)
    } catch (error) {
      return Promise.reject(inUserTerms(error, ARGUMENT))
    }
    // What was asked for ahead is off: the producer forgets it too.
    this.#drop()
    this.#credit.reset()
    this.#controls += 1
    for (const entry of this.#scopes) entry.at = Number.POSITIVE_INFINITY
    this.#keep(scope, Number.POSITIVE_INFINITY)
    return this.#wait(kind, value, owner)
  }

  #onMessage(data: unknown, adopted: Scope): void {
    const message = readToSink(data)
    switch (message[0]) {
      case "items":
        return this.#onItems(message[1], adopted)
      case "end":
        return this.#onEnd({ value: message[1] }, adopted)
      case "error":
        return this.#onEnd({ error: raiseError(message[1]) }, adopted)
      case "answer":
        return this.#onAnswer(message[1], message[2], adopted)
      case "threw":
        return this.#onThrew(raiseError(message[1]), adopted)
    }
  }

  #onItems(values: readonly unknown[], adopted: Scope): void {
    if (this.#over) return adopted.closeAll(dropped) // left, and not all of the producer's words are here
    if (this.#controls === 0) {
      if (!this.#credit.came(values.length)) throw new ProtocolError("more items on a stream than were asked for")
      this.#closeScopes(this.#credit.arrived, adopted)
    }
    let unread = false
    for (const value of values) {
      if (this.#waiting[0]?.kind === "next") {
        const waiter = this.#waiting.shift()!
        if (this.#controls === 0) this.#credit.take(value)
        waiter.resolve({ done: false, value })
      } else if (this.#controls > 0) {
        unread = true
      } else {
        this.#buffer.push({ value, adopted })
      }
    }
    if (unread) adopted.closeAll(dropped)
    if (this.#controls === 0) this.#ask()
  }

  #onEnd(ending: Ending, adopted: Scope): void {
    if (this.#over) return this.#afterwards(adopted)
    this.#end(adopted)
    // It is for whoever asked first; a `return` in between means that nobody wants to know.
    const first = this.#waiting[0]
    if (!first) this.#ending = ending
    else if (first.kind === "next") {
      this.#waiting.shift()
      if ("error" in ending) first.reject(ending.error)
      else first.resolve({ done: true, value: ending.value })
    }
    this.#settleRest()
  }

  #onAnswer(done: boolean, value: unknown, adopted: Scope): void {
    if (this.#over) return done ? this.#afterwards(adopted) : adopted.closeAll(dropped)
    const waiter = this.#takeControl()
    if (done) this.#end(adopted)
    else if (this.#controls === 0) this.#closeScopes(Number.POSITIVE_INFINITY, adopted)
    waiter.resolve({ done, value })
    if (done) this.#settleRest()
  }

  #onThrew(error: unknown, adopted: Scope): void {
    if (this.#over) return this.#afterwards(adopted)
    const waiter = this.#takeControl()
    this.#end(adopted)
    waiter.reject(error)
    this.#settleRest()
  }

  /** The producer's last word, when the stream was left in the meantime. */
  #afterwards(adopted: Scope): void {
    adopted.closeAll(dropped)
    this.#channel.close(ended)
  }

  /** The oldest `return` or `throw` that waits. Steps before it that have no answer may still get one. */
  #takeControl(): Waiter {
    const at = this.#waiting.findIndex(waiter => waiter.kind !== "next")
    if (at < 0) throw new ProtocolError("an answer on a stream to no return() and no throw()")
    this.#controls -= 1
    return this.#waiting.splice(at, 1)[0]!
  }

  /** The producer has ended. */
  #end(adopted: Scope): void {
    this.#over = true
    this.#closeScopes(Number.POSITIVE_INFINITY, adopted)
    this.#channel.close(ended)
  }

  /** Steps past the end, and a `return` or `throw` that crossed it. */
  #settleRest(): void {
    for (const { kind, value, resolve, reject } of this.#waiting.splice(0)) {
      if (kind === "throw") reject(value)
      else resolve({ done: true, value })
    }
  }

  /** Values given to steps up to `number` were seen: their callbacks are over, once the streams in the answer are. */
  #closeScopes(number: number, adopted?: Scope): void {
    if (this.#scopes.length === 0) return
    const seen = this.#scopes.filter(({ at }) => at <= number)
    this.#scopes = this.#scopes.filter(({ at }) => at > number)
    const over = () => {
      for (const { scope } of seen) {
        scope.closeCalls(ended)
        for (const stream of scope.streams) stream.close(ended)
      }
    }
    if (!adopted?.onOver(over)) over()
  }

  /** Forgets the items that nobody will read. */
  #drop(): void {
    for (const { adopted } of this.#buffer.splice(0)) adopted.closeAll(dropped)
    this.#ending = undefined
  }

  /** The other side or the connection ended it, or the call that it belonged to. */
  #closed(reason: FlameError): void {
    this.#closeScopes(Number.POSITIVE_INFINITY)
    if (this.#over) return
    this.#over = true
    this.#failure = reason
    // What came before the end is still read, as a result is that came before its runner was lost.
    for (const waiter of this.#waiting.splice(0)) waiter.reject(reason)
  }

  #send(message: ToSource, scope?: Scope): void {
    this.#channel.send(message, scope)
  }
}
