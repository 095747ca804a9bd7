/**
 * Who gets which runner: joins those who wait with those who can be chosen. Owns the rules of fairness; boots nothing and knows
 * neither jobs nor connections.
 */
import { Choosers, canServe } from "./choosers.ts"
import { Homes } from "./homes.ts"
import { isBefore, type Request } from "./request.ts"
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
  /** Those of the line who need time. */
  readonly choosers = new Choosers<R>(this.#line, this.#roster, this.#homes)
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
    const { slots, choosy } = this.#line
    return choosy.empty ? slots.size : slots.size + choosy.size
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
    this.choosers.touched(runner)
  }

  /** The runner has lost what it held or takes no more work: its keys are homeless, who waited for it goes to another. */
  forget(runner: R): void {
    this.#roster.update(runner)
    for (const request of this.#homes.leave(runner)) this.choosers.comeBack(request)
  }

  /** The runner is gone. */
  delete(runner: R): void {
    this.forget(runner)
    this.#roster.delete(runner)
    this.choosers.delete(runner)
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

  /** Of those who can be served, the one who came first. */
  #serveNext(): boolean {
    const choice = this.choosers.next() // may bring calls back into the line
    const slot = this.#line.slots.head
    const next = isBefore(choice?.request, slot) ? choice!.request : slot
    if (this.#line.leases.head && this.#serveLease(next)) return true
    if (choice && next === choice.request) {
      // A lease may just have been promised that runner: then it is looked again.
      return choice.runner.reserved || this.#give(choice.request, choice.runner)
    }
    return slot !== undefined && this.#serveSlot(slot)
  }

  /** @param next Who is served if no lease is. Leases that came later have to wait. */
  #serveLease(next: Request<R> | undefined): boolean {
    const promised = this.#roster.reserved > 0 ? this.#roster.promised : undefined
    if (promised) {
      for (const lease of this.#line.leases) if (this.choosers.fits(promised, lease)) return this.#give(lease, promised)
      this.#unreserve(promised) // it was kept for one who needs more time than it has by now
      return true
    }
    for (const lease of this.#line.leases) {
      if (!isBefore(lease, next)) break
      const runner =
        lease.needsMs > 0 ? this.#roster.idleOf(idle => this.choosers.fits(idle, lease)) : this.#roster.idle
      if (runner) return this.#give(lease, runner)
      if (lease.needsMs === 0) break // nobody is idle
    }
    if (isBefore(this.#line.leases.head, next)) this.#reserve(next)
    return false
  }

  #serveSlot(slot: Request<R>): boolean {
    const home = slot.key === undefined ? undefined : this.#homes.of(slot.key)
    if (!home) {
      const runner = this.#roster.least
      return runner !== undefined && this.#give(slot, runner)
    }
    if (!canServe(home)) {
      this.#line.move(slot, this.#homes.waitingFor(home))
      return true
    }
    return this.#give(this.choosers.firstAt(home, slot), home)
  }

  /**
   * At `max`, the runners that are idle soonest are kept free of new calls for the leases that wait, have no runner on its way to them,
   * and came before the calls that do; otherwise a steady stream of calls would keep them waiting for ever.
   */
  #reserve(next: Request<R> | undefined): void {
    if (this.#host.room()) return
    // A job may be in the queue for hours: who waits for it must not keep the calls of all others waiting as well.
    let coming = this.#host.coming()
    // Those that were kept in vain stand for nobody: what runs there may be something that never ends.
    let kept = this.#roster.reserved - this.#inVain
    let passed: Request<R> | undefined
    for (const lease of this.#line.leases) {
      if (--coming >= 0) continue
      const accept = lease.needsMs === 0 ? undefined : (runner: R) => this.choosers.fits(runner, lease)
      if (accept && !this.#roster.servingOf(accept)) continue // none of them will do: there is nothing to keep
      passed ??= lease
      if (--kept >= 0) continue
      if (!isBefore(lease, next)) break
      if (!this.#roster.reserve(accept) && !accept) return
    }
    if (!passed) this.#passed = 0 // nobody was passed over
    if (!passed || this.#passed < PATIENCE) return
    this.#passed = 0
    const first = passed
    const kind = first.needsMs === 0 ? undefined : (runner: R) => this.choosers.fits(runner, first)
    if (this.#roster.reserve(kind)) this.#inVain += 1
  }

  /** Runners that are kept for nobody any more, or `one` of them, serve everybody again. */
  #unreserve(one?: R): boolean {
    if (!one && (this.#roster.reserved === 0 || this.#line.leases.size > 0)) return false
    this.#roster.unreserve(one)
    this.#line.choosy.unstick()
    this.#inVain = one ? Math.max(0, this.#inVain - 1) : 0
    return true
  }

  /** Serves who waits for this runner alone, as far as nobody waits who came before and could go anywhere. */
  #serveHome(runner: R): void {
    for (;;) {
      if (!canServe(runner)) return
      const request = this.choosers.nextAt(runner)
      if (!request || isBefore(this.#line.slots.head, request)) return
      if (this.choosers.isPassed(runner, request)) return
      this.#give(request, runner)
    }
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
    if (request.key !== undefined) {
      // The key's home may have had too little time: those who wait there for that key wait for its new home.
      for (const left of this.#homes.settle(request.key, runner)) this.choosers.comeBack(left)
    }
    this.#host.given(runner)
    request.place(runner)
    this.update(runner)
    return true
  }
}
