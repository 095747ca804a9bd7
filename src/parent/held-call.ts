/**
 * `pool.call(api => …)`: a function of the caller's that runs against one runner while it holds a slot there. Its first
 * remote call uses that slot; calls it makes at the same time take slots of their own, on the same runner.
 */
import { type FlameError, RunnerDrainingError } from "../shared/errors.ts"
import { apiProxy } from "./api-proxy.ts"
import { Call, type CallTarget } from "./call.ts"
import { type Limited, type Limits, LimitWatch } from "./limit-watch.ts"
import type { PoolRunner } from "./runner.ts"
import type { Request } from "./waiting-line.ts"

/** How a held call gets back into the pool's line. */
export interface HeldCallHost {
  again(request: Request<PoolRunner>): void
  forget(request: Request<PoolRunner>): void
}

export class HeldCall implements Request<PoolRunner>, Limited {
  readonly kind = "slot"
  readonly name = "pool.call"
  readonly promise: Promise<unknown>
  readonly #fn: (api: never) => unknown
  readonly #host: HeldCallHost
  readonly #limits: Limits
  readonly #watch: LimitWatch | undefined
  #settled = false
  /** Remote calls that have been sent: from the first on, `fn` cannot simply be run again elsewhere. */
  #sent = 0
  #resolve!: (value: unknown) => void
  #reject!: (error: unknown) => void

  constructor(fn: (api: never) => unknown, limits: Limits, host: HeldCallHost) {
    this.#fn = fn
    this.#host = host
    this.#limits = limits
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#watch = new LimitWatch(limits, this)
  }

  get started(): boolean {
    return this.#sent > 0
  }

  get settled(): boolean {
    return this.#settled
  }

  /** The remote calls inside have the same limits: their own watches abort them on the runner. */
  giveUp(error: FlameError): void {
    this.fail(error)
  }

  fail(error: unknown): void {
    this.#settle(() => this.#reject(error))
  }

  place(runner: PoolRunner): void {
    runner.hold(
      target => this.#run(runner, target),
      () => {
        if (!this.#settled) this.#host.again(this)
      },
    )
  }

  async #run(runner: PoolRunner, target: CallTarget): Promise<void> {
    if (this.#settled) return
    const open = new Set<Promise<unknown>>()
    let seatTaken = false
    const api = apiProxy((operation, above) => {
      const timeoutMs = this.#watch?.leftMs ?? this.#limits.timeoutMs
      const { call, promise } = Call.begin(operation, { ...this.#limits, timeoutMs }, above)
      const over = new Promise<void>(resolve => {
        if (seatTaken) {
          runner.run(call, () => call.refuse(runner.id))
          call.onSettled(resolve)
          return
        }
        seatTaken = true
        void call.send(target).then(outcome => {
          seatTaken = false
          if (outcome === "not-started") call.refuse(runner.id)
          resolve()
        })
      })
      this.#sent += 1
      open.add(over)
      void over.then(() => open.delete(over))
      return promise
    })
    try {
      const value = await this.#fn(api as never)
      this.#settle(() => this.#resolve(value))
    } catch (error) {
      if (error instanceof RunnerDrainingError && error.runnerId === runner.id && this.#sent === 1 && !this.#settled) {
        this.#sent = 0 // its one call never began: the whole of it may begin again
        this.#host.again(this)
      } else {
        this.fail(error)
      }
    }
    while (open.size > 0) await Promise.all(open) // the slot is free when the remote work is over, not the waiting
  }

  #settle(deliver: () => void): void {
    if (this.#settled) return
    this.#settled = true
    this.#watch?.stop()
    this.#host.forget(this)
    deliver()
  }
}
