/**
 * The runners that can be chosen, ordered by load: the least loaded is found at once, and a runner whose load changed finds its
 * place in O(log n). Owns the order; who gets a runner is the dispatcher's decision.
 */

/** What the order is made of. Who changes any of it says so with `update`. */
export interface Rostered {
  /** The older of two that are equally loaded comes first, so that the youngest have nothing to do and can end. */
  readonly serial: number
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

interface Entry<R> {
  readonly runner: R
  /** Its load when it found its place. */
  load: number
  /** In the heap; -1: not in it. */
  index: number
}

export class Roster<R extends Rostered> {
  readonly #entries = new Map<R, Entry<R>>()
  /** A binary heap of those with a free slot. */
  readonly #open: Entry<R>[] = []
  /** Those that serve everybody and have no free slot. */
  readonly #full = new Set<R>()
  readonly #reserved = new Set<R>()

  /** Finds the place of `runner`, new or known. */
  update(runner: R): void {
    const serves = runner.ready && !runner.leased && runner.retiring === undefined
    membership(this.#reserved, runner, runner.reserved && serves)
    const chosen = serves && !runner.reserved
    const open = chosen && runner.free > 0
    membership(this.#full, runner, chosen && !open)
    let entry = this.#entries.get(runner)
    if (!open) {
      if (entry && entry.index >= 0) this.#take(entry)
      return
    }
    if (!entry) {
      entry = { runner, load: 0, index: -1 }
      this.#entries.set(runner, entry)
    }
    entry.load = runner.running
    if (entry.index < 0) {
      entry.index = this.#open.length
      this.#open.push(entry)
    }
    this.#settle(entry)
  }

  /** The runner is gone. */
  delete(runner: R): void {
    const entry = this.#entries.get(runner)
    if (entry && entry.index >= 0) this.#take(entry)
    this.#entries.delete(runner)
    this.#full.delete(runner)
    this.#reserved.delete(runner)
  }

  /** The least loaded runner with a free slot. */
  get least(): R | undefined {
    for (;;) {
      const runner = this.#open[0]?.runner
      if (!runner || runner.free > 0) return runner
      this.update(runner) // a slot was taken past the dispatcher, by a pool.call() that runs on it
    }
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

  /** Keeps the runner that will be idle soonest free of new calls. False when there is none to keep. */
  reserve(): boolean {
    const [full] = this.#full
    const runner = this.least ?? full
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

  /** Nobody waits for the runners that were kept. */
  unreserve(): void {
    for (const runner of [...this.#reserved]) {
      runner.reserved = false
      this.update(runner)
    }
  }

  #take(entry: Entry<R>): void {
    const last = this.#open.pop()!
    const { index } = entry
    entry.index = -1
    if (last === entry) return
    this.#open[index] = last
    last.index = index
    this.#settle(last)
  }

  #settle(entry: Entry<R>): void {
    const heap = this.#open
    let { index } = entry
    while (index > 0) {
      const parent = heap[(index - 1) >> 1]!
      if (!lighter(entry, parent)) break
      heap[index] = parent
      parent.index = index
      index = (index - 1) >> 1
    }
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && lighter(heap[child + 1]!, heap[child]!)) child += 1
      const other = heap[child]!
      if (!lighter(other, entry)) break
      heap[index] = other
      other.index = index
      index = child
    }
    heap[index] = entry
    entry.index = index
  }
}

function lighter<R extends Rostered>(a: Entry<R>, b: Entry<R>): boolean {
  return a.load < b.load || (a.load === b.load && a.runner.serial < b.runner.serial)
}

function membership<R>(set: Set<R>, runner: R, member: boolean): void {
  if (member) set.add(runner)
  else set.delete(runner)
}
