/**
 * Where keys have their home: the runner that served a key first serves it for as long as it lives, and who finds it full waits for
 * it. Owns the keys and who waits for which runner; whether a runner can take somebody is the dispatcher's to know.
 */
import { type Request, RequestQueue } from "./request.ts"

interface Home<R> {
  readonly keys: Set<string>
  readonly waiting: RequestQueue<R>
}

export class Homes<R> {
  readonly #runners = new Map<string, R>()
  readonly #homes = new Map<R, Home<R>>()

  /** The runner of `key`. */
  of(key: string): R | undefined {
    return this.#runners.get(key)
  }

  /** From now on `key` has its home there. Returns who waits for it elsewhere, in order, still in that queue: where its home was. */
  settle(key: string, runner: R): Request<R>[] {
    const before = this.#runners.get(key)
    if (before === runner) return []
    this.#runners.set(key, runner)
    this.#home(runner).keys.add(key)
    const left = before === undefined ? undefined : this.#homes.get(before)
    if (!left) return []
    left.keys.delete(key)
    return [...left.waiting].filter(request => request.key === key)
  }

  /** Who waits for this runner. */
  waitingFor(runner: R): RequestQueue<R> {
    return this.#home(runner).waiting
  }

  /** The first who waits for this runner. */
  next(runner: R): Request<R> | undefined {
    return this.#homes.get(runner)?.waiting.head
  }

  /** All queues in which somebody may wait for one runner. */
  get queues(): RequestQueue<R>[] {
    return [...this.#homes.values()].map(home => home.waiting)
  }

  /** The runner takes no more: its keys are free, and who waited for it is returned, in order, still in its queue. */
  leave(runner: R): Request<R>[] {
    const home = this.#homes.get(runner)
    if (!home) return []
    this.#homes.delete(runner)
    for (const key of home.keys) this.#runners.delete(key)
    return [...home.waiting]
  }

  #home(runner: R): Home<R> {
    let home = this.#homes.get(runner)
    if (!home) {
      home = { keys: new Set(), waiting: new RequestQueue() }
      this.#homes.set(runner, home)
    }
    return home
  }
}
