/**
 * Streams across a session: generators, iterators, async iterables and ReadableStreams. One request per item, so a slow
 * consumer holds its producer back; `return` runs the producer's `finally`.
 */
import { ConnectionError, NoExportError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import { RpcClient } from "./rpc-client.ts"
import { RpcServer } from "./rpc-server.ts"
import type { Session } from "./session.ts"

type AnyIterator = AsyncIterator<unknown, unknown, unknown> | Iterator<unknown, unknown, unknown>

/** True for what is consumed by iterating and is no plain data: async iterables, ReadableStreams, generators. */
export function isStream(value: object): boolean {
  const v = value as { [Symbol.asyncIterator]?: unknown; [Symbol.iterator]?: unknown; next?: unknown }
  if (typeof v[Symbol.asyncIterator] === "function") return true
  return typeof v[Symbol.iterator] === "function" && typeof v.next === "function"
}

/** Lets the other side iterate `source` over `channel`. */
export function serveStream(source: object, channel: Channel, session: Session): void {
  const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  let iterator: AnyIterator | undefined
  let over = false
  const open = () => {
    iterator ??= iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]!()
    return iterator
  }
  new RpcServer(channel, {
    async apply(path, args) {
      const method = path[0]
      if (method !== "next" && method !== "return" && method !== "throw") {
        throw new NoExportError(`a stream has no method ${String(method)}`)
      }
      try {
        const step = await advance(open(), method, args)
        if (step.done) over = true
        return step
      } catch (error) {
        over = true // an iterator that threw has ended: it is not asked to return as well
        throw error
      }
    },
    get() {
      throw new NoExportError("a stream has no properties")
    },
  })
  channel.onClose(() => {
    if (over) return
    over = true
    // The consumer went away in the middle: its producer's `finally` must run. What that throws has no caller to go to.
    const finish = async () => await iterator?.return?.()
    finish().catch(error => session.callbackFailed(error))
  })
}

async function advance(iterator: AnyIterator, method: "next" | "return" | "throw", args: readonly unknown[]) {
  switch (method) {
    case "next":
      return await iterator.next(...(args as [unknown]))
    case "return":
      return iterator.return ? await iterator.return(args[0]) : { done: true as const, value: args[0] }
    case "throw":
      if (iterator.throw) return await iterator.throw(args[0])
      throw args[0]
  }
}

const ended = new ConnectionError("the stream has ended")

/** A stream nobody looks at any more must not hold its producer, and the runner's slot, for ever. */
const abandoned = new FinalizationRegistry<Channel>(channel =>
  channel.close(new ConnectionError("the stream was collected before it had ended")),
)

/** The consuming end. */
export class RemoteStreamImpl implements AsyncGenerator<unknown, unknown, unknown> {
  readonly #client: RpcClient
  readonly #channel: Channel
  /** Steps without an answer. */
  #open = 0
  /** The last item has come; others that were asked for at the same time may still be on their way. */
  #done = false

  constructor(channel: Channel) {
    this.#channel = channel
    this.#client = new RpcClient(channel)
    abandoned.register(this, channel, this)
  }

  next(...args: [] | [unknown]): Promise<IteratorResult<unknown, unknown>> {
    if (this.#done || this.#channel.closed === ended) return Promise.resolve({ done: true, value: undefined })
    return this.#step("next", args)
  }

  return(value?: unknown): Promise<IteratorResult<unknown, unknown>> {
    if (this.#channel.closed) return Promise.resolve({ done: true, value })
    return this.#step("return", [value])
  }

  throw(error: unknown): Promise<IteratorResult<unknown, unknown>> {
    if (this.#channel.closed) return Promise.reject(error)
    return this.#step("throw", [error])
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #step(method: "next" | "return" | "throw", args: readonly unknown[]): Promise<IteratorResult<unknown, unknown>> {
    return new Promise((resolve, reject) => {
      this.#client.apply([method], args, {
        resolve: value => {
          const step = value as IteratorResult<unknown, unknown>
          resolve(step)
          this.#open -= 1
          if (step.done) this.#done = true
          // An iterator may answer steps in any order; one that was told to return may leave the others without an answer.
          if (this.#done && (this.#open === 0 || method !== "next")) this.#end()
        },
        reject: error => {
          // A step past the end, which another one has found in the meantime, is no failure.
          if (error !== ended || method === "throw") reject(error === ended ? args[0] : error)
          else resolve({ done: true, value: method === "return" ? args[0] : undefined })
          this.#open -= 1
          this.#end()
        },
        done: () => {},
      })
      this.#open += 1 // not where `apply` threw; a step that it refused at once is one on a closed channel, which is over anyway
    })
  }

  #end(): void {
    abandoned.unregister(this)
    this.#channel.close(ended)
  }
}
