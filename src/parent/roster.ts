/**
 * The runners that can be chosen, by load: the least loaded is found at once, and a runner whose load changed is put elsewhere at once,
 * however many there are. Owns the order; who gets a runner is the dispatcher's decision.
 */

import { Chain, type Link } from "./chain.ts"
import type { Timed } from "./has-time.ts"

/** What the order is made of. Who changes any of it says so with `update`. */
export interface Rostered<R> extends Timed {
  /** Its place in the roster, which alone uses it. */
  readonly berth: Link<R>
  readonly ready: boolean
  readonly leased: boolean
  /** Defined: it takes no more work and ends when it has none, for this reason. */
  readonly retiring: string | undefined
  /** A waiting lease has been promised this runner as soon as its calls are done. */
  reserved: boolean
  readonly running: number
  /** Slots for work that can begin now. */
  readonly free: number
}

export class Roster<R extends Rostered<R>> {
  /** By load, those with a free slot; who worked last comes first, so that the others have nothing to do and can end. */
  readonly #open: Chain<R>[] = []
  /** No chain before this one has anybody in it. */
  #least = 0
  /** All of them. Looked through only for a lease that waits while every runner is full, and then the first few will do. */
  readonly #all = new Set<R>()
  readonly #reserved = new Set<R>()

  /** A new runner. */
  add(runner: R): void {
    this.#all.add(runner)
  }

  /** Finds the place of `runner`. */
  update(runner: R): void {
    const { berth } = runner
    const serves = runner.ready && !runner.leased && runner.retiring === undefined
    if (serves && !runner.reserved && runner.free > 0) this.#chainOf(runner.running).join(berth, "first")
    else berth.leave()
    if (runner.reserved && serves) this.#reserved.add(runner)
    else if (this.#reserved.size > 0) this.#reserved.delete(runner)
  }

  /** The runner is gone. */
  delete(runner: R): void {
    runner.berth.leave()
    this.#all.delete(runner)
    this.#reserved.delete(runner)
  }

  get all(): Iterable<R> {
    return this.#all
  }

  /** The least loaded runner with a free slot. */
  get least(): R | undefined {
    while (this.#least < this.#open.length) {
      const runner = this.#open[this.#least]!.first
      if (!runner) this.#least += 1
      else if (runner.free > 0) return runner
      else this.update(runner) // it cannot be reached any more
    }
    return undefined
  }

  /** The least loaded one with a free slot that is accepted: one after the other is asked. */
  leastOf(accept: (runner: R) => boolean): R | undefined {
    return this.#search(this.#least, this.#open.length, accept)
  }

  /** One without any work that is accepted. */
  idleOf(accept: (runner: R) => boolean): R | undefined {
    return this.#search(0, Math.min(1, this.#open.length), accept)
  }

  #search(from: number, to: number, accept: (runner: R) => boolean): R | undefined {
    for (let load = from; load < to; load++) {
      for (const runner of this.#open[load]!) if (runner.free > 0 && accept(runner)) return runner
    }
    return undefined
  }

  /** One that serves and is given to nobody, however full, that is accepted. */
  servingOf(accept: (runner: R) => boolean): R | undefined {
    for (const runner of this.#all) {
      if (runner.ready && !runner.leased && runner.retiring === undefined && accept(runner)) return runner
    }
    return undefined
  }

  /** One without any work: the least loaded, if that has none. */
  get idle(): R | undefined {
    const runner = this.least
    return runner?.running === 0 ? runner : undefined
  }

  /** Runners that are kept for waiting leases. */
  get reserved(): number {
    return this.#reserved.size
  }

  /** Keeps the runner that will be idle soonest, of those that are accepted, free of new calls. False when there is none to keep. */
  reserve(accept?: (runner: R) => boolean): boolean {
    const runner = accept
      ? (this.leastOf(accept) ?? this.servingOf(full => !full.reserved && accept(full)))
      : (this.least ?? this.servingOf(full => !full.reserved))
    if (!runner) return false
    runner.reserved = true
    this.update(runner)
    return true
  }

  /** A runner that was kept and is idle now. */
  get promised(): R | undefined {
    for (const runner of this.#reserved) if (runner.running === 0 && runner.free > 0) return runner
    return undefined
  }

  /** Nobody waits for the runners that were kept; or for `one` of them. */
  unreserve(one?: R): void {
    for (const runner of one ? [one] : [...this.#reserved]) {
      runner.reserved = false
      this.update(runner)
    }
  }

  #chainOf(load: number): Chain<R> {
    while (this.#open.length <= load) this.#open.push(new Chain())
    if (load < this.#least) this.#least = load
    return this.#open[load]!
  }
}
