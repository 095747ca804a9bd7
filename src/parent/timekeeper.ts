/**
 * What the ends of a pool's runners mean for those who wait: what calls need, what has no chance at all, and which runner ends early so
 * that there is room for one with more time. Joins what is known of time with the line; who gets which runner is the dispatcher's rule.
 */
import type { WalltimeError } from "../shared/errors.ts"
import type { CallLimits } from "./call-options.ts"
import type { Choosers } from "./choosers.ts"
import type { Dispatcher } from "./dispatcher.ts"
import type { Fleet } from "./fleet.ts"
import { missing } from "./growth.ts"
import { Horizon } from "./horizon.ts"
import { LearnedNeeds } from "./learned-needs.ts"
import type { PoolSettings } from "./pool-options.ts"
import type { PooledRunner } from "./pooled-runner.ts"
import type { Request } from "./request.ts"

/** How often it is looked what has changed by the mere passing of time, while somebody waits for a runner with some time left. */
const LOOK_MS = 1_000
/** After a look at all runners that came to nothing there is none for so many times as long as it took. */
const REST = 20
/** How much of what each new runner had is never asked for because of what was only learned: the next may boot more slowly. */
const RESERVE = 0.9

/** As much of a pool's settings as it takes. */
type Settings = Pick<PoolSettings, "backend" | "learnNeeds" | "maxConcurrency" | "singleUse">

export class Timekeeper {
  /** Undefined: nothing is to be learned. */
  readonly learned: LearnedNeeds | undefined
  readonly #dispatcher: Dispatcher<PooledRunner>
  readonly #choosers: Choosers<PooledRunner>
  readonly #horizon: Horizon
  readonly #fleet: () => Fleet
  readonly #changed: (runner?: PooledRunner) => void
  /** Calls that a new runner serves at a time. */
  readonly #each: number
  /** Runners whose time says what a new one has, until it was noted. */
  readonly #fresh = new WeakSet<PooledRunner>()
  #timer: NodeJS.Timeout | undefined
  #restUntil = 0

  /** @param changed Looks again who can be served, and whether runners are missing. */
  constructor(
    settings: Settings,
    dispatcher: Dispatcher<PooledRunner>,
    fleet: () => Fleet,
    changed: (runner?: PooledRunner) => void,
  ) {
    this.learned = settings.learnNeeds ? new LearnedNeeds() : undefined
    this.#dispatcher = dispatcher
    this.#choosers = dispatcher.choosers
    this.#horizon = new Horizon(settings.backend.timeLimitMs)
    this.#fleet = fleet
    this.#changed = changed
    this.#each = settings.singleUse ? 1 : settings.maxConcurrency
  }

  /** There is one more runner. @param left It is an earlier program's: it is not new. */
  added(runner: PooledRunner, left: boolean): void {
    if (!left) this.#fresh.add(runner)
    runner.time.onChange(() => {
      this.heard(runner)
      if (!this.#choosers.any) return
      this.#choosers.touched(runner)
      this.#changed(runner)
    })
  }

  /** The runner serves, or its end is known, or another one. */
  heard(runner: PooledRunner): void {
    const { time } = runner
    if (time.endsAt !== undefined) this.learned?.begin()
    if (!runner.ready || !time.known || !this.#fresh.delete(runner)) return
    this.#horizon.note(time.leftMs)
    this.#choosers.ceilingMs = this.#horizon.leastMs * RESERVE
    this.#choosers.refuse((what, needsMs) => this.#horizon.refusal(what, needsMs))
  }

  /**
   * Says what a request needs that is about to wait: what its options say, else what was learned of `method`.
   * @returns why it has no chance; undefined: it has, as far as is known
   */
  equip(request: Request<PooledRunner>, limits: CallLimits, method?: string): WalltimeError | undefined {
    const { needsMs } = limits
    if (needsMs !== undefined) {
      request.needsMs = needsMs
      return this.#horizon.refusal(request.what(), needsMs)
    }
    // One that can go on elsewhere loses nothing with its runner.
    if (method === undefined || !this.learned?.on || limits.resumable) return undefined
    request.needsMs = this.learned.needsMs(method)
    request.soft = true
    return undefined
  }

  /** Sees to those who wait for a runner with some time left, now and again until there are none. */
  look(): void {
    if (!this.#choosers.any) return this.stop()
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#choosers.look()
      this.#changed()
    }, LOOK_MS).unref() // the pool holds the process while somebody waits
    const fleet = this.#fleet()
    // One that leaves makes room already.
    if (fleet.room || fleet.leaving || this.#missing === 0) return
    const now = performance.now()
    if (now < this.#restUntil) return
    const runner = this.#choosers.inTheWay(fleet.booting > 0)
    if (runner) fleet.retire(runner, "walltime")
    else this.#restUntil = now + REST * (performance.now() - now)
  }

  /** Runners that are waited for and not on their way. */
  get #missing(): number {
    const { leases, slots } = this.#dispatcher
    return Math.max(0, missing({ leases, slots, booting: this.#fleet().booting, maxConcurrency: this.#each }))
  }

  /** Nobody waits any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
