/**
 * What a map reads its items from. Owns the iterator: pulls one item at a time, as `for await` does, and ends it when it is left
 * early. Knows nothing of what becomes of the items.
 */
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"

/** What a map takes: anything `for await` does. */
export type MapItems<I> = Iterable<I | PromiseLike<I>> | AsyncIterable<I | PromiseLike<I>>

/** Hears what a pull gave: an item, the end, or the input's own error, after which there is nothing more. */
export interface Puller<I> {
  item(item: I): void
  end(): void
  failed(error: unknown): void
}

type Step<I> = IteratorResult<I | PromiseLike<I>>
type Source<I> = Iterator<I | PromiseLike<I>> | AsyncIterator<I | PromiseLike<I>>

export class MapInput<I> {
  /** How many items there are, where `items` says so. */
  readonly total: number | undefined
  #items: MapItems<I> | undefined
  #iterator: Source<I> | undefined
  #pulling = false
  #over = false

  /** Reads nothing yet. @throws OptionError for what cannot be iterated. */
  constructor(items: MapItems<I>) {
    if (!isIterable(items)) {
      const promised = typeof (items as { then?: unknown } | null | undefined)?.then === "function"
      const hint = promised
        ? "await it first"
        : "an array, a Set, a generator, a stream; of an object: Object.entries(x)"
      throw new OptionError("items", `map() takes something to iterate, got ${show(items)}`, { hint })
    }
    this.#items = items
    this.total = sizeOf(items)
  }

  /** An item was asked for and is not here yet. */
  get pulling(): boolean {
    return this.#pulling
  }

  /** Asks for one item: not before the last one is here, nor after `close`. The answer comes at once where the input has it at once. */
  pull(puller: Puller<I>): void {
    try {
      const iterator = this.#open()
      const step: Step<I> | PromiseLike<Step<I>> = iterator.next()
      if (isPromise(step)) this.#await(step, puller)
      else this.#take(step, puller)
    } catch (error) {
      this.#fail(error, puller)
    }
  }

  /**
   * Nothing more is read. Resolves when the iterator has ended too, unless it is just making an item: that may take for ever.
   * Rejects with what its own end threw.
   */
  async close(): Promise<void> {
    if (this.#over) return
    this.#over = true
    const iterator = this.#iterator
    this.#forget()
    const ending: unknown = iterator?.return?.()
    if (!this.#pulling) await ending
    // What it throws in the end is told to nobody: whoever left did not wait, and it must not end the program.
    else Promise.resolve(ending).catch(() => {})
  }

  #open(): Source<I> {
    const items = this.#items as Iterable<I> & AsyncIterable<I>
    this.#iterator ??= items[Symbol.asyncIterator]?.() ?? items[Symbol.iterator]()
    return this.#iterator
  }

  #await(step: PromiseLike<Step<I>>, puller: Puller<I>): void {
    this.#pulling = true
    const failed = (error: unknown) => this.#fail(error, puller)
    // What is made of a step may throw as well: its `done` and its `value` may be getters.
    step.then(got => {
      this.#pulling = false
      try {
        this.#take(got, puller)
      } catch (error) {
        failed(error)
      }
    }, failed)
  }

  #take(step: Step<I>, puller: Puller<I>): void {
    if (this.#over) return // it was left while this item was made
    if (typeof step !== "object" || step === null) {
      this.#fail(new TypeError(`the iterator's next() gave ${show(step)}, which is no { done, value }`), puller)
    } else if (step.done) {
      this.#over = true
      this.#forget()
      puller.end()
    } else if (isPromise(step.value)) {
      this.#pulling = true
      step.value.then(
        item => {
          this.#pulling = false
          if (!this.#over) puller.item(item)
        },
        (error: unknown) => this.#fail(error, puller),
      )
    } else {
      puller.item(step.value)
    }
  }

  /** As with `for await`, an iterator that threw is not asked to end. */
  #fail(error: unknown, puller: Puller<I>): void {
    this.#pulling = false
    if (this.#over) return // it was left before; the error belongs to an item that nobody wants
    this.#over = true
    this.#forget()
    puller.failed(error)
  }

  #forget(): void {
    this.#items = undefined
    this.#iterator = undefined
  }
}

function isIterable(value: unknown): boolean {
  if (value === null || value === undefined) return false
  const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = value as Record<symbol, unknown>
  return typeof async === "function" || typeof sync === "function"
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
}

function sizeOf(items: object): number | undefined {
  const { length, size } = items as { length?: unknown; size?: unknown }
  // A text's length is not the number of its characters, which are what it is iterated by.
  const count = typeof items === "string" ? undefined : (length ?? size)
  return typeof count === "number" && Number.isInteger(count) && count >= 0 ? count : undefined
}
