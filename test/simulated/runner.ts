/**
 * A runner without a job, a process or a socket: it does what it is told, when it is told, so that a pool's own rules can be tested by
 * the thousand and timed alone. Slots are the real ones. Plays only what a pool sees of a runner.
 */
import type { Call, CallTarget } from "../../src/parent/call.ts"
import { Link } from "../../src/parent/chain.ts"
import type { RunnerInfo } from "../../src/parent/events.ts"
import { Gate } from "../../src/parent/gate.ts"
import { Idler } from "../../src/parent/idle-watch.ts"
import { lostError } from "../../src/parent/lost-error.ts"
import type { EndReason, PooledRunner, RunnerHost } from "../../src/parent/pooled-runner.ts"
import { type RunnerState, transition } from "../../src/parent/runner-state.ts"
import type { GoneReason, RunnerLostError } from "../../src/shared/errors.ts"
import type { RpcClient, Waiter } from "../../src/transport/rpc-client.ts"

/** A request that has reached the runner and is not over. */
export interface Received {
  readonly args: readonly unknown[]
  readonly waiter: Waiter
  cancelled: boolean
}

/** Whoever plays what happens on runners. */
export interface Script {
  /** A runner wants to boot: `up()` or `fail()` it, now or later. */
  boot(runner: SimulatedRunner): void
  /** A request has come. */
  received(request: Received, runner: SimulatedRunner): void
}

interface Open {
  readonly id: number
  readonly request: Received
}

export class SimulatedRunner implements PooledRunner {
  readonly id: string
  readonly serial: number
  readonly job = undefined
  readonly evidence = {}
  readonly endpoint = undefined
  readonly berth: Link<PooledRunner> = new Link(this)
  readonly idler: Idler<PooledRunner> = new Idler(this)
  leased = false
  working = false
  reserved = false
  retiring: EndReason | undefined
  goneReason: GoneReason | undefined
  /** Oldest first. */
  readonly #open: Open[] = []
  readonly #host: RunnerHost
  readonly #gate: Gate
  readonly #script: Script
  readonly #target: CallTarget
  readonly #endListeners = new Set<() => void>()
  readonly #whenGone: Promise<void>
  #tellGone!: () => void
  #state: RunnerState = "submitting"
  #reachable = true
  #nextId = 1

  constructor(
    identity: { runnerId: string; serial: number },
    host: RunnerHost,
    maxConcurrency: number,
    script: Script,
  ) {
    this.id = identity.runnerId
    this.serial = identity.serial
    this.#host = host
    this.#script = script
    this.#gate = new Gate(maxConcurrency, { taken: () => host.taken(this), freed: () => host.freed(this) })
    this.#whenGone = new Promise(resolve => {
      this.#tellGone = resolve
    })
    const client = {
      apply: (_path: readonly string[], args: readonly unknown[], waiter: Waiter) => this.#receive(args, waiter),
      cancel: (id: number) => {
        const open = this.#open.find(one => one.id === id)
        if (open) open.request.cancelled = true
      },
    }
    const exports = ["f"]
    const where = { exports, names: new Set(exports), runnerId: this.id, jobId: undefined, node: undefined }
    this.#target = { ...where, client: client as unknown as RpcClient }
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
    return this.#reachable ? this.#gate.free : 0
  }
  /** Requests that are not over, oldest first. */
  get open(): Received[] {
    return this.#open.map(({ request }) => request)
  }
  get info(): RunnerInfo {
    const { id, state, running: inFlight, leased, goneReason: reason } = this
    const unknown = { jobId: undefined, node: undefined, deadline: undefined, addresses: undefined }
    return { id, state, inFlight, leased, reason, ...unknown }
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
        if (!this.ready) {
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

  hold(task: (target: CallTarget) => Promise<void>, notStarted: () => void): void {
    this.#gate.enter(leave => {
      if (this.ready) return void task(this.#target).finally(leave)
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
    if (reachable) this.#host.freed(this)
    else this.#host.taken(this)
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
    if (this.#state !== "draining") this.end(reason)
    else if (graceMs === 0) this.end(reason)
    await this.#whenGone
  }

  async jobOver(): Promise<void> {}

  /** It is gone, and what was open on it is lost. */
  end(reason: GoneReason, bootError?: Error): void {
    if (this.#state === "gone") return
    this.#move("gone")
    this.goneReason = reason
    const lost = lostError(this.id, reason, true, {})
    for (const { waiter } of this.open) {
      waiter.reject(lost)
      waiter.done()
    }
    this.#open.length = 0
    this.#host.gone(this, bootError)
    this.#gate.end()
    for (const tell of this.#endListeners) tell()
    this.#tellGone()
  }

  #receive(args: readonly unknown[], waiter: Waiter): number {
    const id = this.#nextId++
    const { done } = waiter
    const over = () => {
      const at = this.#open.findIndex(one => one.id === id)
      if (at >= 0) this.#open.splice(at, 1)
      done()
      this.#drained()
    }
    const request: Received = {
      args,
      cancelled: false,
      waiter: {
        resolve: value => waiter.resolve(value),
        reject: (error, refused) => waiter.reject(error, refused),
        done: over,
      },
    }
    this.#open.push({ id, request })
    this.#script.received(request, this)
    return id
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
