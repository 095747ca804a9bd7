/**
 * The Slurm backend: each runner is a job. Joins options, submission, watching and cancelling of all jobs made through
 * it; holds no pool and speaks to no runner.
 */
import { randomBytes } from "node:crypto"
import { mkdir } from "node:fs/promises"
import type { Backend, Job, RunnerSpec } from "../shared/backend.ts"
import { OptionError, SubmitError } from "../shared/errors.ts"
import { Canceller } from "./canceller.ts"
import { type CommandLimits, SlurmClient } from "./client.ts"
import { jobEnv } from "./environment.ts"
import { SlurmJob } from "./job.ts"
import { logDirectory } from "./log-file.ts"
import { checkOptions, type Settings, type SlurmJobFunction, type SlurmOptions } from "./options.ts"
import { composeSubmission, type Submission } from "./submission.ts"
import { Submitter } from "./submitter.ts"
import { type Pace, Watcher } from "./watcher.ts"

/** Times a test may shorten. */
export interface SlurmTimes {
  readonly limits?: CommandLimits
  readonly pace?: Pace
  readonly lookupMs?: readonly number[]
  /** For how long after its submission a job may be missing from squeue. Default: 10 s. */
  readonly missingGraceMs?: number
}

/**
 * Runners as Slurm jobs. Needs sbatch, squeue, scancel and scontrol on PATH (a login node, or a node from which jobs may
 * be submitted) and a home directory shared with the compute nodes. One backend may serve several pools.
 * @throws OptionError naming an option that is unknown or wrong.
 */
export function slurm(options: SlurmOptions = {}): Backend {
  return new SlurmBackend(options)
}

export class SlurmBackend implements Backend {
  readonly name = "slurm"
  readonly network = "fabric"
  readonly interface: string | undefined
  readonly #settings: Settings
  readonly #client: SlurmClient
  readonly #submitter: Submitter
  readonly #watcher: Watcher
  readonly #canceller: Canceller
  readonly #missingGraceMs: number

  constructor(options: SlurmOptions, times: SlurmTimes = {}) {
    this.#settings = checkOptions(options)
    this.interface = this.#settings.interface
    this.#client = new SlurmClient(times.limits)
    this.#submitter = new Submitter(this.#client, times.lookupMs)
    this.#watcher = new Watcher(this.#client, times.pace)
    this.#canceller = new Canceller(this.#client)
    this.#missingGraceMs = times.missingGraceMs ?? 10_000
  }

  validate(): void {
    const { slurmJob } = this.#settings
    // What a function gives is only known for a runner; its options can be checked all the same.
    const text = typeof slurmJob === "function" ? undefined : slurmJob
    this.#compose({ runnerId: "check", pool: "check", entry: "/check.js", nodeArgs: [] }, text)
  }

  async submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    signal.throwIfAborted()
    const { slurmJob } = this.#settings
    const text = typeof slurmJob === "function" ? await untilAborted(scriptFrom(slurmJob, spec), signal) : slurmJob
    const submission = this.#compose(spec, text)
    if (submission.log.own) await makeLogDirectory()
    const killWaitMs = await this.#client.killWaitMs()
    const env = jobEnv(process.env, spec, { killWaitMs, signalBeforeMs: submission.signalSeconds * 1_000 })
    signal.throwIfAborted()
    // From here on there may be a job: nothing is given up before its id is known.
    const id = await this.#submitter.submit(submission, env).catch(error => {
      signal.throwIfAborted()
      throw error
    })
    if (signal.aborted) await this.#cancelUnwanted(id)
    signal.throwIfAborted()
    return new SlurmJob(id, submission.log, {
      client: this.#client,
      watcher: this.#watcher,
      canceller: this.#canceller,
      missingGraceMs: this.#missingGraceMs,
    })
  }

  cancelSync(jobs: readonly Job[]): void {
    this.#client.scancelSync(jobs.filter(job => job.status.state !== "ended").map(job => job.id))
  }

  #compose(spec: Pick<RunnerSpec, "runnerId" | "pool" | "entry" | "nodeArgs">, text: string | undefined): Submission {
    const site = { logDir: logDirectory(process.env), cwd: process.cwd(), nonce: randomBytes(3).toString("hex") }
    return composeSubmission(this.#settings, spec, text, site)
  }

  async #cancelUnwanted(id: string): Promise<void> {
    try {
      await this.#canceller.cancel(id)
    } catch (error) {
      // The caller is told why it gave up; that a job is left must be said somewhere.
      process.emitWarning(`job ${id} is no longer wanted but could not be cancelled: ${(error as Error).message}`, {
        code: "SLURM_FLAME_JOB_LEFT",
        detail: `scancel ${id}`,
      })
    }
  }
}

async function scriptFrom(slurmJob: SlurmJobFunction, { pool, runnerId }: RunnerSpec): Promise<string> {
  const text: unknown = await slurmJob({ pool, runnerId })
  if (typeof text === "string") return text
  throw new OptionError(
    "slurmJob",
    `the \`slurmJob\` function gave ${text === null ? "null" : typeof text}, not the text of a script`,
  )
}

async function makeLogDirectory(): Promise<void> {
  const directory = logDirectory(process.env)
  try {
    // Others are kept out: logs hold what user code prints.
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new SubmitError(`the directory for the jobs' logs cannot be made: ${(cause as Error).message}`, {
      cause,
      hint: "set XDG_STATE_HOME to a directory all nodes share, or name a file with sbatch: { output: … }",
    })
  }
}

/** `promise`, or a rejection with the signal's reason as soon as it is aborted. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
    // What made the promise may itself have aborted the signal, before the listener was there.
    if (signal.aborted) onAbort()
  })
}
