/** The results of a map that is awaited: an array, and a promise of it. There is no limit, since all of them are wanted. */
import { rejectionOf } from "./call-site.ts"
import type { Failure, MapSink } from "./map-run.ts"

export class CollectedResults implements MapSink {
  readonly ahead = Number.POSITIVE_INFINITY
  readonly unread = 0
  readonly promise: Promise<unknown[]>
  readonly #ordered: boolean
  readonly #results: unknown[] = []
  #resolve!: (results: unknown[] | Promise<never>) => void

  constructor(ordered: boolean) {
    this.#ordered = ordered
    this.promise = new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  put(index: number, result: unknown): void {
    if (this.#ordered) this.#results[index] = result
    else this.#results.push(result)
  }

  over(failure: Failure | undefined): void {
    this.#resolve(failure ? rejectionOf(failure.error, undefined) : this.#results)
  }
}
