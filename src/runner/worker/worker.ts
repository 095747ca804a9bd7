/**
 * Serves the user's module to the parent and drains. Owns the module and the end of this process. The
 * supervisor decides when to drain; this only does it.
 */
import { expose } from "comlink"
import { type FlameError, RunnerDrainingError, StateError } from "../../shared/errors.ts"
import { ComlinkPort } from "../../transport/comlink-port.ts"
import { packError } from "../../transport/failure.ts"
import { isFenced } from "../../transport/fenced.ts"
import type { DrainReason, Marks, WorkerMessage } from "../../transport/protocol.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"
import { RpcServer } from "../../transport/rpc-server.ts"
import type { FromWorker, ToWorker } from "../ipc.ts"
import { ParentSeeker } from "../parent-seeker.ts"
import { mayHaveAnother } from "../supervisor/parent-loss.ts"
import { WorkerContext } from "./context.ts"
import { DataLink } from "./data-link.ts"
import { resolveExport, resolveFunction } from "./exports.ts"
import { KeptCalls } from "./kept-calls.ts"
import { type LoadedModule, loadModule } from "./load-module.ts"
import { OpenWork } from "./open-work.ts"
import { type ResumableCall, takeResumption } from "./resumable-call.ts"
import { ResumableCalls } from "./resumable-calls.ts"

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
  readonly #resumable = new ResumableCalls()
  readonly #kept = new KeptCalls(() => this.#link?.up === true)
  /** Where other parents come from, if the pool persists. */
  readonly #seeker: ParentSeeker | undefined
  /** The drain's time is over. */
  readonly #hurried: Promise<number>
  #hurry!: (hooksMs: number) => void
  /** What a parent is told when the module has been imported, or could not be. */
  #imported: { readonly module: LoadedModule } | { readonly failure: WorkerMessage & { t: "fail" } } | undefined

  constructor(init: ToWorker & { t: "init" }, tell: (message: FromWorker) => void) {
    this.#context = new WorkerContext(init, tell)
    this.#tell = tell
    this.#hurried = new Promise(resolve => {
      this.#hurry = resolve
    })
    this.#work = new OpenWork(open => tell({ t: "unlinked", open }))
    this.#seeker = init.persist && new ParentSeeker(init.persist, init.addresses)
  }

  /** @throws HostError, HandshakeError when there is no parent */
  async run(init: ToWorker & { t: "init" }): Promise<void> {
    await this.#import(await this.#connect(init))
    this.#present()
  }

  async #import({ welcome }: DataLink): Promise<void> {
    try {
      this.#imported = { module: await loadModule(welcome.module, welcome.source) }
    } catch (error) {
      // The parent ends this job; there is nothing to serve.
      this.#imported = { failure: { t: "fail", error: packError(error) } }
    }
  }

  async #connect(init: ToWorker & { t: "init" }): Promise<DataLink> {
    const seeker = this.#seeker
    const lost = (reason: FlameError) => {
      if (this.#state === "draining") return
      if (!seeker || !mayHaveAnother(reason)) return this.#tell({ t: "lost", fenced: isFenced(reason) })
      this.#link = undefined
      void this.#rejoin(init)
    }
    this.#link = await DataLink.open(init, lost, seeker && { seeker, resumed: () => this.#kept.told() })
    return this.#link
  }

  /** The parent is gone. The module stays as it is for the one that comes. */
  async #rejoin(init: ToWorker & { t: "init" }): Promise<void> {
    try {
      const link = await this.#connect(init)
      // A bundle goes with the parent that made it.
      if (this.#imported && "failure" in this.#imported) await this.#import(link)
      this.#present()
    } catch (error) {
      this.#tell({ t: "lost", fenced: isFenced(error) }) // the supervisor looks for one as well, and judges
    }
  }

  /** Tells the parent that there is now what it can have of this worker. */
  #present(): void {
    const link = this.#link
    const imported = this.#imported
    if (!link || !imported) return // whichever comes later does it
    if ("failure" in imported) return link.send(imported.failure)
    if (this.#state === "draining") return
    const { namespace, names } = imported.module
    this.#serve(link, namespace)
    if (this.#state === "importing") this.#move("serving")
    link.send({ t: "ready", exports: names, ...(this.#seeker && { calls: this.#kept.ids }) })
  }

  /** Makes another connection to the parent. */
  relink(): void {
    this.#link?.relink()
  }

  /** @param until As `nodeNow()` counts. */
  setEnd(until: number): void {
    this.#context.setEnd(until)
    this.#resumable.jobEndsIn(this.#context.remaining())
  }

  /** The drain is over: what runs is left as it is, hooks have so long. */
  hurry(hooksMs: number): void {
    this.#tell({ t: "hurried", open: this.#work.open })
    this.#hurry(hooksMs)
  }

  /** Takes no more calls, tells user code, waits for what runs, disposes of what is held, runs the hooks, and ends the process. */
  async drain(reason: DrainReason, graceMs: number): Promise<void> {
    if (this.#state === "draining") return
    this.#move("draining")
    const until = performance.now() + graceMs
    const why = new StateError(`the runner is draining: ${reason}`)
    this.#resumable.drain(reason, why, graceMs)
    this.#context.abort(why)
    if (reason === "parent-gone") this.#kept.abort(why)
    const drained = this.#work.drained(reason === "parent-gone", graceMs)
    const cut = await Promise.race([drained.then(() => undefined), this.#hurried])
    await this.#context.shutdown({ reason, graceMs: cut ?? Math.max(0, until - performance.now()) })
    await this.#link?.close(cut === undefined)
    process.exit(0)
  }

  #serve(link: DataLink, module: object): void {
    new RpcServer(link.session.root, {
      begin: request => this.#work.begin(request),
      holds: (request, objects) => this.#work.holds(request, objects),
      end: request => this.#work.end(request),
      refusal: marks => this.#refusal(marks),
      interrupted: (error, request) => this.#resumable.interrupted(error, request),
      apply: (path, args, request) => {
        const { once, resumable } = request.marks
        const resumption = resumable && takeResumption(args as unknown[])
        const begin = () => {
          const { fn, parent } = resolveFunction(module, path)
          const invoke = () => fn.apply(parent, args as unknown[])
          if (!resumption) return this.#context.runCall(request, invoke)
          const run = (call: ResumableCall) => this.#context.runCall(request, invoke, call)
          return this.#resumable.run(path.join("."), request, resumption, run)
        }
        if (once === undefined) return begin()
        if (resumption) this.#resumable.asked(once, resumption.save)
        return this.#once(once, path, request, begin)
      },
      get: path => resolveExport(module, path).value,
    })
    expose(module, new ComlinkPort(link.session.raw, true, module) as Parameters<typeof expose>[1])
  }

  #once(id: string, path: readonly string[], request: RpcRequest, begin: () => unknown): Promise<unknown> {
    return request.marks.follow ? this.#kept.follow(id) : this.#kept.run(id, path.join("."), request, begin)
  }

  #refusal(marks: Marks | undefined): Error | undefined {
    const { id } = this.#context
    if (marks?.once !== undefined) {
      if (this.#kept.has(marks.once) || marks.follow) return undefined // nothing new begins
      if (marks.known) return new StateError(`runner ${id} knows no call of the id ${JSON.stringify(marks.once)}`)
    }
    if (this.#state !== "draining") return undefined
    return new RunnerDrainingError(`runner ${id} is draining and takes no more calls`, id)
  }

  #move(to: State): void {
    if (!TRANSITIONS[this.#state].includes(to)) throw new StateError(`a worker cannot go from ${this.#state} to ${to}`)
    this.#state = to
  }
}
