/**
 * The Slurm backend: each runner is a job, a task of an array job, or one of several that share a job. Joins a user's options with the way to Slurm; holds no
 * pool and speaks to no runner.
 */
import { randomBytes } from "node:crypto"
import type { Backend, Job, RunnerSpec, SchedulerNews, SweepReport, WantedRunner } from "../shared/backend.ts"
import { OptionError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import type { RunRecord } from "../shared/run-record.ts"
import { adoptedJob } from "./adopted-job.ts"
import { Cluster } from "./cluster.ts"
import { scrub } from "./environment.ts"
import { JobRequest } from "./job-request.ts"
import { logDirectory } from "./log-file.ts"
import { checkOptions, type Settings, type SlurmJobFunction, type SlurmOptions } from "./options.ts"
import { composeSubmission, type Submission } from "./submission.ts"
import { submitGroup } from "./submit-group.ts"

/** The way to Slurm that all backends of this program share. */
const CLUSTER = new Cluster()

/**
 * Runners as Slurm jobs. Needs sbatch, squeue, scancel and scontrol on PATH (a login node, or a node from which jobs may
 * be submitted) and a home directory shared with the compute nodes. One backend may serve several pools, and all backends of a
 * program together ask and submit no more often than one.
 * @throws OptionError naming an option that is unknown or wrong.
 */
export function slurm(options: SlurmOptions = {}): Backend {
  return new SlurmBackend(options, CLUSTER)
}

export class SlurmBackend implements Backend {
  readonly name = "slurm"
  readonly network = "fabric"
  readonly interface: Settings["interface"]
  readonly runnersPerJob: number
  /** Known once it was validated, if the script or the options name it. */
  timeLimitMs: number | undefined
  readonly #settings: Settings
  readonly #cluster: Cluster
  readonly #warned = new Set<string>()

  constructor(options: SlurmOptions, cluster: Cluster) {
    this.#settings = checkOptions(options)
    this.interface = this.#settings.interface
    this.runnersPerJob = this.#settings.runnersPerJob
    this.#cluster = cluster
  }

  validate(): void {
    const { slurmJob } = this.#settings
    // What a function gives is only known for a runner; its options can be checked all the same.
    const text = typeof slurmJob === "function" ? undefined : slurmJob
    const spec = { runnerId: "check", pool: "check", entry: "/check.js", nodeArgs: [] }
    const { limitMs } = this.#compose(Array<typeof spec>(this.runnersPerJob).fill(spec), text)
    // What the user's environment says counts more for sbatch than the script; only its command line counts more than that.
    const elsewhere = !this.#settings.sbatch.has("time") && scrub(process.env).SBATCH_TIMELIMIT !== undefined
    this.timeLimitMs = elsewhere ? undefined : limitMs
  }

  submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    return this.submitMany([{ spec, signal }])[0]!
  }

  submitMany(wanted: readonly WantedRunner[]): readonly Promise<Job>[] {
    const requests = wanted.map(one => new JobRequest(one))
    const { slurmJob } = this.#settings
    if (this.runnersPerJob > 1) for (const group of alike(requests)) this.#submitShared(group)
    else if (typeof slurmJob === "function") this.#submitByScript(requests, slurmJob)
    else for (const group of alike(requests)) void this.#submitGroup(group, slurmJob)
    return requests.map(({ job }) => job)
  }

  adopt(handle: Json): Job {
    return adoptedJob(handle, this.#cluster)
  }

  cancelSync(jobs: readonly Job[]): boolean {
    const ids = jobs.filter(job => job.status.state !== "ended").map(job => job.id)
    return this.#cluster.client.scancelSync([...new Set(ids)]) // runners may share one
  }

  sweep(own: RunRecord): Promise<SweepReport> {
    return this.#cluster.orphans.sweep(own)
  }

  heldUp(): string | undefined {
    return this.#cluster.heldUp()
  }

  onScheduler(listener: (news: SchedulerNews) => void): () => void {
    return this.#cluster.onNews(listener)
  }

  /** So many to a job. A `slurmJob` function is asked for the script of each job's first runner. */
  #submitShared(requests: readonly JobRequest[]): void {
    const { slurmJob } = this.#settings
    for (let start = 0; start < requests.length; start += this.runnersPerJob) {
      const group = requests.slice(start, start + this.runnersPerJob)
      if (typeof slurmJob !== "function") void this.#submitGroup(group, slurmJob)
      else
        scriptFrom(slurmJob, group[0]!.spec).then(
          text => this.#submitGroup(group, text),
          error => {
            for (const request of group) request.fail(error)
          },
        )
    }
  }

  /**
   * Each runner's script may be its own and take its time, so nobody waits for another's; those that turn out equal in the same
   * turn are submitted together.
   */
  #submitByScript(requests: readonly JobRequest[], slurmJob: SlurmJobFunction): void {
    const ready = new Map<string, JobRequest[]>()
    const submit = (text: string): void => {
      const equal = ready.get(text)!
      ready.delete(text)
      for (const group of alike(equal)) void this.#submitGroup(group, text)
    }
    for (const request of requests) {
      if (request.signal.aborted) continue
      scriptFrom(slurmJob, request.spec).then(
        text => {
          const equal = ready.get(text)
          if (equal) equal.push(request)
          else {
            ready.set(text, [request])
            if (requests.length === 1) submit(text)
            else setImmediate(submit, text)
          }
        },
        error => request.fail(error),
      )
    }
  }

  #submitGroup(requests: readonly JobRequest[], text: string | undefined): Promise<void> {
    const { maxPending } = this.#settings
    const together = this.runnersPerJob > 1 ? "shared" : "array"
    return submitGroup(requests, { together, maxPending }, specs => this.#compose(specs, text), this.#cluster)
  }

  #compose(
    specs: readonly Pick<RunnerSpec, "runnerId" | "pool" | "entry" | "nodeArgs">[],
    text: string | undefined,
  ): Submission {
    const site = { logDir: logDirectory(process.env), cwd: process.cwd(), nonce: randomBytes(3).toString("hex") }
    const submission = composeSubmission(this.#settings, specs[0]!, text, site, specs.length)
    for (const warning of submission.warnings) this.#warn(warning)
    return submission
  }

  /** Once: a pool's script is the same for each of its runners, or nearly so. */
  #warn(warning: string): void {
    if (this.#warned.has(warning)) return
    this.#warned.add(warning)
    process.emitWarning(warning, { type: "SlurmFlameWarning", code: "SLURM_FLAME_SCRIPT" })
  }
}

/** Split into those that may be tasks of one job: all that a script and its environment are made of is equal. */
function alike(requests: readonly JobRequest[]): Iterable<readonly JobRequest[]> {
  if (requests.length === 1) return [requests]
  const groups = new Map<string, JobRequest[]>()
  for (const request of requests) {
    const { pool, entry, nodeArgs, env } = request.spec
    // A variable that is removed (undefined) is not the same as one that nothing is said of.
    const key = JSON.stringify([
      pool,
      entry,
      nodeArgs,
      Object.entries(env).map(([name, value]) => [name, value ?? null]),
    ])
    const group = groups.get(key)
    if (group) group.push(request)
    else groups.set(key, [request])
  }
  return groups.values()
}

async function scriptFrom(slurmJob: SlurmJobFunction, { pool, runnerId }: RunnerSpec): Promise<string> {
  const text: unknown = await slurmJob({ pool, runnerId })
  if (typeof text === "string") return text
  throw new OptionError(
    "slurmJob",
    `the \`slurmJob\` function gave ${text === null ? "null" : typeof text}, not the text of a script`,
  )
}
