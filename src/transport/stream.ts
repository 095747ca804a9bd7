/**
 * What a user holds of the other side's stream. Owns nothing but the news of its own collection: a stream that nobody can
 * read any more must not hold its producer, and the runner's slot, for ever.
 */
import type { Channel } from "./channel.ts"
import { StreamSink } from "./stream-sink.ts"

const collected = new FinalizationRegistry<StreamSink>(sink => sink.abandon())

/** The stream whose producer is on the other end of a channel. */
export class RemoteStreamImpl implements AsyncGenerator<unknown, unknown, unknown> {
  readonly #sink: StreamSink

  constructor(channel: Channel) {
    this.#sink = new StreamSink(channel)
    collected.register(this, this.#sink)
  }

  next(...[value]: [] | [unknown]): Promise<IteratorResult<unknown, unknown>> {
    return this.#sink.next(value, this)
  }

  return(value?: unknown): Promise<IteratorResult<unknown, unknown>> {
    return this.#sink.return(value, this)
  }

  throw(error: unknown): Promise<IteratorResult<unknown, unknown>> {
    return this.#sink.throw(error, this)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
