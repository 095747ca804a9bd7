/**
 * A runner without a job, a process or a socket: it does what it is told, when it is told, so that a pool's own rules can be tested by
 * the thousand and timed alone. Slots are the real ones. Plays only what a pool sees of a runner.
 */
import { BootMoments } from "../../src/parent/boot-moments.ts"
import type { Call, CallTarget } from "../../src/parent/call.ts"
import { Link } from "../../src/parent/chain.ts"
import type { RunnerInfo } from "../../src/parent/events.ts"
import { Gate } from "../../src/parent/gate.ts"
import { Idler } from "../../src/parent/idle-watch.ts"
import { lostError } from "../../src/parent/lost-error.ts"
import type { EndReason, PooledRunner, RunnerHost } from "../../src/parent/pooled-runner.ts"
import { type RunnerState, transition } from "../../src/parent/runner-state.ts"
import { TimeLeft } from "../../src/parent/time-left.ts"
import type { Job } from "../../src/shared/backend.ts"
import type { GoneReason, RunnerLostError } from "../../src/shared/errors.ts"
import { after, type LongTimer } from "../../src/shared/timer.ts"
import type { Marks } from "../../src/transport/protocol.ts"
import type { RpcClient, Waiter } from "../../src/transport/rpc-client.ts"

/** A request that has reached the runner and is not over. */
export interface Received {
  readonly args: readonly unknown[]
  /** What the result is to be: one that stays here, say. */
  readonly marks: Marks | undefined
  /** Where it is, as handles on what stays here need it. */
  readonly target: CallTarget
  readonly waiter: Waiter
  cancelled: boolean
}

/** Whoever plays what happens on runners. */
export interface Script {
  /** A runner wants to boot: `up()` or `fail()` it, now or later. */
  boot(runner: SimulatedRunner): void
  /** A request has come. */
  received(request: Received, runner: SimulatedRunner): void
  /** There is one more. */
  made?(runner: SimulatedRunner): void
  /** A function of the caller's begins, and holds a slot here. */
  holds?(runner: SimulatedRunner): void
  /** What is open on the runner is about to be lost: the runner is gone, or only (`restarts`) its worker. */
  losing?(runner: SimulatedRunner, restarts: boolean): void
}

interface Open {
  readonly id: number
  readonly request: Received
}

const EXPORTS = ["f"]
const NAMES: ReadonlySet<string> = new Set(EXPORTS)

export class SimulatedRunner implements PooledRunner {
  readonly id: string
  readonly serial: number
  readonly successorOf: string | undefined
  /** None, unless a test gives it one: nobody asks it for anything but what it says of itself. */
  job: Job | undefined
  readonly evidence = {}
  readonly endpoint = undefined
  readonly berth: Link<PooledRunner> = new Link(this)
  readonly idler: Idler<PooledRunner> = new Idler(this)
  leased = false
  working = false
  reserved = false
  retiring: EndReason | undefined
  readonly time: TimeLeft = new TimeLeft()
  readonly #moments = new BootMoments()
  goesOn = false
  /** Nobody says when it ends, or that it does not. */
  vague = false
  goneReason: GoneReason | undefined
  /** Oldest first. */
  readonly #open: Open[] = []
  readonly #host: RunnerHost
  readonly #gate: Gate
  readonly #script: Script
  /** Of the worker that serves now. */
  #target: CallTarget
  readonly #endListeners = new Set<() => void>()
  readonly #whenGone: Promise<void>
  #tellGone!: () => void
  #state: RunnerState = "submitting"
  #reachable = true
  /** Its worker is lost, and none serves in its place yet. */
  #lost = false
  #holding = 0
  #late: LongTimer | undefined
  #nextId = 1

  constructor(
    identity: { runnerId: string; serial: number; successorOf?: string | undefined },
    host: RunnerHost,
    maxConcurrency: number,
    script: Script,
  ) {
    this.id = identity.runnerId
    this.serial = identity.serial
    this.successorOf = identity.successorOf
    this.#host = host
    this.#script = script
    this.#gate = new Gate(maxConcurrency, { loaded: () => host.loaded(this), freed: () => this.#freed() })
    this.#whenGone = new Promise(resolve => {
      this.#tellGone = resolve
    })
    this.#target = this.#connect()
  }

  get state(): RunnerState {
    return this.#state
  }
  get ready(): boolean {
    return this.#state === "ready"
  }
  get running(): number {
    return this.#gate.running
  }
  get free(): number {
    return this.#reachable && !this.#lost ? this.#gate.free : 0
  }
  get reachable(): boolean {
    return this.#reachable
  }
  /** Functions of callers that hold a slot. */
  get holding(): number {
    return this.#holding
  }
  /** Requests that are not over, oldest first. */
  get open(): Received[] {
    return this.#open.map(({ request }) => request)
  }
  get info(): RunnerInfo {
    const { id, state, running: inFlight, leased, goneReason: reason, successorOf } = this
    const unknown = {
      pending: undefined,
      jobId: undefined,
      node: undefined,
      deadline: undefined,
      addresses: undefined,
      clockSkewMs: undefined,
    }
    return { id, state, inFlight, leased, reason, successorOf, boot: this.#moments.info, ...unknown }
  }

  async boot(before?: () => Promise<void>): Promise<void> {
    try {
      if (before) await before()
    } catch (error) {
      this.end("boot-failed", error as Error)
    }
    if (this.#state === "gone") return
    this.#move("submitted")
    this.#script.boot(this)
  }

  /** It serves. */
  up(): void {
    if (this.#state === "submitted") this.#move("booting")
    if (this.#state !== "booting") return
    if (!this.time.known && !this.vague) this.time.set(undefined) // a script that wants it to have an end has said so
    this.#lost = false
    this.#move("ready")
    this.#host.ready(this)
  }

  run(call: Call, again: (failed: boolean) => void): void {
    const back = (failed: boolean) => {
      if (!call.settled) again(failed)
    }
    this.#gate.enter(
      leave => {
        if (call.settled) return leave()
        if (!this.ready || this.#lost) {
          back(false)
          return leave()
        }
        call.send(this.#target, outcome => {
          leave()
          if (outcome === "over") return
          call.unsend()
          back(outcome === "failed")
        })
      },
      () => back(false),
    )
  }

  hold(task: (target: CallTarget, leave: () => void) => void, notStarted: () => void): void {
    this.#gate.enter(leave => {
      if (this.ready && !this.#lost) {
        this.#holding += 1
        this.#script.holds?.(this)
        return task(this.#target, () => {
          this.#holding -= 1
          leave()
        })
      }
      notStarted()
      leave()
    }, notStarted)
  }

  onGone(listener: () => void): () => void {
    this.#endListeners.add(listener)
    return () => this.#endListeners.delete(listener)
  }

  lostError(started: boolean): RunnerLostError {
    return lostError(this.id, this.goneReason ?? "connection-lost", started, this.evidence)
  }

  /** The connection is cut, or there again. */
  reach(reachable: boolean): void {
    this.#reachable = reachable
    if (this.#state === "gone") return
    this.#host.loaded(this)
    if (reachable) this.#host.freed(this)
  }

  /** The job was told to end: it takes no more, and finishes what it has. */
  drain(reason: EndReason | "walltime"): void {
    if (this.#state !== "ready") return
    this.#move("draining")
    this.goneReason = reason
    this.#host.draining(this, reason, 1_000)
    this.#gate.evict()
    this.#drained()
  }

  async shutdown(reason: EndReason, graceMs: number): Promise<void> {
    this.drain(reason)
    if (this.#state !== "draining" || graceMs === 0) this.end(reason)
    this.#late?.stop()
    if (this.#state !== "gone") this.#late = after(graceMs, () => this.end(this.goneReason ?? reason))
    await this.#whenGone
  }

  async jobOver(): Promise<void> {}

  /** It is gone, and what was open on it is lost. */
  end(reason: GoneReason, bootError?: Error): void {
    if (this.#state === "gone") return
    this.#late?.stop()
    this.#script.losing?.(this, false)
    this.#move("gone")
    this.goneReason = reason
    this.#lose(reason)
    this.#host.gone(this, bootError)
    this.#gate.end()
    for (const tell of this.#endListeners) tell()
    this.#tellGone()
  }

  /** Its worker crashes, and is started again. */
  crash(): void {
    if (this.#state !== "ready") return
    this.#script.losing?.(this, true)
    this.#lose("crashed")
    if (this.state !== "ready") return // it was to end when its work was over
    this.#move("booting")
    this.#host.restarting(this)
    this.#gate.evict()
    this.#script.boot(this)
  }

  /** A worker's connection: it fails what is asked of it once the worker is lost. */
  #connect(): CallTarget {
    const client = {
      apply: (_path: readonly string[], args: readonly unknown[], waiter: Waiter, marks?: Marks) =>
        this.#target.client === (client as unknown) && this.#state !== "gone"
          ? this.#receive(args, waiter, marks)
          : this.#tooLate(waiter),
      cancel: (id: number) => {
        const open = this.#open.find(one => one.id === id)
        if (open) open.request.cancelled = true
      },
    }
    const where = { exports: EXPORTS, names: NAMES, runnerId: this.id, jobId: undefined, node: undefined }
    return { ...where, client: client as unknown as RpcClient }
  }

  #tooLate(waiter: Waiter): number {
    waiter.reject(lostError(this.id, this.goneReason ?? "crashed", true, {}))
    waiter.done()
    return 0
  }

  #lose(reason: GoneReason): void {
    this.#lost = true
    this.#target = this.#connect()
    const lost = lostError(this.id, reason, true, {})
    const open = this.open
    this.#open.length = 0
    for (const { waiter } of open) {
      waiter.reject(lost)
      waiter.done()
    }
  }

  #receive(args: readonly unknown[], waiter: Waiter, marks: Marks | undefined): number {
    const id = this.#nextId++
    const { done } = waiter
    const over = () => {
      const at = this.#open.findIndex(one => one.id === id)
      if (at >= 0) this.#open.splice(at, 1)
      done()
    }
    const request: Received = {
      args,
      marks,
      target: this.#target,
      cancelled: false,
      waiter: {
        resolve: value => waiter.resolve(value),
        reject: (error, ...how) => waiter.reject(error, ...how),
        holds: objects => waiter.holds?.(objects),
        done: over,
      },
    }
    this.#open.push({ id, request })
    this.#script.received(request, this)
    return id
  }

  #freed(): void {
    this.#host.freed(this)
    this.#drained()
  }

  /** A runner that drains leaves when nothing runs on it any more. */
  #drained(): void {
    queueMicrotask(() => {
      if (this.#state === "draining" && this.#open.length === 0 && this.#gate.running === 0) this.end(this.goneReason!)
    })
  }

  #move(to: RunnerState): void {
    const from = this.#state
    this.#state = transition(from, to, this.id)
    this.#host.moved(this, from)
  }
}
