/** What a user of a pool sees. Types only. */
import type { Remote } from "../shared/remote.ts"
import type { PoolEvents, RunnerInfo } from "./events.ts"
import type { Runner } from "./lease.ts"
import type { CallOptions, SpawnOptions } from "./options.ts"

/** A snapshot of a pool. */
export interface PoolStats {
  readonly name: string
  /** Requests that wait for a runner. */
  readonly queued: number
  /** Calls that run now. */
  readonly inFlight: number
  readonly runners: readonly RunnerInfo[]
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
  /** Leases an idle runner; boots one while there are fewer than `max`; else waits, first come first served. */
  spawn(options?: SpawnOptions): Promise<Runner<T>>
  /** Resolves when `min` runners are up. Rejects with the reason when they cannot be. */
  ready(): Promise<void>
  stats(): PoolStats
  /** Adds a listener; returns a function that removes it. */
  on<E extends keyof PoolEvents>(event: E, listener: (...args: PoolEvents[E]) => void): () => void
  /**
   * Takes no more work, lets what is queued and running finish for `timeout` (default: `shutdownTimeout`), then drains all
   * runners and ends their jobs. When it resolves none of them is left. Calling it again gives the same promise.
   */
  close(options?: { timeout?: CallOptions["timeout"] }): Promise<void>
}
