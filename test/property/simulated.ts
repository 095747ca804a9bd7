/**
 * Plays a sequence on a real pool over simulated runners, and keeps a model of it: who waits, who runs where, what must come of it.
 * After each step the pool has to agree, and at the end nothing may be left. Owns the steps' meaning; the rules are in `rules.ts`.
 */

import type { CallOptions } from "../../src/parent/call-options.ts"
import { handleOn } from "../../src/parent/held-object.ts"
import type { Lease } from "../../src/parent/lease.ts"
import type { FlamePool } from "../../src/parent/pool.ts"
import type { Job } from "../../src/shared/backend.ts"
import { BootError, RunnerDrainingError } from "../../src/shared/errors.ts"
import { type Api, simulatedPool } from "../simulated/pool.ts"
import type { Received, SimulatedRunner } from "../simulated/runner.ts"
import { Clock, turn } from "./clock.ts"
import { Rules } from "./rules.ts"
import type { Sequence, Setting, Step } from "./steps.ts"
import { Work } from "./work.ts"

/** So long before its end a runner drains. */
const DRAIN_MS = 10_000
/** What calls need: the last is more than a runner has. */
const NEEDS = [20_000, 70_000, 90_000, 5_000, 200_000]

/** What a function on a runner throws. */
class AppError extends Error {
  constructor(name: string, work: number) {
    super(`work ${work} failed`)
    this.name = name
  }
}

interface Placed {
  readonly runner: SimulatedRunner
  release(): void
}

export interface Spawn {
  readonly id: number
  readonly controller: AbortController
  /** Asked of a pool that was being closed. */
  readonly late: boolean
  readonly needs: number
  until: number
  aborted: boolean
  lease: Lease<unknown> | undefined
  settled: boolean
}

/** Plays it, or throws what was wrong. Returns how many steps and pieces of work there were. */
export async function play({ setting, steps }: Sequence): Promise<{ steps: number; work: number }> {
  const clock = new Clock()
  const world = new World(setting, clock)
  try {
    for (const step of steps) {
      world.step(step)
      if (step.do === "wait") await world.wait([1, 40, 600, 2_500, 31_000, 130_000][step.n % 6]!)
      if (step.on) continue
      await world.quiet()
    }
    await world.finish()
    return { steps: steps.length, work: world.all.length }
  } finally {
    clock.uninstall()
  }
}

/** The whole time of a runner that has an end. */
export const LIMIT_MS = 100_000

const pick = <T>(from: readonly T[], at: number): T | undefined => from[at % Math.max(1, from.length)]

export class World {
  readonly all: Work[] = []
  readonly spawns: Spawn[] = []
  readonly runners: SimulatedRunner[]
  readonly pool: FlamePool<Api>
  readonly clock: Clock
  readonly setting: Setting
  /** Runners that wait to be told how their boot ends. */
  readonly booting = new Set<SimulatedRunner>()
  readonly placed = new Set<Placed>()
  readonly errors: unknown[] = []
  /** The lease on each runner, as far as its holder knows. */
  readonly leases = new Map<SimulatedRunner, Lease<unknown>>()
  turns = 0
  /** A boot failed, and none has succeeded since. */
  backingOff = false
  bootsFailed = 0
  closing = false
  closed = false
  readonly #rules: Rules
  readonly #call: FlamePool<Api>["call"]
  #arrivals = 0
  /** Where a function is about to begin. */
  #holder: SimulatedRunner | undefined
  /** A runner whose work is being lost just now. */
  #losing: SimulatedRunner | undefined
  #listening = 3

  constructor(setting: Setting, clock: Clock) {
    this.setting = setting
    this.clock = clock
    this.#rules = new Rules(this)
    const { max, min, maxConcurrency, singleUse, idles, minIdles } = setting
    const made: SimulatedRunner[] = []
    this.runners = made
    const { pool } = simulatedPool(
      {
        max,
        min,
        maxConcurrency,
        singleUse,
        idleShutdownAfter: idles ? "2s" : "infinity",
        minIdleShutdownAfter: minIdles ? "5s" : "infinity",
        shutdownTimeout: "20s",
        learnNeeds: false,
      },
      {
        made: runner => {
          made.push(runner)
          this.#rules.made()
        },
        boot: runner => void this.booting.add(runner),
        received: (request, runner) => this.#received(request, runner),
        holds: runner => {
          this.#holder = runner
        },
        losing: (runner, restarts) => this.#lose(runner, restarts),
      },
    )
    this.pool = pool
    this.#call = pool.call.bind(pool)
    // Maps and casts come this way, too: each of their calls is known when it is made.
    pool.call = ((fn: (api: Api) => unknown, options: CallOptions = {}) => this.#heldCall(fn, options)) as never
    pool.on("error", error => this.errors.push(error))
    pool.on("runner:up", () => {
      this.backingOff = false
    })
    if (setting.listens !== "none") pool.on(setting.listens, () => this.#listen())
  }

  /** A key, where one means anything. */
  #key(n: number): { key?: string } {
    return this.setting.singleUse ? {} : { key: `k${n}` }
  }

  /** Makes one step; what there is nothing for does nothing. */
  step({ do: what, at, n }: Step): void {
    const open = () => this.#open(at)
    switch (what) {
      case "call":
        return this.#apiCall({})
      case "keyed":
        return n < 8 ? this.#apiCall(this.#key(n % 3)) : this.#hold(this.#key(n % 3), n)
      case "needy": {
        const needs = NEEDS[n % NEEDS.length]!
        const key = at % 3 === 0 ? this.#key(at) : {}
        if (n > 9) return this.#spawn(n - 8, needs)
        return n < 6 ? this.#apiCall({ needs, ...key }) : this.#hold({ needs, ...key }, n)
      }
      case "retried": {
        const retries = { times: 1 + (n % 2), on: n < 8 ? ["ERR_FLAME_RUNNER_LOST", "Again"] : ["Again"] }
        const key = at === 0 ? this.#key(1) : {}
        return n % 3 === 0 ? this.#hold({ retries, ...key }, n) : this.#apiCall({ retries, ...key })
      }
      case "timed":
        return n % 2 === 0 ? this.#apiCall({ timeout: 50 * (n + 1) }) : this.#hold({ timeout: 50 * (n + 1) }, n)
      case "held":
        return this.#hold({}, n)
      case "cast":
        return this.#guard(() => this.pool.cast(api => this.#behave(api, n)))
      case "place":
        return this.#place()
      case "map":
        return this.#map(n)
      case "spawn":
        return this.#spawn(n)
      case "leaseCall":
        return this.#leaseCall(at, n)
      case "release":
        return void pick([...this.leases.values()], at)?.release()
      case "terminate":
        return void pick([...this.leases.values()], at)?.terminate()
      case "unplace":
        return pick([...this.placed], at)?.release()
      case "abort":
        return this.#abort(at)
      case "answer":
        return this.#answer(open())
      case "fail":
        return this.#fail(this.#open(at, n % 2 === 0), n % 4 === 3 ? "Plain" : "Again")
      case "up":
        return this.#up(pick([...this.booting], at))
      case "bootFail":
        return this.#bootFail(pick([...this.booting], at))
      case "kill":
        return this.#alive(at)?.end(n % 2 === 0 ? "node-fail" : "crashed")
      case "crash":
        return this.#alive(at)?.crash()
      case "drain":
        return this.#alive(at)?.drain("walltime")
      case "ends":
        return this.#endsIn(this.#alive(at), n)
      case "refuse":
        return this.#refuse(at)
      case "cut":
      case "mend":
        return this.#alive(at)?.reach(what === "mend")
      case "scale":
        return this.#guard(() => this.pool.scale({ max: 1 + (n % 5), min: Math.min(at % 3, 1 + (n % 5)) }))
      case "close":
        return this.#close(n)
      case "wait":
        return
    }
  }

  async wait(ms: number): Promise<void> {
    await this.quiet()
    await this.clock.advance(ms)
  }

  /** Lets everything happen that is to happen at once; then the pool and the model have to agree. */
  async quiet(): Promise<void> {
    await turn()
    await turn()
    this.turns += 1
    for (const work of this.all) if (work.phase === "back") work.phase = "waiting"
    this.#rules.quiet()
  }

  /** Everybody is served, nothing fails any more: it all has to come to an end. */
  async finish(): Promise<void> {
    for (let round = 0; round < 200 && !this.#over(); round++) {
      this.#serve()
      await this.quiet()
      if (round > 3) await this.clock.advance(round > 20 ? 60_000 : 700)
    }
    this.#rules.over()
    if (!this.closing) this.#close(5)
    for (let round = 0; round < 50 && !this.closed; round++) {
      this.#serve()
      await this.quiet()
      if (round > 3) await this.clock.advance(1_000)
    }
    await turn()
    this.#rules.gone()
  }

  #serve(): void {
    for (const runner of this.runners) if (!runner.reachable && runner.state !== "gone") runner.reach(true)
    for (const runner of [...this.booting]) this.#up(runner)
    for (const placed of [...this.placed]) placed.release()
    for (const lease of [...this.leases.values()]) if (!this.#waitsFor(lease)) void lease.release()
    for (const runner of this.runners) for (const request of runner.open) this.#answer({ request, runner })
  }

  #waitsFor(lease: Lease<unknown>): boolean {
    return this.all.some(work => work.lease === lease && work.phase !== "over")
  }

  #over(): boolean {
    return this.all.every(work => work.outcome) && this.spawns.every(spawn => spawn.settled && !spawn.lease)
  }

  /** What is refused at once has no consequences. */
  #guard(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#rules.refusedAtOnce(error)
    }
  }

  #work(kind: Work["kind"], options: CallOptions, lease?: Lease<unknown>): Work {
    const { key, retries, timeout, needs } = options
    const controller = new AbortController()
    const work = new Work(this.all.length, kind, key, retries as Work["retries"], controller, lease)
    work.arrival = ++this.#arrivals
    work.turn = this.turns
    if (typeof needs === "number") work.needs = needs
    if (typeof timeout === "number") work.until = this.clock.now + timeout
    if (this.closing) this.#end(work, { error: "closed" })
    this.all.push(work)
    return work
  }

  #watch(work: Work, promise: PromiseLike<unknown>): void {
    promise.then(
      value => this.#rules.settled(work, { value }),
      error => this.#rules.settled(work, { error }),
    )
  }

  #end(work: Work, expected: NonNullable<Work["expected"]>): void {
    work.phase = "over"
    work.expected ??= expected
  }

  /** It is to wait again. */
  #requeue(work: Work, failed: boolean, rough = false): void {
    work.phase = rough ? "back" : "waiting"
    if (!failed) {
      work.refused += 1
      return
    }
    work.retried += 1
    work.arrival = ++this.#arrivals
    work.turn = this.turns
    work.rough = rough
  }

  #apiCall(options: CallOptions): void {
    const work = this.#work("api", options)
    const api = this.pool.with({ ...options, signal: work.controller!.signal })
    this.#watch(work, api.f(work.id))
  }

  #hold(options: CallOptions, n: number): void {
    const signal = new AbortController()
    const promise = this.pool.call(api => this.#behave(api as unknown as Api, n), { ...options, signal: signal.signal })
    promise.catch(() => {}) // it is watched where it is made
    this.#aborts.set(this.all.length - 1, signal)
  }
  readonly #aborts = new Map<number, AbortController>()

  /** What the caller's function does: so many calls, one after the other or at once. */
  async #behave(api: unknown, n: number): Promise<unknown> {
    const { f } = api as Api
    const count = n % 4
    if (n >= 8) return await Promise.all(Array.from({ length: count }, () => f()))
    const results: unknown[] = []
    for (let i = 0; i < count; i++) results.push(await f())
    return results
  }

  #heldCall(fn: (api: Api) => unknown, options: CallOptions): Promise<unknown> {
    const { signal } = options
    const work = this.#work("held", options)
    work.signal = signal
    const abort = () => {
      work.aborted = true
      if (work.phase !== "over") this.#end(work, { error: "aborted" })
    }
    if (signal?.aborted) abort()
    signal?.addEventListener("abort", abort, { once: true })
    const promise = this.#call(api => this.#enter(work, api as unknown as Api, fn) as never, options)
    this.#watch(work, promise)
    return promise
  }

  /** One attempt of a held call. */
  async #enter(work: Work, api: Api, fn: (api: Api) => unknown): Promise<unknown> {
    const runner = this.#holder!
    if (work.phase === "running" && work.runner?.state === "gone") this.#requeue(work, true, true)
    this.#rules.begins(work, runner)
    work.phase = "running"
    work.runner = runner
    work.begun += 1
    work.attempt += 1
    work.sent = 0
    const { attempt } = work
    const counts = () => work.attempt === attempt && work.phase === "running"
    try {
      const value = await fn({
        f: () => {
          work.sent += 1
          return api.f(work.id, work.sent)
        },
      })
      if (counts()) this.#end(work, { value })
      return value
    } catch (error) {
      if (counts()) {
        const untouched = error instanceof RunnerDrainingError && work.sent === 1
        if (untouched) this.#requeue(work, false, true)
        else if (work.mayRetry(error)) this.#requeue(work, true, true)
        else this.#end(work, { error })
      }
      throw error
    }
  }

  #place(): void {
    const work = this.#work("place", {})
    const { signal } = work.controller!
    this.#watch(
      work,
      this.pool.place(api => api.f(work.id) as never, { signal }),
    )
  }

  #map(n: number): void {
    this.#guard(() => {
      const controller = new AbortController()
      const stream = this.pool.map(
        Array.from({ length: 1 + (n % 5) }, (_, i) => i),
        (api: unknown) => this.#behave(api, n % 2),
        { onError: n % 3 === 0 ? "throw" : "settle", signal: controller.signal, order: "completion" },
      )
      stream.then(
        () => {},
        () => {}, // each of its items is watched
      )
    })
  }

  #spawn(n: number, needs = 0): void {
    const controller = new AbortController()
    const timeout = n % 4 === 3 ? 300 : undefined
    const until = timeout === undefined ? Number.POSITIVE_INFINITY : this.clock.now + timeout
    const late = this.closing
    const spawn: Spawn = {
      id: this.spawns.length,
      controller,
      needs,
      late,
      until,
      aborted: false,
      lease: undefined,
      settled: late,
    }
    this.spawns.push(spawn)
    const { signal } = controller
    this.pool.spawn({ signal, needs, ...(timeout !== undefined && { timeout }) }).then(
      runner => {
        const lease = runner as unknown as Lease<unknown>
        this.#rules.leased(spawn, lease)
        spawn.lease = lease
        spawn.settled = true
        this.leases.set(lease.runner as SimulatedRunner, lease)
        void lease.closed.then(() => {
          spawn.lease = undefined
          if (this.leases.get(lease.runner as SimulatedRunner) === lease)
            this.leases.delete(lease.runner as SimulatedRunner)
        })
      },
      error => {
        spawn.settled = true
        this.#rules.spawnFailed(spawn, error)
      },
    )
  }

  #leaseCall(at: number, n: number): void {
    const lease = pick([...this.leases.values()], at)
    if (!lease) return
    const retries = n === 0 ? { times: 1, on: ["Again"] } : undefined
    const work = this.#work("lease", { ...(retries && { retries }) }, lease)
    work.phase = "waiting"
    work.expected = undefined
    const api = lease.with({ signal: work.controller!.signal, ...(retries && { retries }) }) as unknown as Api
    this.#watch(work, api.f(work.id))
  }

  #abort(at: number): void {
    const open = this.all.filter(work => !work.outcome && !work.aborted)
    const spawns = this.spawns.filter(spawn => !spawn.settled && !spawn.aborted)
    const chosen = pick([...open, ...spawns], at)
    if (!chosen) return
    if (!(chosen instanceof Work)) {
      chosen.aborted = true
      return chosen.controller.abort()
    }
    if (chosen.kind === "held") return this.#aborts.get(chosen.id)?.abort()
    chosen.aborted = true
    if (chosen.phase !== "over") this.#end(chosen, { error: "aborted" })
    chosen.controller!.abort()
  }

  #received(request: Received, runner: SimulatedRunner): void {
    const work = this.all[request.args[0] as number]!
    this.#rules.received(work, runner, this.#losing)
    if (work.kind === "held") return
    this.#rules.begins(work, runner)
    work.phase = "running"
    work.runner = runner
    work.begun += 1
  }

  /** A request that can be answered; of those that may be run again, where there are any and that is wanted. */
  #open(at: number, retried = false): { request: Received; runner: SimulatedRunner } | undefined {
    const open = this.runners.flatMap(runner => runner.open.map(request => ({ request, runner })))
    const all = open.filter(({ request }) => !this.#isPlaced(request))
    const again = retried ? all.filter(({ request }) => this.all[request.args[0] as number]!.retries) : []
    return pick(again.length > 0 ? again : all, at)
  }
  readonly #placedRequests = new WeakSet<Received>()
  #isPlaced(request: Received): boolean {
    return this.#placedRequests.has(request)
  }

  #answer(open: { request: Received; runner: SimulatedRunner } | undefined): void {
    if (!open || this.#isPlaced(open.request)) return
    const { request, runner } = open
    const work = this.all[request.args[0] as number]!
    if (work.kind === "place") return this.#settlePlace(work, request, runner)
    const value = `${work.id}.${work.begun}`
    if (work.kind !== "held" && work.phase === "running") this.#end(work, { value })
    request.waiter.resolve(value)
    request.waiter.done()
  }

  /** What is placed stays, and keeps its slot, until it is released or its runner is gone. */
  #settlePlace(work: Work, request: Received, runner: SimulatedRunner): void {
    const listeners: (() => void)[] = []
    let over = false
    const end = () => {
      if (over) return
      over = true
      this.placed.delete(placed)
      request.waiter.done()
      for (const listener of listeners) listener()
    }
    const placed: Placed = { runner, release: end }
    const object = {
      kept: true,
      client: undefined,
      closed: Promise.resolve(),
      onOver: (listener: () => void) => (over ? listener() : void listeners.push(listener)),
      letGo: async () => end(),
      release: async () => end(),
    }
    this.#placedRequests.add(request)
    this.placed.add(placed)
    runner.onGone(end)
    const wanted = work.phase === "running"
    const value = handleOn(object as never, request.target)
    if (wanted) this.#end(work, { value })
    request.waiter.resolve(value)
    request.waiter.holds?.([object])
    if (!wanted) end() // nobody waits for it: the runner's side lets go of it
  }

  #fail(open: { request: Received; runner: SimulatedRunner } | undefined, name: string): void {
    if (!open) return
    const { request } = open
    const work = this.all[request.args[0] as number]!
    const error = new AppError(name, work.id)
    this.#outcome(work, error)
    request.waiter.reject(error)
    request.waiter.done()
  }

  #outcome(work: Work, error: unknown): void {
    if (work.kind === "held" || work.phase !== "running") return
    if (work.mayRetry(error)) this.#requeue(work, true)
    else this.#end(work, { error })
  }

  /** A runner that drains does not begin what comes too late. */
  #refuse(at: number): void {
    const draining = this.runners.filter(runner => runner.state === "draining" && runner.open.length > 0)
    const runner = pick(draining, at)
    const request = runner?.open.find(one => !this.#isPlaced(one))
    if (!request) return
    const work = this.all[request.args[0] as number]!
    if (work.kind !== "held" && work.phase === "running") {
      if (work.kind === "lease") this.#end(work, { error: "draining" })
      else this.#requeue(work, false)
    }
    request.waiter.reject(new RunnerDrainingError("it drains", runner!.id), true)
    request.waiter.done()
  }

  #up(runner: SimulatedRunner | undefined): void {
    if (!runner) return
    this.booting.delete(runner)
    this.#losing = undefined
    if (this.setting.ends && !runner.time.known) runner.time.set(Date.now() + LIMIT_MS, LIMIT_MS)
    runner.up()
  }

  #bootFail(runner: SimulatedRunner | undefined): void {
    if (!runner) return
    this.booting.delete(runner)
    this.backingOff = true
    this.bootsFailed += 1
    runner.end("boot-failed", new BootError("it does not boot", {}))
  }

  #alive(at: number): SimulatedRunner | undefined {
    return pick(
      this.runners.filter(runner => runner.state !== "gone"),
      at,
    )
  }

  /** The scheduler says when its walltime ends, or says something else than before. */
  #endsIn(runner: SimulatedRunner | undefined, n: number): void {
    if (!runner?.ready) return
    const leftMs = [500, 9_000, 20_000, 45_000, 200_000][n % 5]!
    this.moved.add(runner)
    for (const timer of this.#ends.get(runner) ?? []) clearTimeout(timer)
    runner.job = { drainBeforeMs: DRAIN_MS } as Job
    runner.time.set(Date.now() + leftMs, n % 2 === 0 ? 60_000 : 300_000)
    this.#ends.set(runner, [
      setTimeout(() => runner.drain("walltime"), leftMs - DRAIN_MS).unref(),
      setTimeout(() => runner.end("walltime"), leftMs).unref(),
    ])
  }
  readonly #ends = new Map<SimulatedRunner, NodeJS.Timeout[]>()
  /** Whose end is another one than it was. */
  readonly moved = new Set<SimulatedRunner>()

  /** The runner, or its worker, is about to lose what it has. */
  #lose(runner: SimulatedRunner, restarts: boolean): void {
    this.#losing = runner
    queueMicrotask(() => {
      if (this.#losing === runner) this.#losing = undefined
    })
    if (restarts) this.#rules.restarted(runner)
    else this.booting.delete(runner)
    this.backingOff = true // until one comes up again: a crash counts as well
    this.bootsFailed += 1
    const lost = { code: "ERR_FLAME_RUNNER_LOST", name: "RunnerLostError" }
    const open = new Set(runner.open.map(request => this.all[request.args[0] as number]!))
    for (const work of this.all) {
      if (work.phase !== "running" || work.runner !== runner) continue
      work.lost = true
      // Its calls tell the function, which fails then.
      if (work.kind === "held" && restarts) continue
      if (work.kind !== "held" && !open.has(work)) continue
      if (!work.mayRetry(lost) || (work.kind === "lease" && !restarts)) this.#end(work, { error: "lost" })
      else this.#requeue(work, true, true)
    }
  }

  #close(n: number): void {
    if (this.closing && n < 6) return
    this.closing = true
    const timeout = [0, 1_000, 20_000][n % 3]!
    this.#rules.closing(timeout)
    void this.pool.close({ timeout }).then(() => {
      this.closed = true
    })
  }

  /** A listener that uses the pool while it is at work. */
  #listen(): void {
    this.#rules.heard()
    if (this.#listening === 0) return
    this.#listening -= 1
    this.#apiCall({})
    if (this.#listening === 1) this.#spawn(0)
    if (this.#listening > 0) return
    if (this.setting.minIdles) this.#close(0)
    else this.#guard(() => this.pool.scale({ min: 0, max: this.setting.max % 2 === 0 ? 1 : this.setting.max + 1 }))
  }
}
