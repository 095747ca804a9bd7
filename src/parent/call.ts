/**
 * One call of the user's: `queued -> sent -> settled`. Owns its promise, its deadline and its abort, so that it settles
 * exactly once, whatever happens to the runner. Knows nothing of pools and placement.
 */
import {
  CallAbortedError,
  type FlameError,
  isFlameError,
  RunnerDrainingError,
  RunnerLostError,
  wordsOf,
} from "../shared/errors.ts"
import { missingExport } from "../shared/missing-export.ts"
import type { Held } from "../transport/held.ts"
import { MAX_PATH, type Marks } from "../transport/protocol.ts"
import type { RpcClient, Waiter } from "../transport/rpc-client.ts"
import type { CallLimits } from "./call-options.ts"
import { rejectionOf } from "./call-site.ts"
import type { Sample } from "./learned-needs.ts"
import { type Limited, LimitWatch } from "./limit-watch.ts"
import { interruption } from "./lost-error.ts"
import { RemoteCall } from "./remote-call.ts"
import { goesOn } from "./resume-policy.ts"
import type { LeftRunner, Resumption } from "./resumption.ts"
import { mayRetry } from "./retry-policy.ts"
import { reviveError } from "./revive-error.ts"

/** What a call asks for. */
export type Operation = { kind: "apply"; path: string[]; args: readonly unknown[] } | { kind: "get"; path: string[] }

/** Where a call is sent. */
export interface CallTarget {
  readonly client: RpcClient
  readonly exports: readonly string[]
  /** The same, to look up; undefined: they are not known here. */
  readonly names: ReadonlySet<string> | undefined
  readonly runnerId: string
  readonly jobId: string | undefined
  readonly node: string | undefined
  /** The runner itself, for who wants to know how it was when the call left it. */
  readonly runner?: LeftRunner
}

function nobody(): void {}

type State = "queued" | "sent" | "settled"

/**
 * How a call left a runner: it is over, or it never began because the runner drains, or it failed and may be run again, or it goes on elsewhere,
 * since its runner is lost or lets it go.
 */
export type CallOutcome = "over" | "not-started" | "failed" | "interrupted"

export class Call implements Limited, Waiter {
  readonly #operation: Operation
  readonly #limits: CallLimits
  #state: State = "queued"
  #resolve: (value: unknown) => void = nobody
  #watch: LimitWatch | undefined
  /** Where it was sent, and under which number, while it can be cancelled there. */
  #target: CallTarget | undefined
  #id = 0
  #outcome: CallOutcome = "over"
  /** How often it was run again. */
  #retried = 0
  /** Why it has to be sent another time. */
  #setback: unknown
  /** Where it has been last. */
  #left: CallTarget | undefined
  /** Its arguments hold streams or ports: it can be sent once. */
  #spent = false
  #over: ((outcome: CallOutcome) => void) | undefined
  #onSettled: (() => void) | undefined
  /** It has settled with streams that are still open, to which its limits apply as well. */
  #streaming = false
  /** Its caller has left, and its work goes on. */
  #detached = false
  /** How long it takes, where that is learned. */
  #sample: Sample | undefined

  /** Of a resumable call. */
  readonly #resumption: Resumption | undefined

  private constructor(operation: Operation, limits: CallLimits, resumption: Resumption | undefined) {
    this.#operation = operation
    this.#limits = limits
    this.#resumption = resumption
  }

  /** Begins a call. The promise is its caller's alone: a stream in the result must not be held here, where nobody reads it. */
  static begin(
    operation: Operation,
    limits: CallLimits,
    resumption?: Resumption,
  ): { call: Call; promise: RemoteCall<unknown> } {
    const call = new Call(operation, limits, resumption)
    const promise = new RemoteCall<unknown>(resolve => {
      call.#resolve = resolve
    })
    if (limits.signal !== undefined || limits.timeoutMs !== Number.POSITIVE_INFINITY) {
      call.#watch = new LimitWatch(limits, call)
      if (call.settled) call.#watch.stop() // the signal had been aborted before: the watch was not there yet to be stopped
    }
    return { call, promise }
  }

  get settled(): boolean {
    return this.#state === "settled"
  }

  get name(): string {
    const { path } = this.#operation
    return path.length === 1 ? path[0]! : path.join(".")
  }

  /** The name that its caller gave this very call. */
  get id(): string | undefined {
    return this.#limits.id
  }

  /** It goes on elsewhere when its runner is lost. */
  get resumable(): boolean {
    return this.#resumption !== undefined
  }

  get started(): boolean {
    return this.#state === "sent" || this.#streaming || this.#retried > 0 || this.#resumption?.begun === true
  }

  /** The caller, or whoever reads its stream, is free at once; the runner is told, and keeps the slot until the work has ended. */
  giveUp(error: FlameError, reason: unknown): void {
    if (
      this.#state === "sent" &&
      this.#limits.marks?.unlinked &&
      !this.#limits.marks.place &&
      error instanceof CallAbortedError
    ) {
      this.#detached = true // its time still counts
      this.fail(error)
      return
    }
    this.#watch?.stop()
    this.#target?.client.cancel(this.#id, reason, error)
    this.fail(error)
  }

  /** `listener` is called once when the call settles; at once if it has. */
  onSettled(listener: () => void): void {
    if (this.settled) listener()
    else this.#onSettled = listener
  }

  /**
   * Sends the call.
   * @param over Called once, when the slot it holds is free again. May be called at once.
   * @param known It is refused where nothing is known of its id.
   */
  send(target: CallTarget, over: (outcome: CallOutcome) => void, known = false): void {
    if (this.settled) return over("over")
    const { path } = this.#operation
    const { names } = target
    const named = names === undefined || names.has(path[0]!) || names.has(this.name)
    if (!named || path.length > MAX_PATH) {
      this.fail(missingExport(target.exports, path))
      return over("over")
    }
    this.#over = over
    this.#outcome = "over"
    this.#target = target
    this.#state = "sent"
    const { learned } = this.#limits
    if (learned?.on && !known && this.#operation.kind === "apply") this.#sample = learned.sample(this.name)
    const marks: Marks | undefined = known ? { ...this.#limits.marks, known: true } : this.#limits.marks
    if (this.#resumption) void this.#resume(this.#resumption, target, marks, known)
    else if (this.#operation.kind === "apply") this.#transmit(target, this.#operation.args, marks)
    else this.#transmit(target, undefined, marks)
  }

  /** @param args Undefined: a property is read. */
  #transmit(target: CallTarget, args: readonly unknown[] | undefined, marks: Marks | undefined): void {
    const { path } = this.#operation
    try {
      this.#id = args ? target.client.apply(path, args, this, marks) : target.client.get(path, this, marks)
    } catch (error) {
      this.#target = undefined
      // An argument that cannot cross; or not a second time, since it was moved or read: then what came before is the reason.
      if (this.#setback === undefined) this.fail(error)
      else this.#rejected(this.#setback, target)
      this.#over?.("over")
    }
  }

  /** Sends it with what it is to go on from, which has to be read first. */
  async #resume(resumption: Resumption, target: CallTarget, marks: Marks | undefined, known: boolean): Promise<void> {
    this.#id = 0 // there is nothing to be cancelled yet, and the last number was another runner's
    try {
      const { state, save, attempt } = await resumption.begin(known)
      if (this.settled) return this.#over?.("over")
      const { args = [] } = this.#operation as Operation & { kind: "apply" }
      this.#transmit(target, [...args, state, save], { ...marks, resumable: true, attempt })
    } catch (error) {
      this.#target = undefined
      this.fail(resumption.exhausted ? resumption.givenUp(this.#setback, target.runnerId) : error)
      this.#over?.("over")
    }
  }

  /** @internal */
  spends(): void {
    this.#spent = true
  }

  /** @internal The answer. */
  resolve(value: unknown): void {
    if (this.settled) return
    this.#sample?.succeeds()
    this.#streaming = true // `done` follows at once where there is no stream
    const resolve = this.#resolve
    this.#settle()
    resolve(value)
  }

  /** @internal The answer. */
  reject(thrown: unknown, refused = false, interrupted = false): void {
    if (this.settled) return
    // A function that heeds its runner's signal is lost with it all the same, and is to be told so.
    const error = interrupted && !this.#resumption ? interruption(this.#target!, thrown) : thrown
    if (!refused || this.#setback === undefined) this.#setback = error
    if (refused) this.#resumption?.refused()
    else this.#resumption?.ended()
    if (!this.#spent && refused) this.#outcome = "not-started"
    else if (this.#resumption && goesOn(error, interrupted)) this.#interrupted(this.#resumption, error)
    else if (!this.#spent && mayRetry(this.#limits.retries, this.#retried, error)) this.#retry()
    else this.#rejected(error, this.#target!)
  }

  /** @internal Nothing runs there any more, but the result holds these: they have no limits. Leads to no result, like `done`. */
  readonly holds = (objects: readonly Held[]): void => {
    this.#streaming = false
    this.#sample = undefined // how long it is held says nothing of the work
    this.#watch?.stop()
    if (this.#detached) for (const object of objects) void object.letGo()
    else this.#limits.held?.add(objects)
  }

  /** @internal The work is over there. Kept by who waits for streams: nothing here leads to the result. */
  readonly done = (): void => {
    this.#streaming = false
    this.#sample?.over()
    this.#sample = undefined
    if (this.settled) this.#watch?.stop() // and not where the call goes on to another runner
    this.#over?.(this.#outcome)
  }

  /** It is not running any more and not settled: it is as it was before it was sent. */
  unsend(): void {
    if (this.#state === "sent") this.#state = "queued"
    this.#left = this.#target
    this.#target = undefined
  }

  /** It was to be run again, and there is nowhere to: it rejects with what had befallen it. @param why There is nowhere. */
  resign(why?: unknown): void {
    if (this.settled) return
    const left = this.#left!
    if (this.#resumption?.leaving) this.fail(this.#resumption.stranded(this.#setback, left.runnerId, why))
    else this.#rejected(this.#setback, left)
  }

  #interrupted(resumption: Resumption, error: unknown): void {
    const target = this.#target!
    resumption.leaves(target.runner, error)
    if (this.#spent) this.#rejected(error, target)
    else if (resumption.exhausted) this.fail(resumption.givenUp(error, target.runnerId))
    else this.#outcome = "interrupted"
  }

  /** Rejects the call, unless it has settled. @param where Where the error was thrown; undefined: here */
  fail(error: unknown, where?: string): void {
    if (this.settled) return
    const resolve = this.#resolve
    this.#settle(true)
    resolve(rejectionOf(error, where))
  }

  /** The call cannot start there because the runner drains, and it belongs to that runner. */
  refuse(runnerId: string): void {
    this.fail(
      new RunnerDrainingError(`${this.name} was not started: runner ${runnerId} is ending`, runnerId, {
        hint: "spawn another runner, or call through `pool.api`, which moves such calls by itself",
      }),
    )
  }

  #rejected(error: unknown, target: CallTarget): void {
    if (isFlameError(error) && error instanceof RunnerLostError) {
      // An error of its own for each call: its stack shows who was waiting.
      const { runnerId, reason, evidence, hint, cause } = error
      const init = { hint, ...(cause === undefined ? {} : { cause }) }
      this.fail(new RunnerLostError(`${this.name} was lost: ${wordsOf(error)}`, runnerId, reason, true, evidence, init))
      return
    }
    if (typeof error !== "object" || error === null || isFlameError(error)) return this.fail(error)
    const { runnerId, jobId, node } = target
    const remote = { runnerId, jobId, node, stack: (error as Error).stack }
    Object.defineProperty(error, "remote", { value: remote, configurable: true })
    reviveError(error as Error)
    this.fail(error, `runner ${runnerId}${node === undefined ? "" : ` on ${node}`}`)
  }

  #retry(): void {
    this.#retried += 1
    this.#outcome = "failed"
  }

  /** @param unfinished It has failed, in whatever way: who asks for it by its id goes on from what was kept. */
  #settle(unfinished = false): void {
    this.#state = "settled"
    this.#resumption?.over(unfinished)
    if (!this.#streaming && !this.#detached) this.#watch?.stop()
    this.#resolve = nobody
    this.#onSettled?.()
  }
}
