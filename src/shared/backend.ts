/**
 * The seam between the pool and whatever starts runners. `slurm/` and `local/` implement it, `parent/` uses it; neither
 * knows the other. A backend starts and ends jobs and says what it knows of them; it never speaks to a runner.
 */
import type { JobEvidence } from "./errors.ts"
import type { Json } from "./json.ts"
import type { RunRecord } from "./run-record.ts"

/** What a backend needs to start one runner. */
export interface RunnerSpec {
  /** Unique for this run of the parent; safe in file names and job names (`[a-z0-9-]`). */
  readonly runnerId: string
  readonly pool: string
  /** Absolute path of the Node program that is to be the job's main process (the supervisor). */
  readonly entry: string
  /** Arguments for node itself, before the entry. */
  readonly nodeArgs: readonly string[]
  /**
   * Environment of the supervisor. Holds the runner's key: a backend hands it over in the environment of the process it
   * starts (never in argv, a job name, a comment or `--export=NAME=value`), and logs none of it.
   */
  readonly secretEnv: Readonly<Record<string, string>>
  /** The pool's own `env` option, for the user's code. `undefined` removes a variable. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** How a job ended, as far as the backend knows. */
export type JobOutcome =
  | "completed"
  | "cancelled"
  | "failed"
  | "walltime"
  | "preempted"
  | "out-of-memory"
  | "node-fail"
  | "unknown"

/**
 * What becomes of a job that waits. `queued`: its turn will come. `limited`: a limit of the account keeps it, until other jobs end.
 * `blocked`: somebody has to do something first (release a hold, bring back a node or a partition). `never`: as it was asked for, it
 * cannot start, whatever others do.
 */
export type Outlook = "queued" | "limited" | "blocked" | "never"

/** What a backend knows of a job. `unknown` is neither failed nor running: nothing can be said at present. */
export type JobStatus =
  | {
      readonly state: "pending"
      /** In the scheduler's words, e.g. `Resources`. */
      readonly reason?: string
      /** When it may start, as the scheduler sees it now: others may go first, or end sooner. */
      readonly expectedStart?: Date
      /** What the reason means; left out where there is none, or one that is not known. */
      readonly outlook?: Outlook
      /** What can be done about it. */
      readonly hint?: string
      /** It ran before, and was put back into the queue. */
      readonly again?: true
    }
  /**
   * `endsAt`: when the walltime is over (ms since the epoch), where there is one; `limitMs`: how long the job may run in all. `ending`: it has been told to end. `suspended`: its
   * processes stand still until the scheduler lets them go on.
   */
  | {
      readonly state: "running"
      readonly node?: string
      readonly endsAt?: number
      readonly limitMs?: number
      readonly ending?: true
      readonly suspended?: true
    }
  | { readonly state: "ended"; readonly outcome: JobOutcome; readonly evidence: JobEvidence }
  | { readonly state: "unknown" }

/** One submitted job. */
export interface Job {
  /** The backend's id: Slurm's job id, `<job>_<task>` for a task of an array (what `scancel` takes), or `local-<pid>`. */
  readonly id: string
  /** The scheduler may put it back into the queue and start it again, under the same id and with the same environment. */
  readonly requeues?: boolean
  /** At most so long before its time is over, in ms, its runner is told to take no more work; left out: not known. */
  readonly drainBeforeMs?: number | undefined
  /** The newest status. */
  readonly status: JobStatus
  /**
   * What `Backend.adopt` needs to take this job again from another process: JSON, and nothing secret. Left out where jobs cannot be
   * taken again.
   */
  readonly handle?: Json
  /** Calls `listener` at each change of status, never during this call. Returns a function that stops that. */
  onStatus(listener: (status: JobStatus) => void): () => void
  /** What the scheduler says now: asked after this call. `unknown` when it does not answer. Never rejects. */
  ask(): Promise<JobStatus>
  /**
   * How much the pool wants to know. `watch`: keep `status` fresh (the runner is not connected, or in doubt).
   * `rest`: its socket is the truth, ask nobody once the job was seen running. Starts as `watch`.
   */
  attend(interest: "watch" | "rest"): void
  /** Resolves with the final status once the job is known to have ended. Asks for it: implies `watch`. Never rejects. */
  ended(): Promise<JobStatus & { state: "ended" }>
  /** Ends the job, pending or running. A job that is already gone counts as success. Resolves when the request was taken. */
  cancel(): Promise<void>
  /**
   * Says that the runner ends by itself and needs the job no more. Only jobs that several runners share want to know: for a runner
   * that leaves others behind the job has ended, for the last one it ends when it ends.
   */
  leave?(): void
  /** The last bytes of what the job wrote to stderr, if they can be read; else an empty string. Never rejects. */
  stderrTail(): Promise<string>
}

/** One runner among several that are to be submitted together. */
export interface WantedRunner {
  readonly spec: RunnerSpec
  /** As with `Backend.submit`: it concerns this runner alone. */
  readonly signal: AbortSignal
}

/** What was found of earlier runs that were killed. */
export interface SweepReport {
  /** Ids of the jobs that waited, and were cancelled. */
  readonly cancelled: readonly string[]
  /** Ids of those that run: they end by themselves. */
  readonly running: readonly string[]
}
/** The scheduler does not answer at present, or does so again. The same object to all who hear of it. */
export type SchedulerNews =
  | { readonly state: "silent"; readonly message: string }
  | { readonly state: "answers"; readonly message: string; readonly silentMs: number }

/** Starts jobs. Made by `slurm()` or `local()`; one backend may serve several pools. */
export interface Backend {
  readonly name: string
  /** Where runners of this backend dial from: this machine only, or other hosts. */
  readonly network: "loopback" | "fabric"
  /** The network interfaces to listen on, if the user named any: those that are to be tried first come first. */
  readonly interface?: string | readonly string[] | undefined
  /** The time limit of each job in ms, where it is known before one has run. */
  readonly timeLimitMs?: number | undefined
  /** Runners of one job, where they share it. The pool boots so many at a time, as far as its `max` allows. Default: 1. */
  readonly runnersPerJob?: number
  /**
   * Submits one job. Rejects with SubmitError, SlurmCommandError or OptionError (the reason, in the scheduler's own
   * words). When `signal` is aborted before there is an id, a job that was submitted all the same is cancelled and the
   * promise rejects with `signal.reason`.
   */
  submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job>
  /**
   * Submits several runners of one pool with as few requests as the scheduler allows. Gives a promise for each, in order: each
   * settles on its own, as that of `submit` does, and aborting one leaves the others as they are. Left out by backends for which
   * there is nothing to be gained; then each is submitted by itself. Where runners share jobs, those given together share one, as
   * far as `runnersPerJob` goes.
   */
  submitMany?(wanted: readonly WantedRunner[]): readonly Promise<Job>[]
  /**
   * Takes a job again that another process of this user submitted, by its `handle`. The job may have ended long ago: its status tells. Left out by
   * backends that cannot; their pools cannot persist.
   * @throws StateError when `handle` is none of this backend's
   */
  adopt?(handle: Json): Job
  /**
   * Last resort while the process exits: ends the given jobs synchronously, best effort, within a few seconds. Returns false where it
   * knows that it did not succeed: then the record of the run is left, for the next start of the program to go by.
   */
  cancelSync(jobs: readonly Job[]): void | boolean
  /**
   * Cancels the jobs that wait in the scheduler for earlier runs of the same program and pool whose parent is certainly dead, and
   * removes the records of runs that have no jobs. Called once for each pool, with its own record, beside the first boot. Only backends have it whose jobs may outlive the program: their
   * pools keep a record of their run.
   * Rejects with SlurmCommandError when the scheduler does not answer; then everything is left as it was.
   */
  sweep?(own: RunRecord): Promise<SweepReport>
  /** Why submissions do not go out at present, in words; undefined where nothing keeps them. Left out where nothing ever does. */
  heldUp?(): string | undefined
  /** Calls `listener` when the scheduler stops answering, and when it does so again. Returns a function that stops that. */
  onScheduler?(listener: (news: SchedulerNews) => void): () => void
  /** Throws OptionError if the backend cannot work with what it was given. Called by `createPool`. */
  validate(): void
}
