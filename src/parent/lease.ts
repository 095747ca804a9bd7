/**
 * A lease on one runner: what `pool.spawn()` gives. Owns the user's handle; the runner itself belongs to the pool, and so does a resumable call
 * that outlives it.
 */

import { ReleasedError, RunnerLostError, wordsOf } from "../shared/errors.ts"
import type { Remote } from "../shared/remote.ts"
import type { ComlinkPort } from "../transport/comlink-port.ts"
import { apiProxy, type Invoke } from "./api-proxy.ts"
import { Call, type Operation } from "./call.ts"
import { type CallDefaults, type CallLimits, type CallOptions, checkCallOptions } from "./call-options.ts"
import type { RunnerInfo } from "./events.ts"
import type { Runner, RunnerPort } from "./pool-api.ts"
import type { PooledRunner } from "./pooled-runner.ts"
import type { Resumption } from "./resumption.ts"

export interface LeaseHost extends CallDefaults {
  /** What a call of this lease goes on with when its runner is lost; undefined: it ends there. */
  resumption(operation: Operation, limits: CallLimits): Resumption | undefined
  /** The call is the pool's from now on, as any other of its calls. */
  goesOn(call: Call): void
  release(lease: Lease<unknown>): void
  terminate(lease: Lease<unknown>): Promise<void>
}

const TERMINATED = "was terminated"

export class Lease<T> implements Runner<T> {
  readonly runner: PooledRunner
  readonly closed: Promise<RunnerInfo>
  readonly api: Remote<T>
  readonly #host: LeaseHost
  #over: string | undefined
  #resolveClosed!: (info: RunnerInfo) => void

  constructor(runner: PooledRunner, host: LeaseHost) {
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
    this.#over ??= TERMINATED
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
    const limits = checkCallOptions(options, this.#host)
    return operation => {
      const { call, promise } = Call.begin(operation, limits, this.#host.resumption(operation, limits))
      this.#run(call, false)
      return promise
    }
  }

  /** @param refused The runner did not begin it, and takes no more. */
  #run(call: Call, refused: boolean): void {
    const { state } = this.runner
    if (state !== "gone" && this.#over === undefined && !refused) {
      this.runner.run(call, failed => this.#run(call, !failed))
    } else if (call.resumable && (refused || call.started) && this.#over !== TERMINATED) {
      this.#host.goesOn(call) // it came while the lease was there
    } else if (call.started) {
      call.resign() // it was to be run again: to say that it never began would be wrong
    } else if (state === "gone") {
      call.fail(this.#gone(call.name))
    } else if (this.#over !== undefined) {
      call.fail(this.#released(call.name))
    } else {
      call.refuse(this.id)
    }
  }

  #check(what: string): void {
    if (this.#over !== undefined) throw this.#released(what)
  }

  #gone(what: string): RunnerLostError {
    const lost = this.runner.lostError(false)
    const { runnerId, reason, evidence } = lost
    return new RunnerLostError(`${what} was not started: ${wordsOf(lost)}`, runnerId, reason, false, evidence, {
      hint: "the lease is over with its runner: spawn() another one, or call through `pool.api`",
    })
  }

  #released(what: string): ReleasedError {
    return new ReleasedError(`${what}: the lease on runner ${this.id} is over, it ${this.#over}`, {
      hint: "spawn() another one; `pool.api` needs no lease. Calls that are `resumable` go on without it once they were made",
    })
  }
}
