/**
 * Who gets which runner: joins those who wait with those who can be chosen. Owns the rules of fairness; boots nothing and knows
 * neither jobs nor connections.
 */
import { Homes } from "./homes.ts"
import type { Request } from "./request.ts"
import { Roster, type Rostered } from "./roster.ts"
import { WaitingLine } from "./waiting-line.ts"

export interface DispatcherHost<R> {
  /** Whether more runners may be booted. Where not, one that works is kept free for a lease that waits. */
  room(): boolean
  /** Runners on their way: each is for who waits longest. */
  coming(): number
  /** The runner is about to be given to somebody. */
  given(runner: R): void
}

/** So many calls may be served while a lease waits, and another runner is kept for it. */
const PATIENCE = 32

export class Dispatcher<R extends Rostered<R>> {
  readonly #line = new WaitingLine<R>()
  readonly #roster = new Roster<R>()
  readonly #homes = new Homes<R>()
  readonly #host: DispatcherHost<R>
  #dispatching = false
  /** Calls that were served since a runner was kept for a lease that still waits. */
  #passed = 0
  /** Runners that are kept beside those that were kept first and do not become idle. */
  #inVain = 0

  constructor(host: DispatcherHost<R>) {
    this.#host = host
  }

  /** All who wait. */
  get size(): number {
    return this.#line.size
  }

  /** Those for whom a runner may have to be booted: who waits for a certain one is not among them. */
  get leases(): number {
    return this.#line.leases.size
  }
  get slots(): number {
    return this.#line.slots.size
  }

  /** Waits from now on; who was in the line before has its old place in it. */
  join(request: Request<R>): void {
    this.#line.join(request)
  }

  /** Waits from now on, behind all others. */
  rejoin(request: Request<R>): void {
    this.#line.rejoin(request)
  }

  /** False when it was not waiting any more. */
  leave(request: Request<R>): boolean {
    return this.#line.remove(request)
  }

  /** A new runner. */
  add(runner: R): void {
    this.#roster.add(runner)
  }

  /** Load, lease or state of the runner changed. */
  update(runner: R): void {
    this.#roster.update(runner)
  }

  /** The runner has lost what it held or takes no more work: its keys are homeless, who waited for it goes to another. */
  forget(runner: R): void {
    this.#roster.update(runner)
    for (const request of this.#homes.leave(runner)) {
      this.#line.remove(request)
      this.#line.join(request)
    }
  }

  /** The runner is gone. */
  delete(runner: R): void {
    this.forget(runner)
    this.#roster.delete(runner)
  }

  /** Tells everyone, those who wait for a certain runner as well. */
  failAll(error: unknown): void {
    this.#line.failAll(error, this.#homes.queues)
  }

  /** Serves who can be served. @param freed A runner that has slots, or may have: who waits for it comes first. */
  dispatch(freed?: R): void {
    if (freed) this.#serveHome(freed)
    if (this.#dispatching) return // by somebody who was just given a runner: the loop below goes on by itself
    this.#dispatching = true
    try {
      do while (this.#serveNext()) {}
      while (this.#unreserve())
    } finally {
      this.#dispatching = false
    }
    if (freed) this.#serveHome(freed)
  }

  #serveNext(): boolean {
    const lease = this.#line.leases.head
    const slot = this.#line.slots.head
    if (lease) {
      const promised = this.#roster.reserved > 0 ? this.#roster.promised : undefined
      const first = !slot || lease.arrival < slot.arrival
      const runner = promised ?? (first ? this.#roster.idle : undefined)
      if (runner) return this.#give(lease, runner)
      if (first) this.#reserve(lease, slot)
    }
    if (!slot) return false
    const home = slot.key === undefined ? undefined : this.#homes.of(slot.key)
    if (home) {
      if (!this.#canServe(home)) {
        this.#line.move(slot, this.#homes.waitingFor(home))
        return true
      }
      // It has a slot again and was not yet said to be free: who waits for it came before.
      const waits = this.#homes.next(home)
      return this.#give(waits && waits.arrival < slot.arrival ? waits : slot, home)
    }
    const runner = this.#roster.least
    return runner !== undefined && this.#give(slot, runner)
  }

  /**
   * At `max`, the runners that are idle soonest are kept free of new calls for the leases that wait, have no runner on its way to them,
   * and came before the calls that do; otherwise a steady stream of calls would keep them waiting for ever.
   */
  #reserve(first: Request<R>, slot: Request<R> | undefined): void {
    if (this.#host.room()) return
    let lease: Request<R> | undefined = first
    // A job may be in the queue for hours: who waits for it must not keep the calls of all others waiting as well.
    for (let coming = this.#host.coming(); coming > 0 && lease; coming--) lease = lease.behind
    if (!lease) {
      this.#passed = 0 // nobody was passed over
      return
    }
    // Those that were kept in vain stand for nobody: what runs there may be something that never ends.
    for (let kept = this.#roster.reserved - this.#inVain; kept > 0 && lease; kept--) lease = lease.behind
    while (lease && (!slot || lease.arrival < slot.arrival)) {
      if (!this.#roster.reserve()) return
      lease = lease.behind
    }
    if (this.#passed < PATIENCE) return
    this.#passed = 0
    if (this.#roster.reserve()) this.#inVain += 1
  }

  /** Runners that are kept for nobody any more serve everybody again. */
  #unreserve(): boolean {
    if (this.#roster.reserved === 0 || this.#line.leases.size > 0) return false
    this.#roster.unreserve()
    this.#inVain = 0
    return true
  }

  /** Serves who waits for this runner alone, as far as nobody waits who came before and could go anywhere. */
  #serveHome(runner: R): void {
    for (;;) {
      const request = this.#homes.next(runner)
      if (!request || !this.#canServe(runner)) return
      const { head } = this.#line.slots
      if (head && head.arrival < request.arrival) return
      this.#give(request, runner)
    }
  }

  #canServe(runner: R): boolean {
    return runner.ready && !runner.leased && !runner.reserved && runner.retiring === undefined && runner.free > 0
  }

  #give(request: Request<R>, runner: R): true {
    this.#line.remove(request)
    if (request.kind === "lease") {
      runner.reserved = false
      this.#passed = 0
      if (this.#inVain > 0) this.#inVain -= 1
    } else if (this.#line.leases.size > 0) {
      this.#passed += 1
    }
    if (request.key !== undefined) this.#homes.settle(request.key, runner)
    this.#host.given(runner)
    request.place(runner)
    this.#roster.update(runner)
    return true
  }
}
