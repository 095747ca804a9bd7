/**
 * The object that `pool.map` returns. Owns the choice between its two readings, which is made once: all results as an array, or
 * one after the other. Until it is made nothing runs.
 */
import { StateError } from "../shared/errors.ts"
import { CollectedResults } from "./collected-results.ts"
import type { MapRun } from "./map-run.ts"
import { ResultIterator } from "./result-iterator.ts"
import type { MapProgress, ResultStream } from "./result-stream.ts"

export class MapStream<R> implements ResultStream<R> {
  readonly [Symbol.toStringTag] = "ResultStream"
  readonly #run: MapRun<unknown>
  readonly #ordered: boolean
  #all: Promise<R[]> | undefined
  #iterated = false

  constructor(run: MapRun<unknown>, ordered: boolean) {
    this.#run = run
    this.#ordered = ordered
  }

  get progress(): MapProgress {
    return this.#run.progress
  }

  cancel(reason?: unknown): void {
    this.#run.cancel(reason)
  }

  // biome-ignore lint/suspicious/noThenProperty: it is to be awaited
  then<A = R[], B = never>(
    fulfilled?: ((results: R[]) => A | PromiseLike<A>) | null,
    rejected?: ((error: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#collect().then(fulfilled, rejected)
  }

  catch<B = never>(rejected?: ((error: any) => B | PromiseLike<B>) | null): Promise<R[] | B> {
    return this.#collect().catch(rejected)
  }

  finally(settled?: (() => void) | null): Promise<R[]> {
    return this.#collect().finally(settled)
  }

  /** @throws StateError when it is read already. */
  [Symbol.asyncIterator](): AsyncIterator<R, undefined> {
    if (this.#iterated || this.#all) throw this.#taken()
    this.#iterated = true
    return new ResultIterator(this.#ordered, this.#run) as unknown as AsyncIterator<R, undefined>
  }

  #collect(): Promise<R[]> {
    if (this.#iterated) return Promise.reject(this.#taken())
    if (!this.#all) {
      const results = new CollectedResults(this.#ordered)
      this.#all = results.promise as Promise<R[]>
      this.#run.begin(results)
    }
    return this.#all
  }

  #taken(): StateError {
    return new StateError(`the results of this map() are ${this.#all ? "awaited" : "iterated"} already`, {
      hint: "they are read once: keep the array that `await` gives, or the iterator; or call map() again",
    })
  }
}
