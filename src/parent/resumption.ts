/**
 * What a resumable call goes on from: its newest checkpoint, how often it was begun, and whether it gets on. Owns these through all attempts;
 * knows neither who places the call nor how a state crosses.
 */
import {
  type FlameErrorInit,
  type GoneReason,
  type JobEvidence,
  RunnerLostError,
  StateError,
  wordsOf,
} from "../shared/errors.ts"
import type { Checkpoint, Checkpoints } from "./checkpoint-store.ts"
import type { CallResumed, RunnerInfo } from "./events.ts"
import type { ResumePolicy } from "./resume-policy.ts"

/** Where resumable calls keep their states, and who hears of them. */
export interface ResumptionHost {
  readonly checkpoints: Checkpoints
  /** A call has been begun again. */
  resumed(news: CallResumed): void
  /** A checkpoint that nobody needs could not be forgotten. */
  left(error: unknown): void
}

/** The runner that a call was on, as far as is known here. */
export interface LeftRunner {
  readonly info: RunnerInfo
  readonly goneReason: GoneReason | undefined
  readonly evidence?: JobEvidence
}

/** What goes with the call each time it is sent. */
export interface Start {
  readonly attempt: number
  readonly state: unknown
  /** Keeps a newer state. Rejects once the call has been begun anew, or nothing is kept. */
  readonly save: (state: unknown) => Promise<void>
}

export class Resumption {
  readonly #name: string
  readonly #id: string | undefined
  readonly #policy: ResumePolicy
  readonly #host: ResumptionHost
  #checkpoint: Checkpoint | undefined
  /** When the newest state was kept. */
  #at: Date | undefined
  /** Times it was begun. */
  #attempt = 0
  /** Times it was begun since it got on: since a state was kept that is not the one that it had been begun with. */
  #since = 0
  /** The digest of the state that it was last begun with. */
  #from: string | undefined
  /** It runs, so what it keeps counts. */
  #running = false
  /** The last state that is being kept, and all before it. */
  #saving: Promise<void> | undefined
  /** Its runner is lost, or let it go, and it has not run since. */
  #leaving = false
  #left: { readonly from: RunnerInfo; readonly reason: GoneReason } | undefined
  /** The last attempt that was told of: one that was refused is made again. */
  #told = 0
  #over = false

  /** @param id The name that its caller gave this very call: an earlier parent may have kept a state under it. */
  constructor(name: string, id: string | undefined, policy: ResumePolicy, host: ResumptionHost) {
    this.#name = name
    this.#id = id
    this.#policy = policy
    this.#host = host
  }

  /** It has begun at least once. */
  get begun(): boolean {
    return this.#attempt > 0
  }

  /**
   * The call is about to be sent: reads what it goes on from.
   * @param known It runs there already, or is over: it needs no state.
   * @throws (rejects) where what was kept cannot be read; StateError when what was still being kept is lost, and it does not get on
   */
  async begin(known: boolean): Promise<Start> {
    await this.#saving?.catch(() => {}) // whoever kept it was told
    if (this.exhausted) throw new StateError("its last checkpoint could not be kept")
    this.#checkpoint ??= this.#host.checkpoints.open(this.#name, this.#id)
    const kept = known ? undefined : await this.#checkpoint.load()
    this.#attempt += 1
    this.#since += 1
    this.#at = kept?.at ?? this.#at
    this.#from = kept?.digest
    this.#running = !this.#over
    const attempt = this.#attempt
    if (this.#left && !this.#over && attempt > this.#told) {
      this.#told = attempt
      this.#host.resumed({ name: this.#name, id: this.#id, attempt, checkpoint: this.#at, ...this.#left })
    }
    return { attempt, state: kept?.value, save: state => this.#save(state, attempt) }
  }

  /** What was begun last never ran. */
  refused(): void {
    this.#running = false
    this.#attempt -= 1
    this.#since -= 1
  }

  /** What was begun last has ended: nothing that it keeps from now on counts. */
  ended(): void {
    this.#running = false
    this.#leaving = false
    this.#left = undefined
  }

  /** It is to go on elsewhere. @param from The runner that it was on. @param error What it ended with. */
  leaves(from: LeftRunner | undefined, error: unknown): void {
    this.#leaving = true
    const reason = error instanceof RunnerLostError ? error.reason : from?.goneReason
    this.#left = from && { from: from.info, reason: reason ?? "connection-lost" }
  }

  /** It was begun so often without a newer state that it is not begun again. */
  get exhausted(): boolean {
    return this.#since >= this.#policy.attempts && this.#saving === undefined
  }

  /** It is on its way to another runner. */
  get leaving(): boolean {
    return this.#leaving && !this.#running
  }

  /** Why it is not begun again. @param last What it ended with; where that is no loss, it was interrupted on `runnerId` */
  givenUp(last: unknown, runnerId: string): RunnerLostError {
    const times = this.#since === 1 ? "once" : `${this.#since} times in a row`
    const what = `was begun ${times} without a newer state in its checkpoint (${this.#kept}) and lost each time, at last`
    const hint =
      "let it call `await currentCall().checkpoint(state)` more often than runners live, or give it runners that live longer; `resumable: { attempts }` says how often it is tried"
    return this.#lost(what, last, runnerId, { hint })
  }

  /** Why it does not go on: there is no runner for it. @param why There is none */
  stranded(last: unknown, runnerId: string, why: unknown): RunnerLostError {
    const reason = why instanceof Error ? why.message.split("\n", 1)[0] : String(why)
    const what = `cannot go on from its checkpoint (${this.#kept}): ${reason}. It was lost before that`
    return this.#lost(what, last, runnerId, { cause: why })
  }

  get #kept(): string {
    return this.#at ? `the last one is of ${this.#at.toISOString()}` : "it has none"
  }

  #lost(what: string, last: unknown, runnerId: string, init: FlameErrorInit): RunnerLostError {
    const { message, reason, evidence } =
      last instanceof RunnerLostError
        ? { message: wordsOf(last), reason: last.reason, evidence: last.evidence } // what to do about it is another matter now
        : { message: `runner ${runnerId} drained`, reason: this.#left?.reason ?? "connection-lost", evidence: {} }
    return new RunnerLostError(`${this.#name} ${what}: ${message}`, runnerId, reason, true, evidence, {
      ...(last instanceof RunnerLostError ? {} : { cause: last }),
      ...init,
    })
  }

  /** The call has settled. @param keep Whoever asks for it by its id goes on from its state: hours of work, and perhaps only its last line was wrong. */
  over(keep: boolean): void {
    this.#over = true
    this.#running = false
    const checkpoint = this.#checkpoint
    if (!checkpoint || (keep && this.#id !== undefined)) return
    const forget = () => checkpoint.forget().catch((error: unknown) => this.#host.left(error))
    if (this.#saving) this.#saving.then(forget, forget)
    else void forget()
  }

  /** @param attempt Which of the starts keeps it: what is late must not replace what a later one has kept. */
  async #save(state: unknown, attempt: number): Promise<void> {
    if (this.#over) return // nobody waits for the call any more, which its function is told by its signal
    if (!this.#running || attempt !== this.#attempt) {
      throw new StateError(`${this.#name} goes on elsewhere: a checkpoint of its attempt ${attempt} comes too late`)
    }
    const saved = this.#checkpoint!.save(state)
    const saving = Promise.allSettled([this.#saving, saved]).then(() => {
      if (this.#saving === saving) this.#saving = undefined
    })
    this.#saving = saving
    const digest = await saved
    this.#at = new Date()
    // A drain asks for a state whether there is news or not: the same one again, for ever, is no progress.
    if (digest !== this.#from) this.#since = 0
  }
}
