/**
 * The pool as its user holds it: who waits, who has a lease, when it is over. Owns the line and the leases; the runners are
 * the fleet's, the choice among them is placement's.
 */

import { OptionError, PoolClosedError } from "../shared/errors.ts"
import { KeepAlive } from "../shared/keep-alive.ts"
import type { Placed, Remote } from "../shared/remote.ts"
import { show } from "../shared/show.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import { apiProxy, type Invoke } from "./api-proxy.ts"
import { Call } from "./call.ts"
import { type CallDefaults, type CallOptions, checkCallOptions, type SpawnOptions } from "./call-options.ts"
import { PoolEmitter, type PoolEvents } from "./events.ts"
import { Fleet } from "./fleet.ts"
import { HeldCall } from "./held-call.ts"
import { HeldObjects } from "./held-objects.ts"
import { Lease } from "./lease.ts"
import { LimitWatch } from "./limit-watch.ts"
import { rejectUnknown } from "./option-checks.ts"
import { place, placing } from "./place.ts"
import { forLease, forSlot, toReserve } from "./placement.ts"
import type { PlaceOptions, Pool, PoolStats, Runner } from "./pool-api.ts"
import type { PoolSettings } from "./pool-options.ts"
import { reapAtExit } from "./reaper.ts"
import type { PoolRunner } from "./runner.ts"
import { type Request, WaitingLine } from "./waiting-line.ts"

/** `open`: takes work. `closing`: finishes what it has. `closed`: takes nothing, its runners end. */
type State = "open" | "closing" | "closed"

export class FlamePool<T> implements Pool<T> {
  readonly name: string
  readonly api: Remote<T>
  readonly #settings: PoolSettings
  readonly #fleet: Fleet
  readonly #line = new WaitingLine<PoolRunner>()
  readonly #leases = new Map<PoolRunner, Lease<T>>()
  readonly #held = new HeldObjects()
  readonly #defaults: CallDefaults
  readonly #emitter: PoolEmitter
  readonly #keepAlive = new KeepAlive()
  readonly #forgetExit: () => void
  readonly #readyWaiters = new Set<{ resolve: () => void; reject: (error: unknown) => void }>()
  #state: State = "open"
  #closing: Promise<void> | undefined
  #closeUntil = Number.POSITIVE_INFINITY
  #quiet: (() => void) | undefined
  #quietTimer: LongTimer | undefined

  constructor(settings: PoolSettings) {
    this.#settings = settings
    this.name = settings.name
    this.#defaults = { timeoutMs: settings.timeoutMs, trackResources: settings.trackResources, held: this.#held }
    this.#emitter = new PoolEmitter(settings.logger)
    this.#fleet = new Fleet(settings, this.#emitter, {
      demand: () => ({ leases: this.#line.leases, slots: this.#line.slots, open: this.#state === "open" }),
      changed: () => this.#dispatch(),
      freed: runner => {
        // While it works on and nobody waits, there is nobody to serve and nothing to let go.
        if (runner.running === 0 || this.#line.size > 0) this.#dispatch()
      },
      leaseOver: (runner, why) => this.#endLease(runner, why),
      hopeless: error => this.#failWaiting(error),
    })
    this.api = apiProxy(this.#invoke()) as Remote<T>
    this.#forgetExit = reapAtExit(settings.backend, () => this.#fleet.jobs)
    // Bundling takes as long as a process start: it is under way before anyone asks. Its failure reaches those who boot.
    settings.module.ready().catch(() => {})
    if (settings.signal?.aborted) this.#abort()
    else settings.signal?.addEventListener("abort", this.#abort, { once: true })
    this.#dispatch()
  }

  readonly #abort = (): void => void this.close({ timeout: 0 })

  async ready(): Promise<void> {
    this.#admit("ready()")
    if (this.#isReady()) return
    await new Promise<void>((resolve, reject) => {
      this.#readyWaiters.add({ resolve, reject })
      this.#dispatch()
    })
  }

  with(options: CallOptions): Remote<T> {
    return apiProxy(this.#invoke(options)) as Remote<T>
  }

  async spawn(options: SpawnOptions = {}): Promise<Runner<T>> {
    const limits = checkCallOptions(options, this.#settings.timeoutMs, "spawn()")
    this.#admit("spawn()")
    return await new Promise((resolve, reject) => {
      let over = false
      const settle = (deliver: () => void) => {
        over = true
        watch?.stop()
        deliver()
      }
      const request: Request<PoolRunner> = {
        kind: "lease",
        place: runner => settle(() => resolve(this.#lease(runner))),
        fail: error => settle(() => reject(error)),
      }
      let watch: LimitWatch | undefined
      watch = new LimitWatch(limits, {
        name: "spawn()",
        started: false,
        giveUp: error => {
          this.#leave(request)
          request.fail(error)
        },
      })
      if (!over) this.#enqueue(request)
    })
  }

  async call<R>(fn: (api: Remote<T>) => R, options?: CallOptions): Promise<Awaited<R>> {
    if (typeof fn !== "function") {
      throw new OptionError("fn", `call() takes a function, got ${show(fn)}`, {
        hint: "pool.call(api => api.train(x))",
      })
    }
    const limits = checkCallOptions(options, this.#defaults)
    this.#admit("call()")
    const held = new HeldCall(fn as (api: never) => unknown, limits, {
      again: request => this.#again(request),
      forget: request => this.#leave(request),
    })
    if (!held.settled) this.#enqueue(held)
    return (await held.promise) as Awaited<R>
  }

  async place<R>(fn: (api: Remote<T>) => R, options: PlaceOptions = {}): Promise<Placed<Awaited<R>>> {
    const placed = await place(fn as (api: never) => unknown, options, this.#invoke(options, true))
    return placed as Placed<Awaited<R>>
  }

  stats(): PoolStats {
    const runners = this.#fleet.runners.map(runner => runner.info)
    const inFlight = runners.reduce((sum, runner) => sum + runner.inFlight, 0)
    return { name: this.name, tls: this.#settings.tls, queued: this.#line.size, inFlight, runners }
  }

  on<E extends keyof PoolEvents>(event: E, listener: (...args: PoolEvents[E]) => void): () => void {
    return this.#emitter.on(event, listener)
  }

  async close(options: { timeout?: CallOptions["timeout"] } = {}): Promise<void> {
    rejectUnknown(options, ["timeout"], "close")
    const { timeoutMs } = checkCallOptions(options as CallOptions, this.#settings.shutdownMs)
    if (!this.#closing) this.#closing = this.#close(timeoutMs)
    else if (performance.now() + timeoutMs < this.#closeUntil) this.#hurry(timeoutMs)
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** @param placed The result stays on the runner. */
  #invoke(options?: CallOptions, placed = false): Invoke {
    const ordinary = checkCallOptions(options, this.#defaults)
    const limits = placed ? placing(ordinary) : ordinary
    return operation => {
      const { call, promise } = Call.begin(operation, limits)
      if (this.#state !== "open") call.fail(this.#closedError(call.name))
      if (call.settled) return promise
      const request: Request<PoolRunner> = {
        kind: "slot",
        place: runner => runner.run(call, () => this.#again(request)),
        fail: error => call.fail(error),
      }
      call.onSettled(() => this.#leave(request))
      this.#enqueue(request)
      return promise
    }
  }

  #admit(what: string): void {
    if (this.#state !== "open") throw this.#closedError(what)
  }

  #enqueue(request: Request<PoolRunner>): void {
    this.#line.push(request)
    this.#dispatch()
  }

  /** A request that was placed and never began goes before all others. */
  #again(request: Request<PoolRunner>): void {
    if (this.#state === "closed") request.fail(this.#closedError("what was to run on another runner"))
    else this.#line.unshift(request)
    this.#dispatch()
  }

  #leave(request: Request<PoolRunner>): void {
    if (this.#line.remove(request)) this.#dispatch()
  }

  /** Gives runners to those who wait, boots what is missing, and lets go of what is not needed. */
  #dispatch(): void {
    const open = this.#fleet.runners.filter(runner => runner.ready && !runner.leased)
    for (const request of this.#line) {
      const runner = request.kind === "lease" ? (this.#promised(open) ?? forLease(open)) : forSlot(open)
      if (runner) {
        this.#line.remove(request)
        runner.reserved = false
        request.place(runner)
      } else if (request.kind === "slot" || !this.#reserve(open)) {
        break // nobody behind can be served either
      }
    }
    if (this.#line.leases === 0) for (const runner of open) runner.reserved = false
    this.#fleet.grow()
    this.#fleet.watchIdle()
    if (this.#isReady()) {
      for (const waiter of this.#readyWaiters) waiter.resolve()
      this.#readyWaiters.clear()
    }
    const working = this.#fleet.runners.some(runner => runner.running > 0)
    const booting = this.#fleet.runners.some(runner => runner.booting)
    this.#keepAlive.set(
      working || booting || this.#line.size > 0 || this.#readyWaiters.size > 0 || this.#state !== "open",
    )
    if (!working && this.#line.size === 0) this.#quiet?.()
  }

  /** A runner that was kept free for a lease and is idle now. */
  #promised(open: readonly PoolRunner[]): PoolRunner | undefined {
    return open.find(runner => !runner.leased && runner.reserved && runner.running === 0)
  }

  /**
   * At `max`, the runner that is idle soonest is kept free of new calls for the lease that waits; otherwise a steady stream
   * of calls would keep it waiting for ever. Returns false when no runner could be kept for it.
   */
  #reserve(open: readonly PoolRunner[]): boolean {
    if (this.#fleet.alive < this.#settings.max) return true // one is being booted for it
    if (open.filter(runner => runner.reserved).length >= this.#line.leases) return true
    const next = toReserve(open)
    if (next) next.reserved = true
    return next !== undefined
  }

  #lease(runner: PoolRunner): Runner<T> {
    const lease = new Lease<T>(runner, {
      ...this.#defaults,
      release: () => {
        if (this.#leases.get(runner) !== lease) return
        this.#leases.delete(runner)
        runner.leased = false
        this.#dispatch()
      },
      terminate: async () => {
        if (this.#leases.get(runner) === lease) await this.#fleet.end(runner, "terminated", 0)
      },
    })
    runner.leased = true
    this.#leases.set(runner, lease)
    return lease
  }

  #endLease(runner: PoolRunner, why: string): void {
    const lease = this.#leases.get(runner)
    this.#leases.delete(runner)
    runner.leased = false
    runner.reserved = false
    lease?.end(why, runner.state === "gone" ? runner.info : { ...runner.info, reason: "crashed" })
  }

  #isReady(): boolean {
    return this.#fleet.runners.filter(runner => runner.ready).length >= this.#settings.min
  }

  /** Returns how many were told. */
  #failWaiting(error: unknown): number {
    const told = this.#line.size + this.#readyWaiters.size
    this.#line.failAll(error)
    for (const waiter of this.#readyWaiters) waiter.reject(error)
    this.#readyWaiters.clear()
    return told
  }

  /** Somebody who has less patience closes the pool as well. */
  #hurry(timeoutMs: number): void {
    this.#closeUntil = performance.now() + timeoutMs
    if (this.#state === "closed") this.#fleet.hurry(timeoutMs)
    else this.#armQuiet(timeoutMs)
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#state = "closing"
    this.#closeUntil = performance.now() + timeoutMs
    for (const waiter of this.#readyWaiters) waiter.reject(this.#closedError("ready()"))
    this.#readyWaiters.clear()
    this.#held.close() // what is only held would keep its slot for ever
    await this.#quietFor(timeoutMs)
    this.#state = "closed"
    this.#failWaiting(this.#closedError("what was still waiting for a runner"))
    await this.#fleet.close(Math.max(0, this.#closeUntil - performance.now()))
    await this.#settings.module.dispose()
    this.#forgetExit()
    this.#settings.signal?.removeEventListener("abort", this.#abort)
    this.#keepAlive.end()
  }

  /** Waits until nothing is queued and nothing runs, but not longer than `ms`. */
  async #quietFor(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      this.#quiet = resolve
      this.#armQuiet(ms)
      this.#dispatch()
    })
    this.#quiet = undefined
    this.#quietTimer?.stop()
  }

  #armQuiet(ms: number): void {
    this.#quietTimer?.stop()
    this.#quietTimer = after(ms, () => this.#quiet?.())
  }

  #closedError(what: string): PoolClosedError {
    return new PoolClosedError(`${what}: the pool "${this.name}" is ${this.#state}`, {
      hint: "it takes no more work: make another one with createPool()",
    })
  }
}
