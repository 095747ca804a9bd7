/**
 * Those who need a runner with some time left, and the runners that have it. Owns the search among them, and who has to be looked at
 * again as time passes; in which order all are served is the dispatcher's rule.
 */
import { hasTime } from "./has-time.ts"
import type { Homes } from "./homes.ts"
import { inTheWay } from "./make-room.ts"
import { isBefore, type Request } from "./request.ts"
import type { Roster, Rostered } from "./roster.ts"
import type { WaitingLine } from "./waiting-line.ts"

/** Who is to be served next, and by whom. */
export interface Choice<R> {
  readonly request: Request<R>
  readonly runner: R
}

type Needs = Pick<Request<unknown>, "needsMs" | "soft">

/** Whether the runner could begin a call now. */
export function canServe<R>(runner: Rostered<R>): boolean {
  return runner.ready && !runner.leased && !runner.reserved && runner.retiring === undefined && runner.free > 0
}

export class Choosers<R extends Rostered<R>> {
  readonly #line: WaitingLine<R>
  readonly #roster: Roster<R>
  readonly #homes: Homes<R>
  /** Runners that may have become free since it was looked last who has the time for whom; kept only while somebody asks for that. */
  readonly #freed = new Set<R>()
  /** Who waits for the home of a key, and needs time: it may run out there. */
  readonly #pinned = new Map<Request<R>, R>()
  #ceilingMs = 0

  constructor(line: WaitingLine<R>, roster: Roster<R>, homes: Homes<R>) {
    this.#line = line
    this.#roster = roster
    this.#homes = homes
  }

  /** There is somebody. */
  get any(): boolean {
    return !this.#line.choosy.empty || this.#line.choosyLeases > 0 || this.#pinned.size > 0
  }

  /** What was learned of a call's needs counts as no more than this, in ms: what each new runner has. */
  set ceilingMs(ms: number) {
    this.#ceilingMs = ms
    this.#line.choosy.unstick()
  }

  /** The runner may have a free slot now, or more time than before. */
  touched(runner: R): void {
    if (!this.#line.choosy.empty) this.#freed.add(runner)
  }

  /** The runner is gone. */
  delete(runner: R): void {
    this.#freed.delete(runner)
  }

  /** Whether the runner has the time. */
  fits(runner: R, request: Request<R>): boolean {
    return request.needsMs === 0 || hasTime(runner, this.#needs(request), request.soft)
  }

  /** The one who came first of those for whom a runner that has the time is free. Who waits for a key's home goes there. */
  next(): Choice<R> | undefined {
    if (this.#line.choosy.empty) return undefined
    let best: Choice<R> | undefined
    for (const group of this.#line.choosy.groups()) {
      for (let { head } = group.waiting; head && !isBefore(best?.request, head); head = group.waiting.head) {
        const home = head.key === undefined ? undefined : this.#homes.of(head.key)
        if (home && this.fits(home, head)) {
          if (canServe(home)) {
            best = { request: this.firstAt(home, head), runner: home }
            break
          }
          this.#line.move(head, this.#homes.waitingFor(home))
          this.#pinned.set(head, home)
          continue
        }
        const runner = this.#freeFor(head, group.stuck)
        if (runner) best = { request: head, runner }
        else group.stuck = true
        break
      }
    }
    if (!best) this.#freed.clear() // each of them was looked at for each group
    return best
  }

  /** @param stuck None had the time that was free before, and time only passes. */
  #freeFor(request: Request<R>, stuck: boolean): R | undefined {
    if (!stuck) return this.#roster.leastOf(runner => this.fits(runner, request))
    let least: R | undefined
    for (const runner of this.#freed) {
      const better = !least || runner.running < least.running
      if (better && canServe(runner) && this.fits(runner, request)) least = runner
    }
    return least
  }

  /** The runner has a slot again and was not yet said to be free: who waits for it came before. */
  firstAt(home: R, request: Request<R>): Request<R> {
    const waits = this.nextAt(home)
    return waits && isBefore(waits, request) ? waits : request
  }

  /** The first who waits for this runner. Who needs more time than it has by now waits for any other. */
  nextAt(home: R): Request<R> | undefined {
    for (;;) {
      const request = this.#homes.next(home)
      if (!request || this.fits(home, request)) return request
      this.comeBack(request)
    }
  }

  /** Waits for any runner again, where it was in the line. */
  comeBack(request: Request<R>): void {
    this.#pinned.delete(request)
    this.#line.remove(request)
    this.#line.join(request)
  }

  /** Somebody who needs time, and would have it here, came before. */
  isPassed(runner: R, request: Request<R>): boolean {
    if (this.#line.choosy.empty) return false
    for (const { waiting } of this.#line.choosy.groups()) {
      if (isBefore(waiting.head, request) && this.fits(runner, waiting.head!)) return true
    }
    return false
  }

  /** Looks who waits for a runner that has not enough time any more: they wait for any other. Returns whether there were any. */
  look(): boolean {
    let moved = false
    for (const [request, home] of this.#pinned) {
      if (request.list !== this.#homes.waitingFor(home)) this.#pinned.delete(request)
      else if (!this.fits(home, request)) {
        this.comeBack(request)
        moved = true
      }
    }
    return moved
  }

  /**
   * A runner that is to end early, so that one can be booted that has the time for who waits; undefined: none is in the way.
   * @param coming A runner is on its way.
   */
  inTheWay(coming: boolean): R | undefined {
    for (const request of this.#undecided()) {
      const { soft } = request
      const runner = inTheWay(this.#roster.all, { needsMs: this.#needs(request), soft }, coming)
      if (runner) return runner
    }
    return undefined
  }

  /** Fails those who wait for what no runner has. @param refusal Why one who needs so much has to fail; undefined: it has not. */
  refuse(refusal: (what: string, needsMs: number) => Error | undefined): void {
    const pinned = [...this.#pinned.keys()].filter(request => request.list)
    for (const request of [...this.#undecided(true), ...pinned]) {
      const error = request.soft ? undefined : refusal(request.what(), request.needsMs)
      if (error && this.#line.remove(request)) request.fail(error)
    }
  }

  /** What is learned keeps nobody waiting for more than there is. */
  #needs({ needsMs, soft }: Needs): number {
    return soft ? Math.min(needsMs, this.#ceilingMs) : needsMs
  }

  /** Who waits for a runner that has the time for them: of calls with equal needs the first, or `all`. */
  *#undecided(all = false): Generator<Request<R>> {
    for (const { waiting } of this.#line.choosy.groups()) yield* all ? [...waiting] : [waiting.head!]
    if (this.#line.choosyLeases === 0) return
    for (const lease of [...this.#line.leases]) if (lease.needsMs > 0) yield lease
  }
}
