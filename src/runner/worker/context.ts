/** The worker's own side of the runner context: what user code reads through `runner()` and `currentCall()`. */
import { AsyncLocalStorage } from "node:async_hooks"
import { type CallContext, installContext, type RunnerContext, type ShutdownEvent } from "../../shared/context.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"
import type { ToWorker } from "../ipc.ts"

type Hook = (event: ShutdownEvent) => void | Promise<void>

/** One call, as `currentCall()` shows it. */
export class WorkerCall implements CallContext {
  constructor(
    readonly id: number,
    /** @internal */
    readonly request: RpcRequest,
    /** @internal It began when calls were followed already: whatever belongs to it knows it. */
    readonly followed: boolean,
  ) {}

  get signal(): AbortSignal {
    return this.request.signal
  }
}

export class WorkerContext implements RunnerContext {
  readonly id: string
  readonly pool: string
  readonly jobId: string
  readonly node: string
  readonly tmpdir: string
  readonly #calls = new AsyncLocalStorage<CallContext>()
  readonly #abort = new AbortController()
  readonly #hooks = new Set<Hook>()
  /** Requests that are being served, and what was told of them to who asked. */
  readonly #open = new Map<RpcRequest, WorkerCall | undefined>()
  #nextCall = 1
  readonly #globals: Parameters<typeof installContext>[0]
  #endsAt: number | undefined

  constructor(init: ToWorker & { t: "init" }) {
    this.id = init.runnerId
    this.pool = init.pool
    this.jobId = init.jobId
    this.node = init.node
    this.tmpdir = init.tmpdir
    this.#endsAt = init.endsAt
    this.#globals = { runner: this, calls: this.#calls, only: () => this.#only(), followed: false }
    installContext(this.#globals)
  }

  /** Calls that are being served. */
  get serving(): number {
    return this.#open.size
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get deadline(): Date | undefined {
    return this.#endsAt === undefined ? undefined : new Date(this.#endsAt)
  }

  remaining(): number {
    return this.#endsAt === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.#endsAt - Date.now())
  }

  onShutdown(hook: Hook): () => void {
    this.#hooks.add(hook)
    return () => this.#hooks.delete(hook)
  }

  begin(request: RpcRequest): void {
    this.#open.set(request, undefined)
  }

  end(request: RpcRequest): void {
    this.#open.delete(request)
  }

  /** Runs `fn` for `request`: it is the call that `currentCall()` sees, if anybody can ask. */
  runCall<T>(request: RpcRequest, fn: () => T): T {
    if (!this.#globals.followed) return fn()
    return this.#calls.run(this.#callOf(request, true), fn)
  }

  setEnd(endsAt: number): void {
    this.#endsAt = endsAt
  }

  /** Tells user code that the runner drains. */
  abort(reason: Error): void {
    this.#abort.abort(reason)
  }

  /** Runs the hooks, all of them, whatever one of them does. */
  async shutdown(event: ShutdownEvent): Promise<void> {
    const results = await Promise.allSettled([...this.#hooks].map(async hook => await hook(event)))
    for (const result of results) {
      if (result.status === "rejected") console.error("slurm-flame: a shutdown hook failed:", result.reason)
    }
  }

  /**
   * A module that loads `slurm-flame/runner` in the middle of a call still finds that call, if it is the only one that nobody
   * followed from its beginning. Those that were followed are known to all that belongs to them, and are nobody else's.
   * Nothing is kept with `enterWith`: what is being executed may be the data line's own callback, and so all that comes later.
   */
  #only(): CallContext | undefined {
    const unfollowed = [...this.#open].filter(([, call]) => !call?.followed)
    if (unfollowed.length !== 1) return undefined
    const [request, known] = unfollowed[0]!
    return known ?? this.#callOf(request, false)
  }

  #callOf(request: RpcRequest, followed: boolean): WorkerCall {
    const call = new WorkerCall(this.#nextCall++, request, followed)
    this.#open.set(request, call)
    request.inContext = abort => this.#calls.run(call, abort)
    return call
  }
}
