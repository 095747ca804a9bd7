/**
 * The pool as its user holds it: who waits, who has a lease, when it is over. Owns the line and the leases; the runners are
 * the fleet's, the choice among them is placement's.
 */
import { asError } from "../shared/as-error.ts"
import type { PoolClosedError } from "../shared/errors.ts"
import { KeepAlive } from "../shared/keep-alive.ts"
import { onAbort } from "../shared/on-abort.ts"
import type { Placed, Remote } from "../shared/remote.ts"
import { apiProxy, type Invoke } from "./api-proxy.ts"
import { bundleLeft } from "./bundle-left.ts"
import { Call, type Operation } from "./call.ts"
import { CallBook } from "./call-book.ts"
import type { CallDefaults, CallLimits, CallOptions, SpawnOptions } from "./call-options.ts"
import { callDefaults, checkCallOptions } from "./call-options.ts"
import { Dispatcher } from "./dispatcher.ts"
import { PoolEmitter, type PoolEvents } from "./events.ts"
import { Fleet, type MakeRunner } from "./fleet.ts"
import { HeldCall } from "./held-call.ts"
import { HeldObjects } from "./held-objects.ts"
import type { Sharing } from "./hub-share.ts"
import { Leases } from "./leases.ts"
import type { MapOptions } from "./map-options.ts"
import { checkFunction, rejectUnknown } from "./option-checks.ts"
import { place, placing } from "./place.ts"
import type { PlaceOptions, Pool, PoolStats, Runner } from "./pool-api.ts"
import { poolClosed } from "./pool-closed.ts"
import { PoolMaps } from "./pool-maps.ts"
import { checkScale, type PoolSettings, type ScaleOptions } from "./pool-options.ts"
import { CallRequest, LeaseRequest } from "./pool-request.ts"
import { statsOf } from "./pool-stats.ts"
import type { PooledRunner } from "./pooled-runner.ts"
import { Quiet } from "./quiet.ts"
import { ReadyWaiters } from "./ready-waiters.ts"
import { Reaper } from "./reaper.ts"
import type { RemoteCall } from "./remote-call.ts"
import type { Request } from "./request.ts"
import type { ResultStream } from "./result-stream.ts"
import { Resumptions } from "./resumptions.ts"
import { RunnerFactory } from "./runner-factory.ts"
import { Timekeeper } from "./timekeeper.ts"
import { UnheldCalls } from "./unheld-call.ts"

/** `open`: takes work. `closing`: finishes what it has. `closed`: takes nothing, its runners end. */
type State = "open" | "closing" | "closed"

export class FlamePool<T> implements Pool<T> {
  readonly name: string
  readonly api: Remote<T>
  readonly #settings: PoolSettings & Sharing
  readonly #fleet: Fleet
  readonly #factory: RunnerFactory | undefined
  readonly #dispatcher: Dispatcher<PooledRunner>
  readonly #time: Timekeeper
  readonly #leases: Leases<T>
  readonly #held = new HeldObjects()
  readonly #book = new CallBook()
  #adopted: Promise<void> | undefined
  readonly #defaults: CallDefaults
  readonly #emitter: PoolEmitter
  readonly #resumptions: Resumptions
  readonly #maps = new PoolMaps({
    run: (fn, options) => this.call(fn as (api: Remote<T>) => unknown, options),
    capacity: () => this.#fleet.max * (this.#settings.singleUse ? 1 : this.#settings.maxConcurrency),
    admit: () => this.#admit("map()"),
  })
  readonly #unheld = new UnheldCalls(() => this.#dispatch())
  readonly #keepAlive = new KeepAlive()
  readonly #forgetExit: () => void
  #forgetSignal: (() => void) | undefined
  readonly #readyWaiters = new ReadyWaiters()
  readonly #quiet = new Quiet()
  #state: State = "open"
  #closing: Promise<void> | undefined
  #closeUntil = Number.POSITIVE_INFINITY

  /** @param make Makes the runners; left out: jobs of the backend. */
  constructor(settings: PoolSettings & Sharing, make?: MakeRunner) {
    this.#settings = settings
    this.name = settings.name
    this.#emitter = new PoolEmitter(settings.logger)
    this.#resumptions = new Resumptions(settings.checkpoints, this.#emitter, settings.logger)
    this.#factory = make ? undefined : new RunnerFactory(settings, this.#emitter, this.#book)
    this.#dispatcher = new Dispatcher({
      room: () => this.#fleet.room,
      coming: () => this.#fleet.booting,
      given: runner => {
        if (settings.singleUse) this.#fleet.spend(runner, "single-use")
      },
    })
    const look = (runner?: PooledRunner) => this.#dispatch(runner)
    this.#time = new Timekeeper(settings, this.#dispatcher, () => this.#fleet, look)
    this.#defaults = callDefaults(settings, this.#held, this.#time.learned)
    const pool = this
    this.#fleet = new Fleet(
      settings,
      this.#emitter,
      {
        get leases() {
          return pool.#dispatcher.leases
        },
        get slots() {
          return pool.#dispatcher.slots
        },
        get open() {
          return pool.#state === "open"
        },
        added: (runner, left) => {
          this.#dispatcher.add(runner)
          this.#time.added(runner, left)
        },
        touched: runner => {
          this.#dispatcher.update(runner)
          this.#hold() // a call on a lease comes by no other way
        },
        changed: runner => {
          if (runner) this.#time.heard(runner)
          this.#dispatch(runner)
        },
        freed: runner => {
          // While it works on and nobody waits, there is nobody to serve and nothing to let go.
          if (runner.running === 0 || this.#dispatcher.size > 0) this.#dispatch(runner)
        },
        lost: (runner, why) => {
          this.#dispatcher.forget(runner)
          this.#leases.end(runner, why)
        },
        leaving: runner => this.#dispatcher.forget(runner),
        gone: runner => this.#dispatcher.delete(runner),
        hopeless: (error, none) => this.#failWaiting(error, none),
      },
      make ?? ((identity, host) => this.#factory!.make(identity, host)),
    )
    this.#leases = new Leases(this.#defaults, {
      settle: runner => this.#fleet.settle(runner),
      released: runner => this.#dispatch(runner),
      terminate: runner => this.#fleet.end(runner, "terminated", 0),
      resumption: (operation, limits) => this.#resumptions.open(operation, limits),
      goesOn: call => this.#again(this.#request(call), false),
    })
    this.api = apiProxy(this.#invoke()) as Remote<T>
    const leaves = settings.persistence !== undefined // its runners are to outlive a program that just ends
    const left = () => (leaves ? [] : this.#fleet.jobs)
    const reaper = settings.reaper ?? new Reaper()
    this.#forgetExit = reaper.add(settings.backend, left, clean => this.#factory?.exit(clean))
    if (leaves && this.#factory) this.#adopted = this.#fleet.adopt(this.#book.expect(this.#factory.heirs()))
    // Bundling takes as long as a process start: it is under way before anyone asks. Its failure reaches those who boot.
    settings.module.ready().catch(() => {})
    if (settings.signal?.aborted) this.#abort()
    else if (settings.signal) this.#forgetSignal = onAbort(settings.signal, this.#abort)
    this.#dispatch()
  }

  readonly #inside = (what: Operation, limits: CallLimits) => this.#begin(what, limits, this.#state !== "closed")
  readonly #abort = (): void => void this.close({ timeout: 0 })

  async ready(): Promise<void> {
    this.#admit("ready()")
    if (this.#isReady()) return
    this.#fleet.wake()
    await this.#readyWaiters.wait(() => this.#dispatch())
  }

  with(options: CallOptions): Remote<T> {
    return apiProxy(this.#invoke(options)) as Remote<T>
  }

  async spawn(options: SpawnOptions = {}): Promise<Runner<T>> {
    const limits = checkCallOptions(options, this.#settings.timeoutMs, "spawn()")
    this.#admit("spawn()")
    const give = (runner: PooledRunner) => this.#leases.give(runner, limits.resumable)
    const request = new LeaseRequest(limits, give, gone => this.#leave(gone))
    if (!request.over) this.#enqueue(request, limits)
    return await request.promise
  }

  async call<R>(fn: (api: Remote<T>) => R, options?: CallOptions): Promise<Awaited<R>> {
    checkFunction(fn, "call()", "pool.call(api => api.train(x))")
    const limits = checkCallOptions(options, this.#defaults)
    this.#admit("call()")
    const run = fn as (api: never) => unknown
    if (limits.resumable) return (await this.#unheld.run(run, limits, this.#inside)) as Awaited<R>
    const held = new HeldCall(run, limits, { again: this.#again, forget: request => this.#leave(request) })
    if (!held.settled) this.#enqueue(held, limits)
    return (await held.promise) as Awaited<R>
  }

  scale(options: ScaleOptions): void {
    const { min, max } = checkScale(options, this.#fleet)
    this.#admit("scale()")
    this.#fleet.scale(min, max)
    this.#maps.changed()
    this.#dispatch()
  }

  map(items: unknown, fn: unknown, options?: MapOptions): ResultStream<never> {
    return this.#maps.map(items, fn, options)
  }

  cast(fn: (api: Remote<T>) => unknown, options?: CallOptions): void {
    checkFunction(fn, "cast()", "pool.cast(api => api.train(x))")
    checkCallOptions(options, this.#defaults, "cast()")
    this.#admit("cast()")
    this.call(fn, options).catch((error: unknown) => this.#emitter.emit("error", asError(error)))
  }

  async place<R>(fn: (api: Remote<T>) => R, options: PlaceOptions = {}): Promise<Placed<Awaited<R>>> {
    const unresumable = "what is placed stays on its runner"
    const limits = checkCallOptions(options, { ...this.#defaults, unresumable }, "place()")
    const placed = await place(fn as (api: never) => unknown, options, limits, this.#invoke(options, true))
    return placed as Placed<Awaited<R>>
  }

  stats(): PoolStats {
    return statsOf(this.name, this.#settings.tls, this.#fleet, this.#dispatcher.size)
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
    const ordinary = checkCallOptions(options, { ...this.#defaults, ids: this.#settings.persist && !placed })
    const limits = placed ? placing(ordinary) : ordinary
    return operation => this.#begin(operation, limits)
  }

  #begin(operation: Operation, limits: CallLimits, takes = this.#state === "open"): RemoteCall<unknown> {
    const { call, promise } = Call.begin(operation, limits, this.#resumptions.open(operation, limits))
    if (!takes) call.fail(this.#closedError(call.name))
    if (call.settled) return promise
    const request = this.#request(call, limits.key)
    const queue = () => this.#enqueue(request, limits, call.name)
    if (call.id === undefined) queue()
    else this.#book.ask({ call, promise, queue, again: failed => this.#again(request, failed) })
    this.#hold() // who has the call may be asked without a word to anybody else
    return promise
  }

  #request(call: Call, key?: string): CallRequest {
    const request = new CallRequest(call, key, this.#again)
    call.onSettled(() => this.#leave(request, call))
    return request
  }

  #admit(what: string): void {
    if (this.#state !== "open") throw this.#closedError(what)
  }

  #enqueue(request: Request<PooledRunner>, limits: CallLimits, method?: string): void {
    const refusal = this.#time.equip(request, limits, method)
    if (refusal) return request.fail(refusal)
    this.#dispatcher.join(request)
    this.#dispatch()
  }

  /** A request that was placed: one that never began goes before all others, one that failed behind them. */
  readonly #again = (request: Request<PooledRunner>, failed: boolean): void => {
    if (this.#state === "closed") request.fail(this.#closedError("what was to run on another runner"))
    else if (failed) this.#dispatcher.rejoin(request)
    else this.#dispatcher.join(request)
    this.#dispatch()
  }

  #leave(request: Request<PooledRunner>, call?: Call): void {
    const asked = call !== undefined && this.#book.settled(call)
    if (this.#dispatcher.leave(request) || asked) this.#dispatch()
  }

  /** Gives runners to those who wait, boots what is missing, and lets go of what is not needed. */
  #dispatch(freed?: PooledRunner): void {
    this.#dispatcher.dispatch(freed)
    this.#fleet.trim()
    this.#time.look()
    this.#fleet.grow()
    if (this.#readyWaiters.size > 0 && this.#isReady()) this.#readyWaiters.resolve()
    this.#hold()
    if (!this.#busy) this.#quiet.come()
  }

  get #busy(): boolean {
    return this.#fleet.working || this.#dispatcher.size > 0 || this.#book.asked || this.#unheld.open
  }

  /** Holds the process while there is something to wait for. */
  #hold(): void {
    this.#keepAlive.set(this.#busy || this.#fleet.booting > 0 || this.#readyWaiters.size > 0 || this.#state !== "open")
  }

  #isReady(): boolean {
    return this.#fleet.ready >= this.#fleet.min
  }

  /** Tells those who wait for `min` runners and, with `all`, those who wait for any. Returns how many they were. */
  #failWaiting(error: unknown, all = true): number {
    const told = all ? this.#dispatcher.size : 0
    if (all) for (const waiting of [this.#dispatcher, this.#book]) waiting.failAll(error)
    return told + this.#readyWaiters.reject(error)
  }

  /** Somebody who has less patience closes the pool as well. */
  #hurry(timeoutMs: number): void {
    this.#closeUntil = performance.now() + timeoutMs
    if (this.#state === "closed") this.#fleet.hurry(timeoutMs)
    else this.#quiet.limit(timeoutMs)
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#state = "closing"
    this.#maps.changed()
    this.#closeUntil = performance.now() + timeoutMs
    this.#failWaiting(this.#closedError("ready()"), false)
    this.#held.close() // what is only held would keep its slot for ever
    do await this.#quiet.within(Math.max(0, this.#closeUntil - performance.now()), () => this.#dispatch())
    while (this.#busy && performance.now() < this.#closeUntil) // what was on a runner that is gone came back
    this.#state = "closed"
    this.#failWaiting(this.#closedError("what was still waiting for a runner"))
    this.#unheld.failAll(this.#closedError("pool.call()"))
    this.#factory?.closing()
    await this.#adopted // or they would come when all is over
    await this.#fleet.close(Math.max(0, this.#closeUntil - performance.now()))
    await this.#settings.checkpoints?.close() // first: what a pool that persists keeps in a directory of its own
    await this.#factory?.close()
    await this.#settings.module.dispose().catch(bundleLeft(this.#settings.logger))
    this.#forgetExit()
    this.#time.stop()
    this.#forgetSignal?.()
    this.#keepAlive.end()
  }

  #closedError(what: string): PoolClosedError {
    return poolClosed(what, this.name, this.#state)
  }
}
