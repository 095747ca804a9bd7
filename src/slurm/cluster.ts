/**
 * The one way of this program to Slurm: whatever the number of pools and backends, there is one poll of squeue, one gate for
 * submissions, one backlog in the queue, one collector of cancels, and one judgement whether the controller answers. Owns these and how a
 * submission passes them; knows no options and no job.
 */
import type { SchedulerNews } from "../shared/backend.ts"
import { formatMs } from "../shared/duration.ts"
import { Accounting } from "./accounting.ts"
import { Backlog, type Places } from "./backlog.ts"
import { Breaker, type BreakerEvent, type BreakerPace } from "./breaker.ts"
import { Canceller } from "./canceller.ts"
import { type CommandLimits, SlurmClient } from "./client.ts"
import { LogDirectory } from "./log-file.ts"
import { Orphans } from "./orphans.ts"
import { type GateLimits, SubmitGate } from "./submit-gate.ts"
import { Submitter } from "./submitter.ts"
import { type Pace, Watcher } from "./watcher.ts"

/** Times and limits a test may change. */
export interface SlurmTimes {
  readonly limits?: CommandLimits
  readonly pace?: Pace
  readonly gate?: GateLimits
  readonly breaker?: BreakerPace
  readonly lookupMs?: readonly number[]
  /** The pauses before a submission that the controller did not hear is tried again. Default: 1, 2, 4, 8 and 16 s. */
  readonly againMs?: readonly number[]
  /** For how long after its submission a job may be missing from squeue. Default: 10 s. */
  readonly missingGraceMs?: number
}

/** A submission may go out. */
export interface Turn {
  /** For as many jobs as this. */
  readonly places: Places
  /** sbatch has ended: another one may go out. */
  answered(): void
  /** It is over: what was not needed is another's. Harmless when called again. */
  leave(): void
}

export class Cluster {
  readonly client: SlurmClient
  readonly controller: Breaker
  readonly backlog = new Backlog()
  readonly gate: SubmitGate
  readonly submitter: Submitter
  readonly watcher: Watcher
  readonly canceller: Canceller
  readonly orphans: Orphans
  readonly accounting: Accounting
  readonly logs = new LogDirectory()
  readonly #listeners = new Set<(news: SchedulerNews) => void>()
  readonly againMs: readonly number[]
  readonly missingGraceMs: number

  constructor(times: SlurmTimes = {}) {
    // The question that is asked anyway is as good a probe as any.
    const probe = () => (this.watcher.watching ? this.watcher.probe() : this.client.ping())
    this.controller = new Breaker(probe, times.breaker)
    this.client = new SlurmClient(times.limits, (why, startedAt) => this.controller.heard(why, startedAt))
    this.gate = new SubmitGate(times.gate)
    this.submitter = new Submitter(this.client, times.lookupMs, this.controller)
    this.watcher = new Watcher(this.client, times.pace, this.controller)
    this.canceller = new Canceller(this.client, this.controller)
    this.againMs = times.againMs ?? [1_000, 2_000, 4_000, 8_000, 16_000]
    this.orphans = new Orphans(this)
    this.accounting = new Accounting(this.client)
    this.missingGraceMs = times.missingGraceMs ?? 10_000
    // After a silence many programs have something to submit: nobody begins with a burst.
    this.controller.onChange(({ silent }) => silent && this.gate.calm())
    this.controller.onChange(event => this.#tell(newsOf(event)))
  }

  /** The listener hears when the controller falls silent, and when it answers again. @returns what takes it back */
  onNews(listener: (news: SchedulerNews) => void): () => void {
    const entry = (news: SchedulerNews) => listener(news)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  /**
   * Resolves when `jobs` jobs of `pool`, or some of them, may be submitted: there is room in the queue, it is their turn at the gate, and
   * the controller answers. @throws `signal.reason` when it is aborted before that
   */
  async turn(pool: string, jobs: number, maxPending: number, signal: AbortSignal): Promise<Turn> {
    const places = await this.backlog.enter(pool, jobs, maxPending, signal)
    let answered = () => {}
    const leave = () => {
      answered()
      places.leave()
    }
    try {
      answered = await this.gate.enter(signal)
      await this.controller.pass(signal)
    } catch (error) {
      leave()
      throw error
    }
    return { places, answered, leave }
  }

  /** Why submissions do not go out at present; undefined when nothing holds them up but the gate. */
  heldUp(): string | undefined {
    const silentMs = this.controller.silentMs
    if (silentMs !== undefined) return `slurmctld has not answered for ${formatMs(silentMs)}`
    if (!this.backlog.full) return undefined
    return `${this.backlog.pending} jobs of this program wait in Slurm's queue, and \`maxPending\` allows no more`
  }

  #tell(news: SchedulerNews): void {
    for (const listener of [...this.#listeners]) listener(news)
  }
}

function newsOf(event: BreakerEvent): SchedulerNews {
  if (!event.silent) {
    const message = `slurmctld answers again after ${formatMs(event.ms)}: what waited goes on`
    return { state: "answers", message, silentMs: event.ms }
  }
  const message = `slurmctld does not answer: until it does, submissions and cancels wait, and it is asked ever more rarely. Runners that run are not concerned. The last try: ${event.why}`
  return { state: "silent", message }
}
