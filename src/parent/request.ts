/** Somebody who waits for a runner, and the queues they wait in. Owns order and membership; knows no runner and no rule. */

/** Somebody who waits. Is its own entry in the queue it waits in: to join and to leave costs nothing, however many wait. */
export abstract class Request<R> {
  /** `lease`: a whole idle runner. `slot`: a place on any. */
  abstract readonly kind: "lease" | "slot"
  /** Calls of one key go to one runner. */
  readonly key: string | undefined
  /** @internal Order of arrival. 0: has not waited yet. */
  arrival = 0
  /** @internal */
  queue: RequestQueue<R> | undefined
  /** @internal */
  before: Request<R> | undefined
  /** @internal */
  behind: Request<R> | undefined

  constructor(key?: string) {
    this.key = key
  }

  /** The runner is theirs. Called at most once for each time in the line. */
  abstract place(runner: R): void
  /** There will be no runner. */
  abstract fail(error: unknown): void
}

/** In order of arrival. */
export class RequestQueue<R> {
  #head: Request<R> | undefined
  #tail: Request<R> | undefined
  #size = 0

  get head(): Request<R> | undefined {
    return this.#head
  }

  get size(): number {
    return this.#size
  }

  /** Those who came before `request` are passed from the front: few, where most that come back came before all that wait. */
  insert(request: Request<R>): void {
    let behind = this.#head
    while (behind && behind.arrival < request.arrival) behind = behind.behind
    this.#link(request, behind?.before ?? (behind ? undefined : this.#tail), behind)
  }

  push(request: Request<R>): void {
    this.#link(request, this.#tail, undefined)
  }

  remove(request: Request<R>): void {
    const { before, behind } = request
    if (before) before.behind = behind
    else this.#head = behind
    if (behind) behind.before = before
    else this.#tail = before
    request.before = undefined
    request.behind = undefined
    request.queue = undefined
    this.#size -= 1
  }

  #link(request: Request<R>, before: Request<R> | undefined, behind: Request<R> | undefined): void {
    request.queue = this
    request.before = before
    request.behind = behind
    if (before) before.behind = request
    else this.#head = request
    if (behind) behind.before = request
    else this.#tail = request
    this.#size += 1
  }
}
