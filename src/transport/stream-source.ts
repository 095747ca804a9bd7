/**
 * The producing end of a stream: runs an iterator as far as the consumer's credit goes, and ends it when the consumer leaves.
 * Owns the iterator and what was sent and not taken; knows its consumer only by the messages of stream-message.ts.
 */
import { AsyncResource } from "node:async_hooks"
import { ConnectionError, ProtocolError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import { itemSize } from "./item-size.ts"
import { raiseError, sendThrown } from "./remote-error.ts"
import { Scope } from "./scope.ts"
import type { Session } from "./session.ts"
import { openIterator, releaseUnread, type Stepper } from "./stream-iterator.ts"
import { MAX_CREDIT, MAX_UNREAD_BYTES, readToSource, type ToSink } from "./stream-message.ts"
import { inUserTerms, type PathNames } from "./value-path.ts"

/** Milliseconds that a producer which never waits may run before the event loop gets a turn: its items have to leave, and a `return` or an abort has to be heard. */
const MAX_BURST_MS = 5
/** Bytes of small items that are sent as one message. */
const MAX_BATCH_BYTES = 2 ** 16

const ITEM: PathNames = [[/^value\[\d+\](\[\d+\])?/, "result.value"]]

const left = new ConnectionError("the stream was left by its consumer")

/** Lets the other side iterate `source` over `channel`. Nothing of `source` runs before it is asked for. */
export function serveStream(source: object, channel: Channel, session: Session): void {
  new StreamSource(source, channel, session)
}

class StreamSource {
  readonly #source: object
  readonly #channel: Channel
  readonly #session: Session
  /** The producer's code sees the call it was made in, not the socket's event. */
  readonly #inContext: (work: () => void) => void
  #iterator: Stepper | undefined
  /** Steps that were asked for without a value, and after those the ones with one. */
  #credit = 0
  #values: unknown[] = []
  /** Steps begun since the last `return` or `throw`. */
  #begun = 0
  #pumping = false
  /** `return`s and `throw`s that the iterator has not answered. */
  #controls = 0
  #over = false
  /** Sizes of the items that were sent and not taken, oldest first, and their sum. */
  #sizes: number[] = []
  #unread = 0
  /** Primitive items that wait for the end of this burst, to go as one message. */
  #batch: unknown[] = []
  #batchBytes = 0

  constructor(source: object, channel: Channel, session: Session) {
    this.#source = source
    this.#channel = channel
    this.#session = session
    this.#inContext = AsyncResource.bind((work: () => void) => work())
    channel.receive((message, adopted) => this.#onMessage(message, adopted))
    channel.onClose(() => {
      if (!this.#over) void this.#finish()
    })
  }

  #onMessage(data: unknown, adopted: Scope): void {
    const message = readToSource(data)
    // A `throw` is checked even where it comes too late: what is malformed must not depend on timing.
    const thrown = message[0] === "throw" ? raiseError(message[2]) : undefined
    if (this.#over) {
      // It crossed our last message. Nobody will use what it refers to.
      adopted.closeAll(left)
      if (message[0] === "leave") this.#channel.close(left)
      return
    }
    switch (message[0]) {
      case "pull":
        this.#acknowledge(message[1])
        if (message[2] > MAX_CREDIT - this.#credit)
          throw new ProtocolError("more items asked for than a stream may owe")
        this.#credit += message[2]
        break
      case "next":
        this.#acknowledge(message[1])
        this.#values.push(message[2])
        break
      case "return":
        return this.#inContext(() => void this.#control(message[1], () => this.#open().return(message[2])))
      case "throw":
        return this.#inContext(() => void this.#control(message[1], () => this.#open().throw(thrown)))
      case "leave":
        void this.#finish().then(() => this.#channel.close(left))
        return
    }
    if (!this.#pumping) this.#inContext(() => void this.#pump())
  }

  #acknowledge(taken: number): void {
    if (taken > this.#sizes.length) throw new ProtocolError(`${taken} items taken of ${this.#sizes.length} on a stream`)
    for (const size of this.#sizes.splice(0, taken)) this.#unread -= size
  }

  /** Runs step after step, as far as it may. Never rejects. */
  async #pump(): Promise<void> {
    this.#pumping = true
    let since = performance.now()
    while (this.#mayStep()) {
      await this.#step()
      if (performance.now() - since < MAX_BURST_MS) continue
      this.#flush()
      await new Promise(resolve => setImmediate(resolve))
      since = performance.now()
    }
    this.#pumping = false
  }

  #mayStep(): boolean {
    if (this.#over || this.#controls > 0) return false
    return this.#credit + this.#values.length > 0 && this.#unread <= MAX_UNREAD_BYTES
  }

  /** One item. Never rejects. */
  async #step(): Promise<void> {
    this.#begun += 1
    try {
      let step: Promise<IteratorResult<unknown>>
      if (this.#credit > 0) {
        this.#credit -= 1
        step = this.#open().next()
      } else {
        step = this.#open().next(this.#values.shift())
      }
      const { done, value } = await step
      if (this.#over) return
      if (done) this.#end(["end", value])
      else this.#item(value)
    } catch (error) {
      this.#fail("error", error) // an iterator that threw has ended: it is not asked to return as well
    }
  }

  #item(value: unknown): void {
    const size = itemSize(value)
    this.#sizes.push(size)
    this.#unread += size
    if (size < MAX_BATCH_BYTES && isPrimitive(value)) {
      // What cannot change may leave later. An object is written down now: the producer may go on to change it.
      this.#batch.push(value)
      this.#batchBytes += size
      if (this.#batch.length === 1) process.nextTick(() => this.#flush()) // when the producer waits for something else
      if (this.#batchBytes >= MAX_BATCH_BYTES) this.#flush()
      return
    }
    try {
      this.#send(["items", [value]])
    } catch (error) {
      this.#fail("error", error)
      void this.#finish()
    }
  }

  /** `return` and `throw`: after the steps that are still wanted, and without waiting for those. Never rejects. */
  async #control(wanted: number, advance: () => Promise<IteratorResult<unknown>>): Promise<void> {
    this.#controls += 1
    const more = Math.min(wanted - this.#begun, this.#credit + this.#values.length)
    for (let i = 0; i < more; i++) void this.#step()
    this.#credit = 0
    this.#values = []
    this.#begun = 0
    let step: IteratorResult<unknown>
    try {
      step = await advance()
    } catch (error) {
      return this.#fail("threw", error)
    } finally {
      this.#controls -= 1
    }
    if (this.#over) return
    if (step.done) return this.#end(["answer", true, step.value])
    this.#sizes = []
    this.#unread = 0
    try {
      this.#send(["answer", false, step.value])
    } catch (error) {
      this.#fail("threw", error)
      return void this.#finish()
    }
    if (!this.#pumping) void this.#pump()
  }

  #open(): Stepper {
    this.#iterator ??= openIterator(this.#source)
    return this.#iterator
  }

  #end(message: ToSink): void {
    try {
      this.#send(message)
      this.#over = true
    } catch (error) {
      this.#fail(message[0] === "answer" ? "threw" : "error", error)
    }
  }

  #fail(kind: "error" | "threw", error: unknown): void {
    if (this.#over) return
    this.#over = true
    sendThrown(error, lowered => this.#send([kind, lowered]))
  }

  #flush(): void {
    if (this.#batch.length === 0) return
    const values = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    try {
      this.#channel.send(["items", values])
    } catch (error) {
      this.#fail("error", inUserTerms(error, ITEM))
      void this.#finish()
    }
  }

  #send(message: ToSink): void {
    this.#flush()
    try {
      this.#channel.send(message, new Scope(false))
    } catch (error) {
      throw inUserTerms(error, ITEM)
    }
  }

  /** The consumer is gone: the producer's `finally` must run. What that throws has no caller to go to. Never rejects. */
  async #finish(): Promise<void> {
    this.#over = true
    this.#values = []
    this.#batch = []
    try {
      if (this.#iterator) await this.#iterator.return(undefined)
      else await releaseUnread(this.#source)
    } catch (error) {
      this.#session.callbackFailed(error)
    }
  }
}

function isPrimitive(value: unknown): boolean {
  return (typeof value !== "object" || value === null) && typeof value !== "function" && typeof value !== "symbol"
}
