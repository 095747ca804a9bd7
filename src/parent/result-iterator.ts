/**
 * The results of a map that is read one after the other. Owns those that are not read yet, in their order, and who waits for
 * the next one. Holds a bounded number of results; as many readers as call `next()` without waiting.
 */
import { rejectionOf } from "./call-site.ts"
import type { Failure, MapSink } from "./map-run.ts"

/** The run that is read. */
export interface Readable {
  begin(sink: MapSink): void
  /** Something was read: more may be started. */
  fill(): void
  /** Nobody reads on. */
  leave(): void
}

type Item = IteratorResult<unknown, undefined>
type Resolve = (item: Item | Promise<never>) => void

const DONE: Item = { done: true, value: undefined }

export class ResultIterator implements MapSink, AsyncIterableIterator<unknown, undefined> {
  readonly ahead = 2
  readonly #ordered: boolean
  readonly #run: Readable
  /** By place: in input order the item's index, else when it came. */
  readonly #results = new Map<number, unknown>()
  /** The place to be read next. */
  #next = 0
  /** The place after the last one, where the order is that of arrival. */
  #end = 0
  readonly #waiting = new Set<Resolve>()
  #begun = false
  #over = false
  /** What is to be told, once. */
  #failure: Failure | undefined
  /** Hears that nothing runs any more. */
  readonly #leavers: (() => void)[] = []

  /** Begins when something is read for the first time. */
  constructor(ordered: boolean, run: Readable) {
    this.#ordered = ordered
    this.#run = run
  }

  get unread(): number {
    return this.#results.size
  }

  next(): Promise<Item> {
    return new Promise(resolve => {
      // Where somebody waits already there is nothing to be had: whoever waits is served first.
      if (this.#results.has(this.#next)) resolve(this.#take())
      else if (this.#over) this.#tell(resolve)
      else this.#waiting.add(resolve)
      if (this.#begun) this.#run.fill()
      else this.#begin()
    })
  }

  /** Ends the run. Resolves when nothing of it runs any more. */
  async return(): Promise<Item> {
    this.#results.clear()
    this.#failure = undefined // it comes after what was left
    if (!this.#begun) this.#over = true
    if (this.#over) return DONE
    await new Promise<void>(resolve => {
      this.#leavers.push(resolve)
      this.#run.leave()
    })
    const failure = this.#failure as Failure | undefined // the input's own end threw
    this.#failure = undefined
    if (failure) throw failure.error
    return DONE
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  put(index: number, result: unknown): void {
    this.#results.set(this.#ordered ? index : this.#end++, result)
    for (const resolve of this.#waiting) {
      if (!this.#results.has(this.#next)) return
      this.#waiting.delete(resolve)
      resolve(this.#take())
    }
  }

  over(failure: Failure | undefined): void {
    this.#over = true
    this.#failure = failure
    if (this.#leavers.length > 0) {
      for (const resolve of this.#waiting) resolve(DONE)
      for (const resolve of this.#leavers) resolve()
    } else {
      for (const resolve of this.#waiting) this.#tell(resolve)
    }
    this.#waiting.clear()
  }

  #begin(): void {
    this.#begun = true
    if (!this.#over) this.#run.begin(this)
  }

  #take(): Item {
    const value = this.#results.get(this.#next)
    this.#results.delete(this.#next)
    this.#next += 1
    return { done: false, value }
  }

  #tell(resolve: Resolve): void {
    const failure = this.#failure
    this.#failure = undefined
    resolve(failure ? rejectionOf(failure.error, undefined) : DONE)
  }
}
