/**
 * `pool.call(api => …)`: a function of the caller's that runs against one runner while it holds a slot there. Its remote calls
 * use that slot, one after the other; where the runner has free slots, calls made at the same time take those. A call never
 * waits for a slot that only its own function could give back.
 */
import { type FlameError, RunnerDrainingError, StateError } from "../shared/errors.ts"
import { apiProxy } from "./api-proxy.ts"
import { Call, type CallTarget } from "./call.ts"
import type { CallLimits } from "./call-options.ts"
import { rejectionOf } from "./call-site.ts"
import { type Limited, LimitWatch } from "./limit-watch.ts"
import type { PooledRunner } from "./pooled-runner.ts"
import { Request } from "./request.ts"
import { mayRetry } from "./retry-policy.ts"

/** How a held call gets back into the pool's line. */
export interface HeldCallHost {
  /** It never began, or (`failed`) is to be run again. */
  again(request: Request<PooledRunner>, failed: boolean): void
  forget(request: Request<PooledRunner>): void
}

export class HeldCall extends Request<PooledRunner> implements Limited {
  readonly kind = "slot"
  readonly name = "pool.call"
  readonly promise: Promise<unknown>
  readonly #fn: (api: never) => unknown
  readonly #host: HeldCallHost
  readonly #limits: CallLimits
  readonly #watch: LimitWatch | undefined
  #settled = false
  /** The run of `fn` that counts. */
  #attempt: Attempt | undefined
  #retried = 0
  /** What it failed with last, and is run again for. */
  #setback: unknown
  #resolve!: (value: unknown) => void

  constructor(fn: (api: never) => unknown, limits: CallLimits, host: HeldCallHost) {
    super(limits.key)
    this.#fn = fn
    this.#host = host
    this.#limits = limits
    this.promise = new Promise(resolve => {
      this.#resolve = resolve
    })
    this.#watch = new LimitWatch(limits, this)
    if (this.#settled) this.#watch.stop() // the signal had been aborted before
  }

  override what(): string {
    return this.name
  }

  get started(): boolean {
    return this.#attempt !== undefined || this.#retried > 0
  }

  get settled(): boolean {
    return this.#settled
  }

  /** The remote calls inside have the same limits: their own watches abort them on the runner. */
  giveUp(error: FlameError): void {
    this.#reject(error)
  }

  /** One that was to be run again fails with what it failed with: it has begun, and this error may say that it has not. */
  fail(error: unknown): void {
    this.#reject(this.#retried > 0 ? this.#setback : error)
  }

  #reject(error: unknown): void {
    this.#settle(() => this.#resolve(rejectionOf(error, undefined)))
  }

  place(runner: PooledRunner): void {
    runner.hold(
      (target, leave) => this.#run(runner, target, leave),
      () => {
        if (!this.#settled) this.#host.again(this, false)
      },
    )
  }

  #run(runner: PooledRunner, target: CallTarget, leave: () => void): void {
    if (this.#settled) return leave()
    const attempt = new Attempt(leave)
    this.#attempt = attempt
    attempt.forget = runner.onGone(() => this.#failed(attempt, runner.lostError(attempt.sent > 0)))
    const seat = new Seat(target)
    const api = apiProxy(operation => {
      const timeoutMs = this.#watch?.leftMs ?? this.#limits.timeoutMs
      // What fails is the whole: it is not for a part of it to be run again.
      const { call, promise } = Call.begin(operation, { ...this.#limits, timeoutMs, retries: undefined })
      if (this.#attempt !== attempt) {
        call.fail(new StateError(`${call.name} was called through the api of a pool.call() that is over`))
        return promise
      }
      attempt.sent += 1
      const refused = () => {
        attempt.refused += 1
        call.refuse(runner.id)
      }
      attempt.open += 1
      const over = () => attempt.closed()
      if (seat.taken && runner.free > 0) {
        runner.run(call, refused)
        call.onSettled(over)
      } else {
        seat.run({ call, refused, over })
      }
      return promise
    })
    void this.#enter(attempt, api)
  }

  async #enter(attempt: Attempt, api: object): Promise<void> {
    try {
      const value = await this.#fn(api as never)
      if (this.#attempt === attempt) this.#settle(() => this.#resolve(value))
    } catch (error) {
      this.#failed(attempt, error)
    }
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (this.#attempt !== attempt) return // what an earlier one comes to is nobody's concern
    // Its one call never began: the whole of it may begin again.
    const untouched = error instanceof RunnerDrainingError && attempt.sent === 1 && attempt.refused === 1
    if (!untouched && !mayRetry(this.#limits.retries, this.#retried, error)) return this.#reject(error)
    if (!untouched) {
      this.#retried += 1
      this.#setback = error
    }
    this.#attempt = undefined
    attempt.end()
    if (untouched || attempt.sent > 0) return this.#host.again(this, !untouched)
    // It failed here, without having waited for anybody: done again at once it would let nothing else in this process happen.
    setImmediate(() => {
      if (!this.#settled) this.#host.again(this, true)
    })
  }

  #settle(deliver: () => void): void {
    if (this.#settled) return
    this.#settled = true
    this.#watch?.stop()
    this.#host.forget(this)
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.end() // first: whoever hears of the result finds the slot free
    deliver()
  }
}

/** One run of the function, on one runner. It gives its slot back when it is over and its remote work is, waited for or not. */
class Attempt {
  /** Remote calls that were made: from the first on, the function cannot simply be run again elsewhere. */
  sent = 0
  /** Those of them that the runner did not begin, since it drains. */
  refused = 0
  /** Those of them that are not over. */
  open = 0
  /** Hears no more of the runner's end. */
  forget: (() => void) | undefined
  readonly #leave: () => void
  #over = false

  constructor(leave: () => void) {
    this.#leave = leave
  }

  /** One of its calls is over. */
  closed(): void {
    this.open -= 1
    if (this.#over && this.open === 0) this.#leave()
  }

  /** Nobody waits for this run any more. */
  end(): void {
    if (this.#over) return
    this.#over = true
    this.forget?.()
    if (this.open === 0) this.#leave()
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
