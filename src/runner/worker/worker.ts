/**
 * Serves the user's module to the parent and drains. Owns the module and the end of this process. The
 * supervisor decides when to drain; this only does it.
 */
import { expose } from "comlink"
import { RunnerDrainingError, StateError } from "../../shared/errors.ts"
import { ComlinkPort } from "../../transport/comlink-port.ts"
import { packError } from "../../transport/failure.ts"
import { isFenced } from "../../transport/fenced.ts"
import type { DrainReason } from "../../transport/protocol.ts"
import { RpcServer } from "../../transport/rpc-server.ts"
import type { FromWorker, ToWorker } from "../ipc.ts"
import { WorkerContext } from "./context.ts"
import { DataLink } from "./data-link.ts"
import { resolveExport, resolveFunction } from "./exports.ts"
import { type LoadedModule, loadModule } from "./load-module.ts"
import { OpenWork } from "./open-work.ts"

/** `importing`: calls are not taken yet. `draining`: no more are taken. */
type State = "importing" | "serving" | "draining"

const TRANSITIONS: Record<State, readonly State[]> = {
  importing: ["serving", "draining"],
  serving: ["draining"],
  draining: [],
}

export class Worker {
  readonly #context: WorkerContext
  readonly #tell: (message: FromWorker) => void
  #state: State = "importing"
  #link: DataLink | undefined
  readonly #work: OpenWork

  constructor(init: ToWorker & { t: "init" }, tell: (message: FromWorker) => void) {
    this.#context = new WorkerContext(init)
    this.#tell = tell
    this.#work = new OpenWork(open => tell({ t: "unlinked", open }))
  }

  async run(init: ToWorker & { t: "init" }): Promise<void> {
    const link = await DataLink.open(init, reason => {
      if (this.#state !== "draining") this.#tell({ t: "lost", fenced: isFenced(reason) })
    })
    this.#link = link
    let module: LoadedModule
    try {
      module = await loadModule(link.welcome.module, link.welcome.source)
    } catch (error) {
      link.send({ t: "fail", error: packError(error) })
      return // the parent ends this job; there is nothing to serve
    }
    if (this.#state === "draining") return
    this.#serve(link, module.namespace)
    this.#move("serving")
    link.send({ t: "ready", exports: module.names })
  }

  /** Makes another connection to the parent. */
  relink(): void {
    this.#link?.relink()
  }

  setEnd(endsAt: number): void {
    this.#context.setEnd(endsAt)
  }

  /** Takes no more calls, tells user code, waits for what runs, disposes of what is held, runs the hooks, and ends the process. */
  async drain(reason: DrainReason, graceMs: number): Promise<void> {
    if (this.#state === "draining") return
    this.#move("draining")
    const until = performance.now() + graceMs
    this.#context.abort(new StateError(`the runner is draining: ${reason}`))
    await this.#work.drained(reason === "parent-gone", graceMs)
    await this.#context.shutdown({ reason, graceMs: Math.max(0, until - performance.now()) })
    await this.#link?.close()
    process.exit(0)
  }

  #serve(link: DataLink, module: object): void {
    new RpcServer(link.session.root, {
      begin: request => this.#work.begin(request),
      holds: (request, objects) => this.#work.holds(request, objects),
      end: request => this.#work.end(request),
      refusal: () => this.#refusal(),
      apply: (path, args, request) => {
        const { fn, parent } = resolveFunction(module, path)
        return this.#context.runCall(request, () => fn.apply(parent, args as unknown[]))
      },
      get: path => resolveExport(module, path).value,
    })
    expose(module, new ComlinkPort(link.session.raw, true, module) as Parameters<typeof expose>[1])
  }

  #refusal(): RunnerDrainingError | undefined {
    if (this.#state !== "draining") return undefined
    const { id } = this.#context
    return new RunnerDrainingError(`runner ${id} is draining and takes no more calls`, id)
  }

  #move(to: State): void {
    if (!TRANSITIONS[this.#state].includes(to)) throw new StateError(`a worker cannot go from ${this.#state} to ${to}`)
    this.#state = to
  }
}
