/**
 * What a runner does for its callers: slots, its worker's session for the calls in them, and the user's own port. Owns the
 * session and who holds a slot; knows neither the job nor the runner's state, only whether it serves now.
 */
import type { FlameError } from "../shared/errors.ts"
import { ComlinkPort } from "../transport/comlink-port.ts"
import type { CallIds } from "../transport/protocol.ts"
import { RpcClient } from "../transport/rpc-client.ts"
import type { Session } from "../transport/session.ts"
import type { Call, CallOutcome, CallTarget } from "./call.ts"
import type { CallBook, CallHolder } from "./call-book.ts"
import { Gate } from "./gate.ts"
import { handleOn } from "./held-object.ts"
import type { PooledRunner } from "./pooled-runner.ts"

/** Whose service it is. */
export type Served = Pick<PooledRunner, "id" | "evidence" | "info" | "goneReason">

export interface ServiceHost {
  /** Whether what has a slot may be sent now. */
  serves(): boolean
  /** A slot was taken or left. */
  loaded(): void
  /** Slots became free. */
  freed(): void
}

export class Service implements CallHolder {
  readonly #gate: Gate
  readonly #host: ServiceHost
  readonly #book: CallBook | undefined
  readonly #endListeners = new Set<() => void>()
  #session: Session | undefined
  /** The worker of this session is lost. */
  #lost = false
  #target: CallTarget | undefined
  /** Resumable calls that were sent and are not over. */
  #resumable = 0
  #endpoint: ComlinkPort | undefined

  /** @param book Where it is written which runner has a call of some id, if calls may have one. */
  constructor(maxConcurrency: number, host: ServiceHost, book?: CallBook) {
    this.#gate = new Gate(maxConcurrency, host)
    this.#host = host
    this.#book = book
  }

  /** A worker has served, be it one that is gone by now. */
  get begun(): boolean {
    return this.#session !== undefined
  }

  /** Slots in use. */
  get running(): number {
    return this.#gate.running
  }

  /** Of what runs here something will go on elsewhere when the runner ends. */
  get goesOn(): boolean {
    return this.#resumable > 0
  }

  /** None once the worker is lost, while its calls still hear of that: one that is to be run again would be sent to it. */
  get free(): number {
    return this.#lost ? 0 : this.#gate.free
  }

  get #serves(): boolean {
    return !this.#lost && this.#host.serves()
  }

  /** The user's own port: real Comlink, or any protocol of theirs. One for the life of the worker. */
  get endpoint(): ComlinkPort | undefined {
    if (this.#session) this.#endpoint ??= new ComlinkPort(this.#session.raw, true)
    return this.#endpoint
  }

  /**
   * A worker serves: the first one, one in place of another, or one that served another parent.
   * @param calls What it has of calls with an id.
   */
  begin(session: Session, exports: string[], runner: Served, calls?: CallIds): void {
    this.#book?.lost(this)
    if (calls) this.#book?.has(this, calls)
    this.#session = session
    this.#lost = false
    this.#endpoint = undefined
    const names = new Set(exports)
    const { id: runnerId, evidence } = runner
    const { jobId, node } = evidence
    const target = { client: new RpcClient(session.root), exports, names, runnerId, jobId, node, runner }
    this.#target = target
    session.holder = object => handleOn(object, target)
  }

  /**
   * Runs `call` when there is a slot.
   * @param again Called when it is to be run anew: `failed`, and may be retried, or never sent, since the runner ends.
   */
  run(call: Call, again: (failed: boolean) => void): void {
    const back = (failed: boolean) => {
      if (!call.settled) again(failed) // else nobody waits for it any more: it must not boot another runner
    }
    this.#gate.enter(
      leave => {
        if (call.settled) return leave()
        if (!this.#serves) {
          back(false)
          return leave()
        }
        if (call.id !== undefined) this.#book?.sent(call.id, this)
        if (call.resumable) this.#resumable += 1
        call.send(this.#target!, outcome => {
          if (call.resumable) this.#resumable -= 1
          leave()
          if (outcome === "over") return
          call.unsend()
          back(outcome === "failed")
        })
      },
      () => back(false),
    )
  }

  join(call: Call, again: (failed: boolean) => void): void {
    if (!this.#serves) return again(false)
    const over = (outcome: CallOutcome) => {
      if (outcome === "over") return
      call.unsend()
      if (!call.settled) again(outcome === "failed")
    }
    call.send(this.#target!, over, true) // it runs already, in a slot of its own, or is over
  }

  /** Calls that run on the worker already, for another parent: each has a slot until it ends. */
  follow(ids: readonly string[]): void {
    for (const once of ids) {
      this.hold(
        ({ client }, done) => {
          const waiter = { resolve() {}, reject() {}, done } // what came of it is told to who asks for it
          client.apply([], [], waiter, { once, known: true, follow: true })
        },
        () => {},
      )
    }
  }

  /** Holds a slot until `task` calls `leave`, and lets it send calls of its own in it. */
  hold(task: (target: CallTarget, leave: () => void) => void, notStarted: () => void): void {
    this.#gate.enter(leave => {
      if (this.#serves) return task(this.#target!, leave)
      notStarted()
      leave()
    }, notStarted)
  }

  /** What still waits for a slot will not get one here. */
  evict(): void {
    this.#gate.evict()
  }

  /** The worker is lost, and with it everything that was sent to it. */
  fail(reason: FlameError): void {
    this.#lost = true
    this.#book?.lost(this)
    this.#session?.fail(reason)
  }

  /** Calls `listener` when the runner is gone. @returns what takes it back */
  onEnd(listener: () => void): () => void {
    this.#endListeners.add(listener)
    return () => this.#endListeners.delete(listener)
  }

  /** The runner is gone: no slot is held any more. */
  end(): void {
    this.#gate.end()
    for (const tell of this.#endListeners) tell()
  }
}
