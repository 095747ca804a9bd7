/**
 * Ends runners that have had nothing to do for long enough. Owns since when each of them is idle, and one timer for all; whether a
 * runner is idle, and how long is long enough now, it is told.
 */
import { asError } from "../shared/as-error.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import { Chain, Link } from "./chain.ts"

export interface IdleHost<R> {
  /** After how many milliseconds an idle runner may be ended now. Infinity: none may. */
  patienceMs(): number
  /** The user's last word on it. Asked when the time is over; after a "no", or an error, the time begins anew. */
  permit(runner: R): boolean | Promise<boolean>
  /** `permit` threw. */
  failed(error: Error): void
  /** Ends it. It is not idle any more when this returns. */
  expire(runner: R): void
}

/** Since when a runner has nothing to do; NaN: it has. */
export class Idler<R> extends Link<R> {
  since = Number.NaN
  /** Something has run on it: set by who gives it work. */
  used = false
}

export interface Idling<R> {
  /** Its place among those that are idle, which the watch alone uses. */
  readonly idler: Idler<R>
}

/** It serves, and nobody has anything for it to do. */
export function isIdle(runner: {
  readonly running: number
  readonly leased: boolean
  readonly ready: boolean
  readonly retiring: string | undefined
}): boolean {
  return runner.running === 0 && !runner.leased && runner.ready && runner.retiring === undefined
}

export class IdleWatch<R extends Idling<R>> {
  readonly #host: IdleHost<R>
  /** In the order in which they became idle. */
  readonly #idle = new Chain<R>()
  #timer: LongTimer | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(host: IdleHost<R>) {
    this.#host = host
  }

  update(runner: R, idle: boolean): void {
    const { idler } = runner
    const { since } = idler
    if (!idle) {
      idler.since = Number.NaN
      this.#idle.leave(idler)
    } else if (Number.isNaN(since)) {
      idler.since = performance.now()
      this.#idle.join(idler, "last")
      // The timer of one that was idle before goes first, and looks at the others then.
      if (this.#dueAt === Number.POSITIVE_INFINITY && this.#host.patienceMs() < Number.POSITIVE_INFINITY) this.refresh()
    }
  }

  /** The runner is gone. */
  delete(runner: R): void {
    this.update(runner, false)
  }

  /** What `patienceMs` says may have changed. */
  refresh(): void {
    const first = this.#idle.first
    const since = first === undefined ? Number.POSITIVE_INFINITY : first.idler.since
    this.#arm(since + this.#host.patienceMs())
  }

  /** Looks no more. */
  stop(): void {
    this.#stopped = true
    this.#arm(Number.POSITIVE_INFINITY)
  }

  #arm(dueAt: number): void {
    this.#timer?.stop()
    this.#timer = undefined
    this.#dueAt = dueAt
    if (dueAt === Number.POSITIVE_INFINITY || this.#stopped) return
    this.#timer = after(Math.max(0, dueAt - performance.now()), () => this.#look()).unref()
  }

  #look(): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    for (;;) {
      const runner = this.#idle.first
      if (runner === undefined) return
      const { idler } = runner
      const dueAt = idler.since + this.#host.patienceMs()
      if (dueAt > now) return this.#arm(dueAt) // those behind became idle later
      this.#ask(idler)
    }
  }

  /** While the user is asked it stands in no line; its `since` says whether it has worked meanwhile. */
  #ask(idler: Idler<R>): void {
    const { since } = idler
    this.#idle.leave(idler)
    const failed = (thrown: unknown) => {
      this.#host.failed(asError(thrown))
      this.#decide(idler, since, false)
    }
    try {
      const answer = this.#host.permit(idler.item)
      if (answer instanceof Promise) answer.then(permitted => this.#decide(idler, since, permitted), failed)
      else this.#decide(idler, since, answer)
    } catch (thrown) {
      failed(thrown)
    }
  }

  #decide(idler: Idler<R>, since: number, permitted: boolean): void {
    if (idler.since !== since || this.#stopped) return // it worked meanwhile, or is gone
    idler.since = Number.NaN
    const due = since + this.#host.patienceMs() <= performance.now() // the answer may have taken long enough for that to change
    if (permitted && due) this.#host.expire(idler.item)
    else this.update(idler.item, true)
  }
}
