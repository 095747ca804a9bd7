/**
 * What a call through `api` returns: a promise of the result that can also be iterated at once when the result is a stream
 * (`for await (const x of api.losses(9))`). Owns no state of its own.
 */
import { StateError } from "../shared/errors.ts"

type Stream = AsyncGenerator<unknown, unknown, unknown>

export class RemoteCall<T> extends Promise<T> {
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, unknown, unknown> {
    return yield* this.#stream(await this)
  }

  next(...args: [] | [unknown]): Promise<IteratorResult<unknown, unknown>> {
    return this.then(value => this.#stream(value).next(...args))
  }

  return(value?: unknown): Promise<IteratorResult<unknown, unknown>> {
    return this.then(result => this.#stream(result).return(value))
  }

  throw(error: unknown): Promise<IteratorResult<unknown, unknown>> {
    return this.then(value => this.#stream(value).throw(error))
  }

  #stream(value: unknown): Stream {
    if (typeof (value as Stream | null)?.[Symbol.asyncIterator] === "function") return value as Stream
    throw new StateError("the function that was called did not return a stream, and cannot be iterated", {
      hint: "`await` the call; to stream, export an `async function*` or return an async iterable",
    })
  }
}

// `await` takes a promise whose constructor is Promise as it is, instead of wrapping it in another one for three more turns
// of the microtask queue; and `then` makes plain promises.
Object.defineProperty(RemoteCall.prototype, "constructor", { value: Promise, configurable: true, writable: true })
