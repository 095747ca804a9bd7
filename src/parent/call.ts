/**
 * One call of the user's: `queued -> sent -> settled`. Owns its promise, its deadline and its abort, so that it settles
 * exactly once, whatever happens to the runner. Knows nothing of pools and placement.
 */
import { type FlameError, isFlameError, RunnerDrainingError, RunnerLostError } from "../shared/errors.ts"
import { missingExport } from "../shared/missing-export.ts"
import type { RpcClient } from "../transport/rpc-client.ts"
import { type Limited, type Limits, LimitWatch } from "./limit-watch.ts"
import { RemoteCall } from "./remote-call.ts"
import { reviveError } from "./revive-error.ts"

/** What a call asks for. */
export type Operation = { kind: "apply"; path: string[]; args: readonly unknown[] } | { kind: "get"; path: string[] }

/** Where a call is sent. */
export interface CallTarget {
  readonly client: RpcClient
  readonly exports: readonly string[]
  readonly runnerId: string
  readonly jobId: string | undefined
  readonly node: string | undefined
}

function nobody(): void {}

type State = "queued" | "sent" | "settled"

/** How a call left a runner: the work ended there, or it never began because the runner drains. */
export type CallOutcome = "over" | "not-started"

export class Call implements Limited {
  readonly #operation: Operation
  readonly #name: string
  /** Where the user called; formatted only when an error needs it. */
  readonly #site: { stack?: string } = {}
  #state: State = "queued"
  #resolve: (value: unknown) => void = nobody
  #reject: (error: unknown) => void = nobody
  #watch: LimitWatch | undefined
  #cancel: ((reason: unknown, error: FlameError) => void) | undefined
  #onSettled: (() => void) | undefined
  /** It has settled with streams that are still open, to which its limits apply as well. */
  #streaming = false

  private constructor(operation: Operation, above: Function) {
    this.#operation = operation
    this.#name = operation.path.join(".")
    Error.captureStackTrace(this.#site, above)
  }

  /**
   * Begins a call. The promise is its caller's alone: a stream in the result must not be held here, where nobody reads it.
   * @param above The stack is captured above this function.
   */
  static begin(operation: Operation, limits: Limits, above: Function): { call: Call; promise: RemoteCall<unknown> } {
    const call = new Call(operation, above)
    const promise = new RemoteCall<unknown>((resolve, reject) => {
      call.#resolve = resolve
      call.#reject = reject
    })
    call.#watch = new LimitWatch(limits, call)
    if (call.settled) call.#watch.stop() // the signal had been aborted before: the watch was not there yet to be stopped
    return { call, promise }
  }

  get settled(): boolean {
    return this.#state === "settled"
  }

  get name(): string {
    return this.#name
  }

  get started(): boolean {
    return this.#state === "sent" || this.#streaming
  }

  /** The caller, or whoever reads its stream, is free at once; the runner is told, and keeps the slot until the work has ended. */
  giveUp(error: FlameError, reason: unknown): void {
    const own = this.#withSite(error)
    this.#watch?.stop()
    this.#cancel?.(reason, own)
    this.fail(own)
  }

  /** `listener` is called once when the call settles; at once if it has. */
  onSettled(listener: () => void): void {
    if (this.settled) listener()
    else this.#onSettled = listener
  }

  /**
   * Sends the call. Resolves when the slot it holds is free again. Never rejects.
   */
  send(target: CallTarget): Promise<CallOutcome> {
    return new Promise(resolve => {
      if (this.settled) return resolve("over")
      const { path } = this.#operation
      if (!target.exports.some(name => name === path[0] || name === this.#name)) {
        this.fail(this.#withSite(missingExport(target.exports, path)))
        return resolve("over")
      }
      let outcome: CallOutcome = "over"
      try {
        const waiter = {
          resolve: (value: unknown) => {
            if (this.settled) return
            this.#streaming = true // `done` follows at once where there is no stream
            this.#settle(() => this.#resolve(value))
          },
          reject: (error: unknown) => {
            if (isRefusedBy(target.runnerId, error)) outcome = "not-started"
            else this.#rejected(error, target)
          },
          done: () => {
            this.#streaming = false
            if (this.settled) this.#watch?.stop() // and not where the call goes on to another runner
            resolve(outcome)
          },
        }
        const id =
          this.#operation.kind === "apply"
            ? target.client.apply(path, this.#operation.args, waiter)
            : target.client.get(path, waiter)
        if (this.#state === "queued") this.#state = "sent"
        this.#cancel = (reason, error) => target.client.cancel(id, reason, error)
      } catch (error) {
        this.fail(error instanceof Error ? this.#withSite(error) : error) // an argument that cannot cross
        resolve("over")
      }
    })
  }

  /** The runner answered that it drains: the call is as it was before it was sent. */
  unsend(): void {
    if (this.#state === "sent") this.#state = "queued"
    this.#cancel = undefined
  }

  /** Rejects the call, unless it has settled. */
  fail(error: unknown): void {
    this.#settle(() => this.#reject(error))
  }

  /** The call cannot start there because the runner drains, and it belongs to that runner. */
  refuse(runnerId: string): void {
    this.fail(
      new RunnerDrainingError(`${this.#name} was not started: runner ${runnerId} is ending`, runnerId, {
        hint: "spawn another runner, or call through `pool.api`, which moves such calls by itself",
      }),
    )
  }

  #rejected(error: unknown, target: CallTarget): void {
    if (isFlameError(error) && error instanceof RunnerLostError) {
      // An error of its own for each call: its stack shows who was waiting.
      const own = new RunnerLostError(
        `${this.#name} was lost: ${error.message}`,
        error.runnerId,
        error.reason,
        true,
        error.evidence,
      )
      this.fail(this.#withSite(own))
      return
    }
    if (typeof error === "object" && error !== null && !isFlameError(error)) {
      const { runnerId, jobId, node } = target
      const remote = { runnerId, jobId, node, stack: (error as Error).stack }
      Object.defineProperty(error, "remote", { value: remote, configurable: true })
      this.#withSite(error as Error, `runner ${runnerId}${node === undefined ? "" : ` on ${node}`}`)
      reviveError(error as Error)
    }
    this.fail(error)
  }

  /** Adds the caller's stack below the one the error came with. */
  #withSite<E extends Error>(error: E, where?: string): E {
    const site = this.#site.stack?.split("\n").slice(1).join("\n")
    if (typeof error.stack === "string" && site) {
      const mark = where === undefined ? "called from" : `thrown on ${where}, called from`
      Object.defineProperty(error, "stack", {
        value: `${error.stack}\n    -- ${mark} --\n${site}`,
        configurable: true,
        writable: true,
      })
    }
    return error
  }

  #settle(deliver: () => void): void {
    if (this.#state === "settled") return
    this.#state = "settled"
    if (!this.#streaming) this.#watch?.stop()
    deliver()
    this.#resolve = nobody
    this.#reject = nobody
    this.#onSettled?.()
  }
}

/** Said by this runner itself, and not by another one that the user's code called from there. */
function isRefusedBy(runnerId: string, error: unknown): boolean {
  const e = error as { code?: unknown; runnerId?: unknown } | null
  return e?.code === "ERR_FLAME_RUNNER_DRAINING" && e.runnerId === runnerId
}
