/**
 * Whatever can be streamed, as one kind of iterator: async and sync generators, async iterables, ReadableStreams, Node's
 * Readables. Owns the differences between them; knows no channel.
 */
import { ReadableStream } from "node:stream/web"

type AnyIterator = AsyncIterator<unknown, unknown, unknown> | Iterator<unknown, unknown, unknown>
type Step = IteratorResult<unknown, unknown>

/** An iterator that has all three methods, each of which answers with a promise. */
export interface Stepper {
  next(...args: [] | [unknown]): Promise<Step>
  return(value: unknown): Promise<Step>
  throw(error: unknown): Promise<Step>
}

/** True for what is consumed by iterating and is no plain data: async iterables, ReadableStreams, generators. */
export function isStream(value: object): boolean {
  const v = value as { [Symbol.asyncIterator]?: unknown; [Symbol.iterator]?: unknown; next?: unknown }
  if (typeof v[Symbol.asyncIterator] === "function") return true
  return typeof v[Symbol.iterator] === "function" && typeof v.next === "function"
}

/** Begins to iterate `source`, which `isStream`. @throws What its iterator method throws: a ReadableStream that is locked does. */
export function openIterator(source: object): Stepper {
  const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  const iterator: AnyIterator = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]!()
  // As `for await` has it: a plain iterator's promises are waited for, an async one's are values like any other.
  const plain = typeof iterable[Symbol.asyncIterator] !== "function"
  let untouched = true
  const settle = async (result: Step | Promise<Step>): Promise<Step> => {
    const step = await result
    if (typeof step !== "object" || step === null)
      throw new TypeError(`iterator result ${String(step)} is not an object`)
    return plain ? { done: step.done === true, value: await step.value } : step
  }
  return {
    async next(...args) {
      untouched = false
      return await settle(iterator.next(...(args as [unknown])))
    },
    async return(value) {
      const step = iterator.return ? await settle(iterator.return(value)) : { done: true as const, value }
      if (untouched) await releaseUnread(source)
      return step
    },
    async throw(error) {
      if (iterator.throw) return await settle(iterator.throw(error))
      await iterator.return?.() // it cannot be told why, but it must hear that it is over
      throw error
    },
  }
}

/** Gives back what a source holds that nobody has begun to read: a generator has not even started, a stream has its file open. */
export async function releaseUnread(source: object): Promise<void> {
  if (source instanceof ReadableStream) {
    if (!source.locked) await source.cancel()
  } else if (typeof (source as { destroy?: unknown }).destroy === "function") {
    ;(source as { destroy(): void }).destroy()
  }
}
