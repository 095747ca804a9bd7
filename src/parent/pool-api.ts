/** What a user of a pool sees. Types only, and none that leads to a dependency's: they are part of what is published. */
import type { Duration, Infinite } from "../shared/duration.ts"
import type { Placed, Remote } from "../shared/remote.ts"
import type { CallOptions, SpawnOptions } from "./call-options.ts"
import type { PoolEvents, RunnerInfo } from "./events.ts"
import type { MapItems } from "./map-input.ts"
import type { MapOptions } from "./map-options.ts"
import type { ScaleOptions } from "./pool-options.ts"
import type { ResultStream, SettledItem } from "./result-stream.ts"

/** A MessagePort-like endpoint: `Comlink.wrap(runner.endpoint)`, or a protocol of your own. */
export interface RunnerPort {
  postMessage(message: unknown, transfer?: readonly unknown[]): void
  addEventListener(type: string, listener: (event: any) => void, options?: object): void
  removeEventListener(type: string, listener: (event: any) => void, options?: object): void
  start(): void
}

/** One runner of a pool, leased to you: no `pool.api` work runs on it until you give it back. */
export interface Runner<T> extends AsyncDisposable {
  readonly id: string
  /** A snapshot: state, job id, node, load, deadline. */
  readonly info: RunnerInfo
  /**
   * The module's exports. Each call takes one of the runner's `maxConcurrency` slots, and waits for it if need be. Calls that are `resumable` outlive the
   * lease: they go on through the pool when the runner is lost.
   */
  readonly api: Remote<T>
  /** The same with limits for every call made through it. */
  with(options: CallOptions): Remote<T>
  /** A raw port to the worker, where the module is exposed with plain Comlink. Calls over it take no slot. */
  readonly endpoint: RunnerPort
  /** Resolves when the lease is over: you gave it back, the runner is gone, or its worker crashed and lost its state. */
  readonly closed: Promise<RunnerInfo>
  /** Gives the runner back to the pool. What still runs on it may finish. Calling it twice is harmless. */
  release(): Promise<void>
  /** Ends the runner's job now. Calls on it reject with RunnerLostError (`terminated`). Resolves when the job is over. */
  terminate(): Promise<void>
}

/** Options of `place`. */
export interface PlaceOptions {
  /** Time to place it: queue + boot + start. What is placed has none. @default the pool's `timeout` */
  timeout?: Duration | Infinite
  /** The owner's: aborting it rejects the call while it starts, and releases what was placed. */
  signal?: AbortSignal
  /** The runner has at least so much time left before its walltime. @default any */
  needs?: Duration
  /**
   * False: neither the owner's `signal`, nor the collection of its handle, nor the parent's death ends what was placed; with the
   * parent gone it lives on for `shutdownTimeout`. Releasing it and closing the pool do end it. @default true
   */
  link?: boolean
}

/** Where an object lives that was placed on a runner, and until when. */
export interface Placement {
  readonly runner: { readonly id: string; readonly jobId: string | undefined; readonly node: string | undefined }
  /**
   * Resolves when it was released, or ended by itself: its own `closed` promise resolved. Rejects with what that rejected with, or
   * with RunnerLostError when its runner is gone. Need not be looked at.
   */
  readonly closed: Promise<void>
  /** Runs its `[Symbol.asyncDispose]` or `[Symbol.dispose]` and frees the slot; throws what that throws. Harmless when repeated. */
  release(): Promise<void>
}

/** A snapshot of a pool. */
export interface PoolStats {
  readonly name: string
  /** Whether its connections are encrypted: the option `tls`. */
  readonly tls: boolean
  /** As they are now: `scale()` changes them. */
  readonly min: number
  readonly max: number
  /** Requests that wait for a runner. */
  readonly queued: number
  /** Calls that run now. */
  readonly inFlight: number
  readonly runners: readonly RunnerInfo[]
  /** Set while no runners are submitted since too many boots in a row have failed. */
  readonly breaker: BreakerInfo | undefined
}

/** Why no runners are submitted at present. */
export interface BreakerInfo {
  /** When the next boot is tried; in the past: one is being tried. */
  readonly until: Date
  /** Of the last boot. */
  readonly lastError: Error
}

/** An elastic pool of runners that serve one module. Made by `createPool`. */
export interface Pool<T> extends AsyncDisposable {
  readonly name: string
  /**
   * The module's exports; each call runs on the least loaded runner, and boots one when all are full and `max` allows it.
   * Rejects with what the function threw; CallTimeoutError; RunnerLostError when its runner goes while it runs; the boot's
   * own error (BootError, SubmitError, ModuleError, …) when no runner comes up; PoolClosedError.
   */
  readonly api: Remote<T>
  /** `api` with limits for every call made through it. */
  with(options: CallOptions): Remote<T>
  /**
   * Runs `fn` against one runner while holding a slot there: `pool.call(api => api.train(x), { timeout: "5m", signal })`.
   * The limits are for the whole of it, the wait for a runner included.
   */
  call<R>(fn: (api: Remote<T>) => R, options?: CallOptions): Promise<Awaited<R>>
  /**
   * Runs `fn` once for each item, each as a `call`: one runner's slot while it runs. `await` it for all results, or `for await`
   * it for one after the other: then no more is started than is read, and there may be any number of items. It starts when it
   * is awaited or first read, and reads an item of `items` only when it can be started. The first failure ends it and is
   * thrown, unless `onError` is `'settle'`. Closing the pool ends it after what runs, with PoolClosedError.
   *
   *     const models = await pool.map(rates, (api, rate) => api.train({ rate }))
   *     for await (const r of pool.map(readRows(), (api, row) => api.score(row), { order: "completion" })) …
   *
   * @throws OptionError; PoolClosedError. Both at once.
   */
  map<I, R>(
    items: MapItems<I>,
    fn: (api: Remote<T>, item: I, index: number) => R,
    options: MapOptions & { onError: "settle" },
  ): ResultStream<SettledItem<I, Awaited<R>>>
  map<I, R>(
    items: MapItems<I>,
    fn: (api: Remote<T>, item: I, index: number) => R,
    options?: MapOptions & { onError?: "throw" },
  ): ResultStream<Awaited<R>>
  map<I, R>(
    items: MapItems<I>,
    fn: (api: Remote<T>, item: I, index: number) => R,
    options?: MapOptions,
  ): ResultStream<Awaited<R> | SettledItem<I, Awaited<R>>>
  /**
   * As `call`, but nobody waits for it: what it returns is dropped, and what it throws is an `error` event of the pool.
   * @throws OptionError; PoolClosedError. Both at once.
   */
  cast(fn: (api: Remote<T>) => unknown, options?: CallOptions): void
  /**
   * Places a long-lived object on a runner: `const svc = await pool.place(api => api.startServer(config))`. The call's result stays
   * there; `svc` calls its methods, which take no slot: what is placed holds one, and keeps the runner from idling, until it is
   * released (`await svc[Symbol.asyncDispose]()`, `await using`), its owner is gone, or it ends by itself. See `placement(svc)`.
   * Rejects with what the start threw; StateError when it gave no object; and like a call.
   */
  place<R>(fn: (api: Remote<T>) => R, options?: PlaceOptions): Promise<Placed<Awaited<R>>>
  /** Leases an idle runner; boots one while there are fewer than `max`; else waits, first come first served. */
  spawn(options?: SpawnOptions): Promise<Runner<T>>
  /** Resolves when `min` runners are up. Rejects with the reason when they cannot be. */
  ready(): Promise<void>
  /**
   * Changes `min` and `max`. Runners that are too many take no more work and end when they have none: nothing that runs is cut.
   * Those on their way to serve go first, then idle ones. A lease is left to its holder.
   * @throws OptionError; PoolClosedError
   */
  scale(options: ScaleOptions): void
  stats(): PoolStats
  /** Adds a listener; returns a function that removes it. */
  on<E extends keyof PoolEvents>(event: E, listener: (...args: PoolEvents[E]) => void): () => void
  /**
   * Takes no more work, lets what is queued and running finish for `timeout` (default: `shutdownTimeout`), then drains all
   * runners and ends their jobs. When it resolves none of them is left. Calling it again gives the same promise.
   */
  close(options?: { timeout?: CallOptions["timeout"] }): Promise<void>
}
