/** Who waits for a runner: first come, first served. Taking somebody out of the middle costs nothing. */

/** Somebody who waits. */
export interface Request<R> {
  /** `lease`: a whole idle runner. `slot`: a place on any. */
  readonly kind: "lease" | "slot"
  /** The runner is theirs. Called at most once for each time in the line. */
  place(runner: R): void
  /** There will be no runner. */
  fail(error: unknown): void
}

export class WaitingLine<R> {
  /** Those who had a runner already and lost it before they began: they go before all others. */
  readonly #returned = new Set<Request<R>>()
  readonly #line = new Set<Request<R>>()
  #leases = 0

  get size(): number {
    return this.#returned.size + this.#line.size
  }

  get leases(): number {
    return this.#leases
  }

  get slots(): number {
    return this.size - this.#leases
  }

  push(request: Request<R>): void {
    this.#line.add(request)
    if (request.kind === "lease") this.#leases += 1
  }

  /** Back to the front. */
  unshift(request: Request<R>): void {
    this.#returned.add(request)
    if (request.kind === "lease") this.#leases += 1
  }

  /** False when it was not in the line any more. */
  remove(request: Request<R>): boolean {
    if (!this.#returned.delete(request) && !this.#line.delete(request)) return false
    if (request.kind === "lease") this.#leases -= 1
    return true
  }

  /** In order. Removing the current one, or any other, while iterating is allowed. */
  *[Symbol.iterator](): Generator<Request<R>> {
    yield* this.#returned
    yield* this.#line
  }

  /** Empties the line, telling everyone. */
  failAll(error: unknown): void {
    const all = [...this]
    this.#returned.clear()
    this.#line.clear()
    this.#leases = 0
    for (const request of all) request.fail(error)
  }
}
