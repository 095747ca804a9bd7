/**
 * Ends runners that have had nothing to do for long enough. Owns since when each of them is idle, and one timer for all; whether a
 * runner is idle, and how long is long enough now, it is told.
 */
import { after, type LongTimer } from "../shared/timer.ts"

export interface IdleHost<R> {
  /** After how many milliseconds an idle runner may be ended now. Infinity: none may. */
  patienceMs(): number
  /** The user's last word on it. Asked when the time is over; after a "no" the time begins anew. */
  permit(runner: R): boolean | Promise<boolean>
  /** Ends it. It is not idle any more when this returns. */
  expire(runner: R): void
}

export class IdleWatch<R> {
  readonly #host: IdleHost<R>
  /** In the order in which they became idle; since when. */
  readonly #idle = new Map<R, number>()
  /** Those about whom the user is being asked. */
  readonly #asked = new Set<R>()
  #timer: LongTimer | undefined
  #dueAt = Number.POSITIVE_INFINITY

  constructor(host: IdleHost<R>) {
    this.#host = host
  }

  update(runner: R, idle: boolean): void {
    if (!idle) {
      this.#idle.delete(runner)
    } else if (!this.#idle.has(runner)) {
      this.#idle.set(runner, performance.now())
      // The timer of one that was idle before goes first, and looks at the others then.
      if (this.#dueAt === Number.POSITIVE_INFINITY && this.#host.patienceMs() < Number.POSITIVE_INFINITY) this.refresh()
    }
  }

  /** What `patienceMs` says may have changed. */
  refresh(): void {
    const [since] = this.#idle.values()
    this.#arm(since === undefined ? Number.POSITIVE_INFINITY : since + this.#host.patienceMs())
  }

  stop(): void {
    this.#idle.clear()
    this.#arm(Number.POSITIVE_INFINITY)
  }

  #arm(dueAt: number): void {
    this.#timer?.stop()
    this.#timer = undefined
    this.#dueAt = dueAt
    if (dueAt === Number.POSITIVE_INFINITY) return
    this.#timer = after(Math.max(0, dueAt - performance.now()), () => this.#look()).unref()
  }

  #look(): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    for (const [runner, since] of this.#idle) {
      if (this.#asked.has(runner)) continue
      const dueAt = since + this.#host.patienceMs()
      if (dueAt > now) {
        this.#arm(dueAt)
        return // those behind became idle later
      }
      this.#ask(runner, since)
    }
  }

  #ask(runner: R, since: number): void {
    const answer = this.#host.permit(runner)
    if (typeof answer === "boolean") return this.#decide(runner, since, answer)
    this.#asked.add(runner)
    void answer.then(permitted => {
      this.#asked.delete(runner)
      this.#decide(runner, since, permitted)
    })
  }

  #decide(runner: R, since: number, permitted: boolean): void {
    if (this.#idle.get(runner) !== since) return // it worked meanwhile, or is gone
    this.#idle.delete(runner)
    if (permitted && this.#host.patienceMs() < Number.POSITIVE_INFINITY) this.#host.expire(runner)
    else this.update(runner, true)
  }
}
