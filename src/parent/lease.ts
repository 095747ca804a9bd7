/** A lease on one runner: what `pool.spawn()` gives. Owns the user's handle; the runner itself belongs to the pool. */

import { ReleasedError } from "../shared/errors.ts"
import type { Remote } from "../shared/remote.ts"
import type { ComlinkPort } from "../transport/comlink-port.ts"
import { apiProxy, type Invoke } from "./api-proxy.ts"
import { Call } from "./call.ts"
import type { RunnerInfo } from "./events.ts"
import { type CallOptions, checkCallOptions } from "./options.ts"
import type { PoolRunner } from "./runner.ts"

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
  /** The module's exports. Each call takes one of the runner's `maxConcurrency` slots, and waits for it if need be. */
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

export interface LeaseHost {
  release(lease: Lease<unknown>): void
  terminate(lease: Lease<unknown>): Promise<void>
  readonly timeoutMs: number
}

export class Lease<T> implements Runner<T> {
  readonly runner: PoolRunner
  readonly closed: Promise<RunnerInfo>
  readonly api: Remote<T>
  readonly #host: LeaseHost
  #over: string | undefined
  #resolveClosed!: (info: RunnerInfo) => void

  constructor(runner: PoolRunner, host: LeaseHost) {
    this.runner = runner
    this.#host = host
    this.api = apiProxy(this.#invoke()) as Remote<T>
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve
    })
  }

  get id(): string {
    return this.runner.id
  }

  get info(): RunnerInfo {
    return this.runner.info
  }

  get endpoint(): RunnerPort {
    this.#check("endpoint")
    const port: ComlinkPort | undefined = this.runner.endpoint
    if (!port) throw this.runner.lostError(false)
    return port
  }

  with(options: CallOptions): Remote<T> {
    return apiProxy(this.#invoke(options)) as Remote<T>
  }

  async release(): Promise<void> {
    if (this.#over !== undefined) return
    this.#over = "was released"
    this.#host.release(this)
    this.#resolveClosed(this.info)
  }

  async terminate(): Promise<void> {
    this.#over ??= "was terminated"
    await this.#host.terminate(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  /** @internal The runner is gone, or not the same any more. */
  end(why: string, info: RunnerInfo): void {
    this.#over ??= why
    this.#resolveClosed(info)
  }

  #invoke(options?: CallOptions): Invoke {
    const limits = checkCallOptions(options, this.#host.timeoutMs)
    return (operation, above) => {
      const call = new Call(operation, limits, above)
      if (this.runner.state === "gone") call.fail(this.runner.lostError(false))
      else if (this.#over !== undefined) call.fail(this.#released(call.name))
      else this.runner.run(call, () => this.#notStarted(call))
      return call.promise
    }
  }

  #notStarted(call: Call): void {
    if (this.runner.state === "gone") call.fail(this.runner.lostError(false))
    else if (this.#over !== undefined) call.fail(this.#released(call.name))
    else call.refuse(this.id)
  }

  #check(what: string): void {
    if (this.#over !== undefined) throw this.#released(what)
  }

  #released(what: string): ReleasedError {
    return new ReleasedError(`${what}: the lease on runner ${this.id} is over, it ${this.#over}`, {
      hint: "spawn() another one; `pool.api` needs no lease",
    })
  }
}
