/**
 * `pool.call(api => …)`: a function of the caller's that runs against one runner while it holds a slot there. Its remote calls
 * use that slot, one after the other; where the runner has free slots, calls made at the same time take those. A call never
 * waits for a slot that only its own function could give back.
 */
import { type FlameError, RunnerDrainingError, StateError } from "../shared/errors.ts"
import { apiProxy } from "./api-proxy.ts"
import { Call, type CallTarget } from "./call.ts"
import { rejectionOf } from "./call-site.ts"
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
  /** `fn` has been entered. */
  #entered = false
  /** Remote calls that were made: from the first on, `fn` cannot simply be run again elsewhere. */
  #sent = 0
  /** Those of them that the runner did not begin, since it drains. */
  #refused = 0
  readonly #over: Promise<void>
  #resolveOver!: () => void
  #resolve!: (value: unknown) => void

  constructor(fn: (api: never) => unknown, limits: Limits, host: HeldCallHost) {
    this.#fn = fn
    this.#host = host
    this.#limits = limits
    this.promise = new Promise(resolve => {
      this.#resolve = resolve
    })
    this.#over = new Promise(resolve => {
      this.#resolveOver = resolve
    })
    this.#watch = new LimitWatch(limits, this)
    if (this.#settled) this.#watch.stop() // the signal had been aborted before
  }

  get started(): boolean {
    return this.#entered
  }

  get settled(): boolean {
    return this.#settled
  }

  /** The remote calls inside have the same limits: their own watches abort them on the runner. */
  giveUp(error: FlameError): void {
    this.fail(error)
  }

  fail(error: unknown): void {
    this.#settle(() => this.#resolve(rejectionOf(error, undefined)))
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
    this.#entered = true
    const forget = runner.onGone(() => this.fail(runner.lostError(this.#sent > 0)))
    const seat = new Seat(target)
    const open = new Set<Promise<unknown>>()
    const api = apiProxy(operation => {
      const timeoutMs = this.#watch?.leftMs ?? this.#limits.timeoutMs
      const { call, promise } = Call.begin(operation, { ...this.#limits, timeoutMs })
      if (this.#settled) {
        call.fail(new StateError(`${call.name} was called through the api of a pool.call() that is over`))
        return promise
      }
      this.#sent += 1
      const refused = () => {
        this.#refused += 1
        call.refuse(runner.id)
      }
      const over = new Promise<void>(resolve => {
        if (seat.taken && runner.free > 0) {
          runner.run(call, refused)
          call.onSettled(resolve)
        } else {
          seat.run({ call, refused, over: resolve })
        }
      })
      open.add(over)
      void over.then(() => open.delete(over))
      return promise
    })
    await Promise.race([this.#enter(api), this.#over])
    forget()
    while (open.size > 0) await Promise.all(open) // the slot is free when the remote work is over, not the waiting
  }

  async #enter(api: object): Promise<void> {
    try {
      const value = await this.#fn(api as never)
      this.#settle(() => this.#resolve(value))
    } catch (error) {
      const untouched = error instanceof RunnerDrainingError && this.#sent === 1 && this.#refused === 1
      if (!untouched || this.#settled) {
        this.fail(error)
        return
      }
      // Its one call never began: the whole of it may begin again.
      this.#sent = 0
      this.#refused = 0
      this.#entered = false
      this.#host.again(this)
    }
  }

  #settle(deliver: () => void): void {
    if (this.#settled) return
    this.#settled = true
    this.#watch?.stop()
    this.#host.forget(this)
    deliver()
    this.#resolveOver()
  }
}

interface Sitting {
  readonly call: Call
  readonly refused: () => void
  /** Called when the remote work has ended. */
  readonly over: () => void
}

/** The slot that the function holds: its calls sit in it one after the other. */
class Seat {
  readonly #target: CallTarget
  readonly #queue: Sitting[] = []
  #taken = false

  constructor(target: CallTarget) {
    this.#target = target
  }

  /** Somebody sits in it, or is about to. */
  get taken(): boolean {
    return this.#taken || this.#queue.length > 0
  }

  run(sitting: Sitting): void {
    if (this.taken) this.#queue.push(sitting)
    else this.#sit(sitting)
  }

  #sit({ call, refused, over }: Sitting): void {
    this.#taken = true
    call.send(this.#target, outcome => {
      this.#taken = false
      if (outcome === "not-started") refused()
      over()
      // Not at once: a row of calls that fail at once must not pile up on the stack.
      queueMicrotask(() => this.#next())
    })
  }

  #next(): void {
    const next = this.#taken ? undefined : this.#queue.shift()
    if (next) this.#sit(next)
  }
}
