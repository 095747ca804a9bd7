/**
 * Pools whose simulated runners live for so long and not longer, on a clock that stands still until it is told to go on: each is told to
 * take no more work before its end, and is gone at its end. Owns the runners' lives; what is to come of them the tests say.
 */
import type { RunnerInfo } from "../../src/parent/events.ts"
import type { FlamePool } from "../../src/parent/pool.ts"
import type { PoolOptions } from "../../src/parent/pool-options.ts"
import type { Job } from "../../src/shared/backend.ts"
import { Clock, turn } from "../property/clock.ts"
import { type Api, simulatedPool } from "./pool.ts"
import type { Received, SimulatedRunner } from "./runner.ts"

export interface Lives {
  readonly limitMs: number
  readonly drainMs: number
  /** From the submission until it serves: of each in the order in which they are made, the last one's is that of all others. */
  readonly bootMs: readonly number[]
  /** How long a call runs; undefined: until it is answered by the test. */
  readonly callMs?: number
  /** The boots of these runners, counted from 0, fail. */
  readonly failing?: readonly number[]
}

export class ShortLives {
  readonly clock = new Clock()
  readonly pool: FlamePool<Api>
  readonly runners: SimulatedRunner[]
  readonly handovers: { runner: RunnerInfo; successor: RunnerInfo; at: number }[] = []
  /** When each runner was made, in seconds. */
  readonly madeAt: number[] = []
  /** Turns in which runners were made, and how many. */
  readonly turns: number[] = []
  readonly requests: Received[] = []
  readonly errors: unknown[] = []
  readonly #lives: Lives
  readonly #startedAt = this.clock.now
  readonly #timers = new Map<SimulatedRunner, NodeJS.Timeout[]>()
  #inTurn = 0

  constructor(lives: Lives, options: Partial<PoolOptions>) {
    this.#lives = lives
    const runners: SimulatedRunner[] = []
    this.runners = runners
    const { pool } = simulatedPool(options, {
      made: runner => this.#made(runner),
      boot: runner => this.#boot(runner),
      received: request => {
        this.requests.push(request)
        if (lives.callMs !== undefined) setTimeout(() => answer(request), lives.callMs).unref()
      },
    })
    this.pool = pool
    pool.on("runner:handover", ({ runner, successor }) => this.handovers.push({ runner, successor, at: this.seconds }))
    pool.on("error", error => this.errors.push(error))
  }

  get seconds(): number {
    return (this.clock.now - this.#startedAt) / 1_000
  }

  /** Runners that take work. */
  get serving(): SimulatedRunner[] {
    return this.runners.filter(({ ready, retiring }) => ready && retiring === undefined)
  }

  /** Runners that exist. */
  get alive(): SimulatedRunner[] {
    return this.runners.filter(({ state }) => state !== "gone")
  }

  /** Lets so much time pass, and looks at what is true each second of it. */
  async pass(seconds: number, look: () => void = () => {}): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      await turn()
      await this.clock.advance(1_000)
      await turn()
      look()
    }
  }

  /** The scheduler says that it ends in so many seconds. */
  endsIn(runner: SimulatedRunner, seconds: number, limitMs = this.#lives.limitMs): void {
    const leftMs = seconds * 1_000
    for (const timer of this.#timers.get(runner) ?? []) clearTimeout(timer)
    this.#timers.set(runner, [
      setTimeout(() => runner.drain("walltime"), leftMs - this.#lives.drainMs).unref(),
      setTimeout(() => runner.end("walltime"), leftMs).unref(),
    ])
    runner.time.set(Date.now() + leftMs, limitMs)
  }

  async end(): Promise<void> {
    const closed = this.pool.close({ timeout: 0 })
    await this.pass(2)
    await closed
    this.clock.uninstall()
  }

  #made(runner: SimulatedRunner): void {
    this.runners.push(runner)
    this.madeAt.push(this.seconds)
    runner.job = { drainBeforeMs: this.#lives.drainMs } as Job
    if (this.#inTurn++ > 0) return
    queueMicrotask(() => {
      this.turns.push(this.#inTurn)
      this.#inTurn = 0
    })
  }

  #boot(runner: SimulatedRunner): void {
    const { bootMs, failing = [], limitMs } = this.#lives
    const at = this.runners.indexOf(runner)
    const ms = bootMs[Math.min(at, bootMs.length - 1)]!
    setTimeout(() => {
      if (runner.state === "gone") return
      if (failing.includes(at)) return runner.end("boot-failed", new Error(`boot ${at} fails`))
      this.endsIn(runner, limitMs / 1_000)
      runner.up()
    }, ms).unref()
  }
}

export function answer({ waiter }: Received): void {
  waiter.resolve("done")
  waiter.done()
}
