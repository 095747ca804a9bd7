/** Those who wait in a pool's line: a call for a slot, a caller of `spawn()` for a runner. Each knows what to do with what it waits for. */
import type { Call } from "./call.ts"
import { type Limited, type Limits, LimitWatch } from "./limit-watch.ts"
import type { PooledRunner } from "./pooled-runner.ts"
import { Request } from "./request.ts"

/** A call that waits for a slot. */
export class CallRequest extends Request<PooledRunner> {
  readonly kind = "slot"
  readonly #call: Call
  readonly #again: (request: CallRequest, failed: boolean) => void

  constructor(call: Call, key: string | undefined, again: (request: CallRequest, failed: boolean) => void) {
    super(key)
    this.#call = call
    this.#again = again
  }

  override what(): string {
    return this.#call.name
  }

  place(runner: PooledRunner): void {
    runner.run(this.#call, failed => this.#again(this, failed))
  }

  /** One that was to be run again fails with what it failed with: it has begun, and this error may say that it has not. */
  fail(error: unknown): void {
    if (this.#call.started) this.#call.resign(error)
    else this.#call.fail(error)
  }
}

/** Somebody who waits for a runner of their own. */
export class LeaseRequest<L> extends Request<PooledRunner> implements Limited {
  readonly kind = "lease"
  readonly name = "spawn()"
  readonly started = false
  readonly promise: Promise<L>
  readonly #lease: (runner: PooledRunner) => L
  readonly #leave: (request: LeaseRequest<L>) => void
  readonly #watch: LimitWatch
  #resolve!: (lease: L) => void
  #reject!: (error: unknown) => void
  #over = false

  constructor(limits: Limits, lease: (runner: PooledRunner) => L, leave: (request: LeaseRequest<L>) => void) {
    super()
    this.#lease = lease
    this.#leave = leave
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#watch = new LimitWatch(limits, this)
    if (this.#over) this.#watch.stop() // the signal had been aborted before
  }

  /** Nobody waits for it any more. */
  get over(): boolean {
    return this.#over
  }

  override what(): string {
    return this.name
  }

  giveUp(error: unknown): void {
    this.#leave(this)
    this.fail(error)
  }

  place(runner: PooledRunner): void {
    this.#end()
    this.#resolve(this.#lease(runner))
  }

  fail(error: unknown): void {
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#over = true
    this.#watch?.stop()
  }
}
