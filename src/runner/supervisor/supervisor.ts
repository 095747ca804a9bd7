/**
 * The runner's main process once it is up. Never runs user code, so it always hears signals, always answers the parent and
 * always cleans up. Owns the runner's life: the worker and its restarts, the drain, the temporary directory, the last word.
 */
import { onExit } from "signal-exit"
import type { Endpoint } from "../../shared/address.ts"
import type { BootConfig, JobFacts } from "../../shared/boot.ts"
import { ConnectionError, type FlameError, StateError } from "../../shared/errors.ts"
import { packError } from "../../transport/failure.ts"
import { isFenced } from "../../transport/fenced.ts"
import type { DrainReason, SupervisorMessage } from "../../transport/protocol.ts"
import { nodeNow } from "../node-clock.ts"
import { ParentSeeker } from "../parent-seeker.ts"
import type { TmpDir } from "../tmp-dir.ts"
import { type ControlHandler, ControlLink } from "./control-link.ts"
import { Crashes, MAX_CRASHES } from "./crashes.ts"
import { DrainBudget } from "./drain-budget.ts"
import type { LogFeed } from "./log-feed.ts"
import { MemoryGroup } from "./memory-group.ts"
import type { Outlet } from "./outlet.ts"
import { mayHaveAnother } from "./parent-loss.ts"
import { Partials } from "./partials.ts"
import { killFollowers } from "./process-tree.ts"
import { Signals } from "./signals.ts"
import { sweepLater } from "./sweep.ts"
import { Walltime } from "./walltime.ts"
import type { WorkerExit, WorkerProcess } from "./worker-process.ts"

/** `starting`: no line to the parent yet. `serving`: worker and line are up. `draining`: ending. `ended`: said bye. */
type State = "starting" | "serving" | "draining" | "ended"

const TRANSITIONS: Record<State, readonly State[]> = {
  starting: ["serving", "draining", "ended"],
  serving: ["draining", "ended"],
  draining: ["ended"],
  ended: [],
}

/**
 * What the time of a drain goes by. `end`: the job's end, which may be moved. `guess`: a signal; the scheduler may know that there is more.
 * `order`: what was said.
 */
type Measure = "end" | "guess" | "order"

/** For the worker's last lines, when who reads them is slow. */
const FLUSH_MS = 500

export interface SupervisorInit {
  boot: BootConfig
  facts: JobFacts
  jobId: string
  shared: boolean // with other runners, as tasks of one job: Slurm puts those of a node into one process group
  node: string
  /** How often the job has been started anew. */
  incarnation: number
  /** Until the walltime ends; undefined: not known yet. */
  leftMs: number | undefined
  /** Addresses of this node to dial from. */
  from: readonly string[]
  tmp: TmpDir | undefined
  first: WorkerProcess | undefined
  /** @param addresses Of the parent, in the order in which to try. @param leftMs Until the walltime ends. */
  startWorker(generation: number, addresses?: readonly Endpoint[], leftMs?: number): WorkerProcess
  /** Why no worker could be started. */
  problem: unknown
  /** Has all that the workers write. */
  feed: LogFeed
  outlets: { stdout: Outlet; stderr: Outlet }
}

export class Supervisor {
  readonly #init: SupervisorInit
  readonly #budget: DrainBudget
  readonly #walltime: Walltime
  readonly #signals: Signals
  /** Where other parents come from, if the pool persists. */
  readonly #seeker: ParentSeeker | undefined
  readonly #memory = new MemoryGroup()
  readonly #partials = new Partials()
  #state: State = "starting"
  #link: ControlLink | undefined
  /** Ends of workers that were faster than the line to the parent: it waits for them, one for each worker. */
  #untold: (SupervisorMessage & { t: "worker-exit" })[] = []
  #worker: WorkerProcess | undefined
  #generation = 0
  readonly #crashes = new Crashes()
  #reason: DrainReason | undefined
  #measure: Measure = "order"
  #cut = false
  /** The worker has work that may go on without the parent. */
  #unlinked = false
  /** The parent may give this runner up at that moment, on `performance.now()`'s clock. Undefined: it does not. */
  #givenUpAt: number | undefined

  constructor(init: SupervisorInit) {
    this.#init = init
    this.#budget = new DrainBudget({
      hurry: hooksMs => this.#worker?.send({ t: "hurry", hooksMs }),
      kill: () => {
        this.#cut = true
        this.#worker?.kill()
      },
    })
    this.#walltime = new Walltime(init.facts, init.leftMs, {
      ask: () => this.#link?.send({ t: "ask", signalled: false }),
      due: () => this.#drain("walltime", Math.max(1, this.#walltime.workMs), "end"), // 1: with hooks
    })
    this.#signals = new Signals(init.facts, this.#walltime, {
      ask: () => this.#link?.send({ t: "ask", signalled: true }) !== undefined,
      ended: graceMs => this.#drain("cancelled", graceMs, "guess"),
      warned: () => {
        if (this.#reason === "cancelled") this.#reason = "walltime"
      },
      shorten: graceMs => {
        this.#measure = "guess"
        this.#budget.shorten(graceMs)
      },
      hurry: () => {
        this.#measure = "order"
        this.#budget.hurry()
      },
    })
    this.#seeker = init.boot.persist && new ParentSeeker(init.boot.persist, init.boot.addresses)
    // Last resort, synchronous: whatever ends this process, an uncaught error included, the directory goes with it.
    onExit(() => {
      this.#worker?.kill()
      init.tmp?.removeSync()
    })
    if (init.first) this.#watch(init.first)
  }

  /** Connects to the parent. Without one there is nothing to do here: ends the process. */
  async run(): Promise<void> {
    const { problem } = this.#init
    try {
      await this.#connect()
    } catch (error) {
      if (this.#state === "draining") return // a signal came first; the drain ends the process
      process.stderr.write(`slurm-flame: no parent: ${(error as Error).message}\n`)
      this.#drain("parent-gone", 0)
      return
    }
    if (problem !== undefined) {
      this.#link?.send({ t: "fail", error: packError(problem) })
      await this.#end("crashed")
    } else if (this.#state === "starting") {
      this.#move("serving")
      sweepLater()
    }
  }

  /** @throws HostError, HandshakeError when there is no parent */
  async #connect(): Promise<void> {
    const { boot, feed, problem, jobId, node, incarnation } = this.#init
    const who = () => {
      if (this.#seeker?.epoch === undefined) return { jobId, node, incarnation }
      this.#untold = [] // of workers of another parent's
      return { jobId, node, incarnation, generation: this.#generation }
    }
    const handler: ControlHandler = {
      message: message => {
        if (message.t === "drain") this.#drain(message.reason, message.graceMs)
        else if (message.t === "deadline") this.#deadline(message.leftMs)
        else if (message.t === "answer") this.#signals.answered(message.runs)
        else if (message.t === "reset") this.#reset(message.generation)
        else if (message.t === "listen") feed.want(message.log)
        else this.#relink(message.generation)
      },
      writable: () => feed.writable(),
      resumed: () => this.#relink(this.#generation),
      unreached: error => process.stderr.write(`slurm-flame: ${error.message}\n(trying again)\n`),
      doubt: until => this.#doubt(until),
      lost: (reason, graceMs) => {
        if (this.#state !== "ended") this.#lost(reason, graceMs)
      },
    }
    // When the address is the problem, the parent should hear of it all the same: by whatever route there is.
    const from = problem === undefined ? this.#init.from : []
    const link = await ControlLink.open(boot, from, who, handler, this.#seeker)
    this.#link = link
    this.#doubt(undefined) // in whatever way the one before was lost
    feed.connect({
      send: (stream, lines) => link.log(stream, lines),
      get acknowledged() {
        return link.acknowledged
      },
    })
    feed.want(link.listening)
    for (const exit of this.#untold.splice(0)) link.send(exit)
    this.#signals.connected()
    if (this.#state === "draining" && this.#reason) {
      link.send({ t: "draining", reason: this.#reason, leftMs: this.#budget.leftMs })
    }
  }

  /** In a pool that persists the next parent is looked for. A worker that stands still does so until that one is there. */
  #lost(reason: FlameError, graceMs: (unlinked: boolean) => number): void {
    const lives = this.#state === "starting" || this.#state === "serving"
    if (!this.#seeker || !lives || !mayHaveAnother(reason)) return this.#orphaned(graceMs(this.#unlinked))
    const last = this.#link
    this.#link = undefined
    this.#init.feed.disconnect()
    this.#connect().catch((error: Error) => {
      process.stderr.write(`slurm-flame: no other parent came: ${error.message}\n`)
      // Who refused meanwhile was somebody else; but whose calls may run elsewhere has no time for hooks.
      const why = isFenced(error) ? error : new ConnectionError("no other parent came")
      this.#orphaned(last?.graceMs(why, this.#unlinked) ?? 0)
    })
  }

  #doubt(until: number | undefined): void {
    this.#givenUpAt = until
    this.#still()
  }

  /**
   * SIGTERM and its like: the walltime is near, or somebody cancels the job.
   * @param at When it came, on `performance.now()`'s clock: whoever kills counts from there.
   */
  signalled(signal: NodeJS.Signals, at = performance.now()): void {
    if (this.#state !== "ended") this.#signals.heard(signal, at, this.#reason)
  }

  #deadline(leftMs: number): void {
    const moved = this.#walltime.set(leftMs)
    this.#worker?.send({ t: "deadline", until: nodeNow() + this.#walltime.leftMs })
    if (this.#state !== "draining") return
    // The scheduler says that the job runs on: what looked like a cancel was none, or none by it, and there is time.
    if (this.#measure === "guess") this.#budget.extend(this.#walltime.workMs)
    else if (this.#measure === "end" && moved) this.#budget.start(Math.max(1, this.#walltime.workMs))
  }

  /** Its socket is dead although it may not know: it is replaced. One that has ended by itself keeps its own exit code. */
  #reset(generation: number): void {
    if (this.#state === "serving" && generation === this.#generation) this.#worker?.kill()
  }

  /** The worker may not have noticed yet that its connection is cut, too. */
  #relink(generation: number): void {
    if (generation === this.#generation) this.#worker?.send({ t: "relink" })
  }

  #drain(reason: DrainReason, graceMs: number, measure: Measure = "order"): void {
    if (this.#state === "ended") return
    // What stands still cannot drain, and is not to go on.
    if (this.#worker?.isStill) graceMs = 0
    if (this.#state === "draining") {
      if (graceMs > 0 && graceMs >= this.#budget.leftMs) return
      this.#measure = measure
      this.#budget.start(graceMs)
      return
    }
    this.#move("draining")
    this.#reason = reason
    this.#measure = measure
    this.#link?.send({ t: "draining", reason, leftMs: graceMs })
    if (!this.#worker) {
      void this.#end(reason)
      return
    }
    this.#worker.send({ t: "drain", reason, until: nodeNow() + graceMs })
    this.#budget.start(graceMs)
  }

  #watch(worker: WorkerProcess): void {
    this.#worker = worker
    worker.onMessage(message => {
      if (message.t === "partial") return this.#partials.note(message)
      if (message.t === "unlinked") {
        this.#unlinked = message.open
        this.#still()
        return
      }
      if (message.t === "hurried") {
        this.#cut = message.open
        this.#budget.answered()
        return
      }
      // A parent that can be reached from here has ended that line, or could not be reached from there: another worker may.
      if (message.fenced) this.#orphaned(0)
      else if (this.#seeker && !this.#link)
        return // the parent is looked for from here as well
      else if (this.#link?.up) this.#reset(this.#generation)
      else this.#orphaned(this.#link?.graceMs(new Error("the worker's line is over"), this.#unlinked) ?? 0)
    })
    this.#memory.mark()
    void worker.exited.then(exit => this.#workerExited(exit, worker.shot))
  }

  #orphaned(graceMs: number): void {
    this.#drain("parent-gone", graceMs)
  }

  /**
   * While the parent may have given this runner up, and its calls may run elsewhere, nothing runs here: the worker stands still, until
   * the parent answers, or is lost. But unlinked work was told to go on without a parent.
   */
  #still(): void {
    this.#worker?.still(this.#unlinked ? undefined : this.#givenUpAt)
  }

  /** @param shot It was this process that killed it. */
  #workerExited(exit: WorkerExit, shot: boolean): void {
    this.#worker = undefined
    void this.#partials.clear()
    this.#init.feed.end()
    this.#unlinked = false
    if (this.#state === "ended") return
    if (this.#state === "draining") {
      void this.#end(this.#reason ?? "cancelled")
      return
    }
    const restart = !this.#crashes.tooMany()
    // The kernel kills without a word; but it counts, and before the process is gone.
    const oom = exit.signal === "SIGKILL" && !shot ? this.#memory.killed() : undefined
    const news = { t: "worker-exit", ...exit, restart, ...(oom && { oom }) } as const
    if (this.#link) this.#link.send(news)
    else this.#untold.push(news)
    if (!restart) {
      process.stderr.write(`slurm-flame: the worker crashed ${MAX_CRASHES} times within a minute, giving up\n`)
      void this.#end("crashed")
      return
    }
    this.#generation += 1
    const leftMs = this.#walltime.known ? this.#walltime.leftMs : undefined
    this.#watch(this.#init.startWorker(this.#generation, this.#link?.addresses, leftMs))
  }

  async #end(reason: DrainReason | "crashed"): Promise<void> {
    if (this.#state === "ended") return
    this.#move("ended")
    this.#budget.stop()
    this.#walltime.stop()
    this.#signals.stop()
    if (!this.#init.shared) killFollowers() // what user code started and left; Slurm would, local() would not
    // Much that is in there takes its time, and the last word does not wait for it. Its path is free at once.
    const removed = this.#init.tmp?.remove()
    await this.#link?.bye({ t: "bye", reason, cut: this.#cut })
    await Promise.all([removed, this.#partials.clear()])
    const { stdout, stderr } = this.#init.outlets
    await Promise.all([stdout.flushed(FLUSH_MS), stderr.flushed(FLUSH_MS)])
    process.exit(reason === "crashed" ? 1 : 0)
  }

  #move(to: State): void {
    if (!TRANSITIONS[this.#state].includes(to))
      throw new StateError(`a supervisor cannot go from ${this.#state} to ${to}`)
    this.#state = to
  }
}
