/** The worker's own side of the runner context: what user code reads through `runner()` and `currentCall()`. */
import { AsyncLocalStorage } from "node:async_hooks"
import { type CallContext, installContext, type RunnerContext, type ShutdownEvent } from "../../shared/context.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"
import type { FromWorker, ToWorker } from "../ipc.ts"
import { nodeNow } from "../node-clock.ts"
import { Keeper } from "./keeper.ts"
import type { ResumableCall } from "./resumable-call.ts"
import { WorkerCall } from "./worker-call.ts"

type Hook = (event: ShutdownEvent) => void | Promise<void>

export class WorkerContext implements RunnerContext {
  readonly id: string
  readonly pool: string
  readonly jobId: string
  readonly node: string
  readonly tmpdir: string
  readonly #calls = new AsyncLocalStorage<CallContext>()
  readonly #abort = new AbortController()
  readonly #hooks = new Set<Hook>()
  readonly #keeper: Keeper
  #nextCall = 1
  /** The end of the walltime, as `nodeNow()` counts; and the same as a date, which stays one although clocks are set. */
  #until: number | undefined
  #deadline: Date | undefined

  constructor(init: ToWorker & { t: "init" }, tell: (message: FromWorker) => void = () => {}) {
    this.id = init.runnerId
    this.pool = init.pool
    this.jobId = init.jobId
    this.node = init.node
    this.tmpdir = init.tmpdir
    if (init.until !== undefined) this.setEnd(init.until)
    this.#keeper = new Keeper(init.tmpdir, init.keepDir, (path, done) => tell({ t: "partial", path, done }))
    installContext({ runner: this, calls: this.#calls })
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get deadline(): Date | undefined {
    return this.#deadline
  }

  remaining(): number {
    return this.#until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.#until - nodeNow())
  }

  keep(path: string, as?: string): Promise<string> {
    return this.#keeper.keep(path, as)
  }

  onShutdown(hook: Hook): () => void {
    this.#hooks.add(hook)
    return () => this.#hooks.delete(hook)
  }

  /** Runs `fn` for `request`: it is the call that `currentCall()` sees, in everything that `fn` awaits. */
  runCall<T>(request: RpcRequest, fn: () => T, resumable?: ResumableCall): T {
    const call = new WorkerCall(this.#nextCall++, request, resumable)
    request.inContext = abort => this.#calls.run(call, abort)
    return this.#calls.run(call, fn)
  }

  /** @param until As `nodeNow()` counts. */
  setEnd(until: number): void {
    this.#until = until
    this.#deadline = new Date(Date.now() + Math.round(until - nodeNow()))
  }

  /** Tells user code that the runner drains. */
  abort(reason: Error): void {
    this.#abort.abort(reason)
  }

  /** Runs the hooks, all of them, whatever one of them does, and waits for what is being kept. */
  async shutdown(event: ShutdownEvent): Promise<void> {
    const results = await Promise.allSettled([...this.#hooks].map(async hook => await hook(event)))
    for (const result of results) {
      if (result.status === "rejected") console.error("slurm-flame: a shutdown hook failed:", result.reason)
    }
    await this.#keeper.settled()
  }
}
