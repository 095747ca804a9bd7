/**
 * One job that several runners share, as each of them sees it. Owns who still needs the job: it is cancelled with the last, and for a
 * runner that leaves others behind it is over at once. Knows the job only as a job, and no runner.
 */
import type { Job, JobStatus } from "../shared/backend.ts"
import { StateError } from "../shared/errors.ts"

type Ended = JobStatus & { state: "ended" }

/**
 * `needed`: its runner lives, or will. `last`: it does not, and no other does: ended when the job is. `over`: it does not, and the
 * job goes on for others: for this runner it has ended.
 */
type State = "needed" | "last" | "over"

const TRANSITIONS: Record<State, readonly State[]> = {
  needed: ["last", "over"],
  last: [],
  over: [],
}

/** The views of `job` that so many runners get, in order of their tasks. */
export function shareJob(job: Job, runners: number): readonly Job[] {
  const party = new Party(job)
  return Array.from({ length: runners }, () => new SharedJob(job, party))
}

/** What the views of one job have in common. */
class Party {
  readonly #job: Job
  readonly #needing = new Set<SharedJob>()
  readonly #watching = new Set<SharedJob>()
  /** It was seen on several nodes: where it is says nothing of any one runner. */
  spread = false

  constructor(job: Job) {
    this.#job = job
  }

  join(view: SharedJob): void {
    this.#needing.add(view)
    this.#watching.add(view)
  }

  /** @returns whether nobody needs the job any more */
  leave(view: SharedJob): boolean {
    this.#needing.delete(view)
    const last = this.#needing.size === 0
    if (!last) this.attend(view, "rest")
    return last
  }

  /** One that wants to know is enough to ask for. */
  attend(view: SharedJob, interest: "watch" | "rest"): void {
    if (interest === "watch") this.#watching.add(view)
    else this.#watching.delete(view)
    this.#job.attend(this.#watching.size > 0 ? "watch" : "rest")
  }
}

/** The job of one runner among several. */
class SharedJob implements Job {
  readonly #job: Job
  readonly #party: Party
  readonly #listeners = new Set<(status: JobStatus) => void>()
  readonly #over: Promise<Ended>
  #resolveOver!: (status: Ended) => void
  #state: State = "needed"
  /** How it ended for this runner alone. */
  #own: Ended | undefined

  constructor(job: Job, party: Party) {
    this.#job = job
    this.#party = party
    this.#over = new Promise(resolve => {
      this.#resolveOver = resolve
    })
    party.join(this)
  }

  get id(): string {
    return this.#job.id
  }

  get requeues(): boolean {
    return this.#job.requeues === true
  }

  get drainBeforeMs(): number | undefined {
    return this.#job.drainBeforeMs
  }

  get status(): JobStatus {
    return this.#own ?? this.#mine(this.#job.status)
  }

  onStatus(listener: (status: JobStatus) => void): () => void {
    // A wrapper, so that one function given twice is two listeners.
    const entry = (status: JobStatus) => listener(status)
    this.#listeners.add(entry)
    const stop = this.#job.onStatus(status => {
      if (this.#state !== "over") entry(this.#mine(status))
    })
    return () => {
      this.#listeners.delete(entry)
      stop()
    }
  }

  async ask(): Promise<JobStatus> {
    if (this.#own) return this.#own
    const answer = await this.#job.ask()
    return this.#own ?? this.#mine(answer)
  }

  attend(interest: "watch" | "rest"): void {
    if (this.#state !== "over") this.#party.attend(this, interest)
  }

  ended(): Promise<Ended> {
    if (this.#state === "over") return this.#over
    return Promise.race([this.#over, this.#job.ended().then(status => this.#mine(status))])
  }

  /**
   * Ends the job where no other runner needs it. Else its runner is without a key by now, cannot come back to its parent and ends by
   * itself; Slurm has no way to end one task of a step.
   */
  async cancel(): Promise<void> {
    if (this.#state === "needed") this.#leave("cancelled")
    if (this.#state === "last") await this.#job.cancel()
  }

  leave(): void {
    if (this.#state === "needed") this.#leave("completed")
  }

  stderrTail(): Promise<string> {
    return this.#job.stderrTail()
  }

  #leave(outcome: "cancelled" | "completed"): void {
    if (this.#job.status.state === "ended") return
    if (this.#party.leave(this)) {
      this.#move("last")
      return
    }
    this.#move("over")
    this.#own = { state: "ended", outcome, evidence: { jobId: this.id } }
    this.#resolveOver(this.#own)
    for (const listener of [...this.#listeners]) listener(this.#own)
  }

  /** Each runner says itself where it is, which the job of several nodes does not. */
  #mine<S extends JobStatus>(status: S): S {
    if (status.state === "running" && /[[,]/.test(status.node ?? "")) this.#party.spread = true
    if (!this.#party.spread) return status
    if (status.state === "running") {
      const { node, ...rest } = status
      return rest as S
    }
    if (status.state === "ended") return { ...status, evidence: { ...status.evidence, node: undefined } }
    return status
  }

  #move(to: State): void {
    if (!TRANSITIONS[this.#state].includes(to))
      throw new StateError(`a shared job cannot go from ${this.#state} to ${to}`)
    this.#state = to
  }
}
