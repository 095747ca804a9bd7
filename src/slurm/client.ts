/**
 * Slurm's commands as functions: sbatch, squeue, scancel, scontrol. Owns arguments, time limits and the reading of
 * answers; decides nothing about jobs.
 */
import { spawnSync } from "node:child_process"
import { type CommandResult, commandFailed, runCommand } from "./command.ts"
import { commandEnv } from "./environment.ts"
import { FLAME_FORMAT, type FlameJob, parseFlameJobs } from "./flame-job.ts"
import {
  findTag,
  type JobDetail,
  NAME_FORMAT,
  parseDetail,
  parseQueue,
  QUEUE_FORMAT,
  type QueueRow,
} from "./queue-row.ts"

/** Milliseconds each command may take. Slurm's own time limit is 10 s by default, and more on large sites. */
export interface CommandLimits {
  readonly sbatch: number
  readonly squeue: number
  readonly scancel: number
  readonly scontrol: number
  /** For all of the last-resort cancel, which keeps the process from exiting. */
  readonly scancelSync: number
}

export const DEFAULT_LIMITS: CommandLimits = {
  sbatch: 60_000,
  squeue: 30_000,
  scancel: 30_000,
  scontrol: 15_000,
  scancelSync: 4_000,
}

/** Ids per scancel: far below any limit on the length of a command line. */
const CHUNK = 100

/** What a submission must know of the site's configuration. */
export interface SiteConfig {
  /** How long after SIGTERM a cancelled job is killed. */
  readonly killWaitMs: number
  /** The most tasks of an array job; 0 or 1 where the site wants none. */
  readonly maxArraySize: number
  /** Jobs leave a record that `sacct` shows. */
  readonly accounting: boolean
}

/** Slurm's own defaults, and what is assumed where the controller does not say. */
const DEFAULT_SITE = { killWaitS: 30, maxArraySize: 1_001 }

export class SlurmClient {
  #site: Promise<SiteConfig> | undefined

  constructor(readonly limits: CommandLimits = DEFAULT_LIMITS) {}

  /** Runs sbatch with `script` on its standard input. @throws SlurmCommandError only when there is no sbatch. */
  sbatch(argv: readonly string[], script: string, env: NodeJS.ProcessEnv): Promise<CommandResult> {
    return runCommand("sbatch", argv, { env, timeoutMs: this.limits.sbatch, input: script })
  }

  /** This user's jobs, those that ended lately included. @throws SlurmCommandError when squeue gives no answer. */
  async queue(): Promise<Map<string, QueueRow>> {
    return parseQueue(await this.#squeue(QUEUE_FORMAT))
  }

  /** Id of this user's job with that tag. @throws SlurmCommandError when squeue gives no answer. */
  async find(tag: string): Promise<string | undefined> {
    return findTag(await this.#squeue(NAME_FORMAT), tag)
  }

  /** This user's jobs that have not ended and are ours by their tag. @throws SlurmCommandError when squeue gives no answer. */
  async flameJobs(): Promise<FlameJob[]> {
    return parseFlameJobs(await this.#squeue(FLAME_FORMAT))
  }

  async #squeue(format: string): Promise<string> {
    // `-t all`: without it a job is gone from the list the moment it ends. No `-j`: an unknown id would be an error.
    const result = await this.#run("squeue", ["--noheader", "--me", "--array", "--states=all", `--format=${format}`])
    if (result.exitCode !== 0) throw commandFailed(result, this.limits.squeue)
    return result.stdout
  }

  /** What the controller still knows of a job; undefined when it has forgotten it. @throws SlurmCommandError without an answer. */
  async show(id: string): Promise<JobDetail | undefined> {
    const result = await this.#run("scontrol", ["--oneliner", "show", "job", id])
    if (result.exitCode === 0) return parseDetail(result.stdout)
    // The second is said of a task whose array is known.
    if (/invalid job id|^Job \S+ not found/im.test(result.stderr + result.stdout)) return undefined
    throw commandFailed(result, this.limits.scontrol)
  }

  /** The site's configuration. Asked once. Never rejects. */
  site(): Promise<SiteConfig> {
    this.#site ??= this.#run("scontrol", ["show", "config"]).then(
      ({ stdout }) => parseSite(stdout),
      () => parseSite(""), // without scontrol sbatch will have its say in a moment
    )
    return this.#site
  }

  /**
   * Cancels jobs. Resolves with the ids that could not be cancelled, each with the reason; one that is gone counts as
   * cancelled. @throws SlurmCommandError when there is no scancel.
   */
  async scancel(ids: readonly string[]): Promise<Map<string, Error>> {
    const failed = new Map<string, Error>()
    for (let start = 0; start < ids.length; start += CHUNK) {
      const chunk = ids.slice(start, start + CHUNK)
      const result = await this.#run("scancel", chunk)
      if (result.exitCode === 0) continue
      const error = commandFailed(result, this.limits.scancel)
      for (const id of refusedIds(chunk, result.stderr)) failed.set(id, error)
    }
    return failed
  }

  /** Cancels jobs while the process exits: best effort, blocks for `limits.scancelSync` at most. False when not all is done. */
  scancelSync(ids: readonly string[]): boolean {
    const until = performance.now() + this.limits.scancelSync
    let done = true
    for (let start = 0; start < ids.length; start += CHUNK) {
      const left = Math.floor(until - performance.now())
      if (left < 1) return false
      const { status } = spawnSync("scancel", ids.slice(start, start + CHUNK), {
        env: commandEnv(process.env),
        stdio: "ignore",
        timeout: left,
        killSignal: "SIGKILL",
      })
      if (status !== 0) done = false
    }
    return done
  }

  #run(program: "squeue" | "scancel" | "scontrol", argv: readonly string[]): Promise<CommandResult> {
    return runCommand(program, argv, { env: commandEnv(process.env), timeoutMs: this.limits[program] })
  }
}

/** The ids of `chunk` that scancel complained of; all of them when it named none. */
function refusedIds(chunk: readonly string[], stderr: string): readonly string[] {
  const complaints = [...stderr.matchAll(/job id (\d\S*?):? (.*)$/gm)]
  if (complaints.length === 0) return chunk
  const refused = new Set(
    complaints.filter(([, , why]) => !/invalid job id|already complet/i.test(why!)).map(([, id]) => id!),
  )
  return chunk.filter(id => refused.has(id))
}

function parseSite(config: string): SiteConfig {
  const number = (pattern: RegExp, otherwise: number) => Number(pattern.exec(config)?.[1] ?? otherwise)
  const maxArraySize = number(/^MaxArraySize\s*=\s*(\d+)/m, DEFAULT_SITE.maxArraySize)
  // An administrator may allow large numbers of tasks, but not as many at a time.
  const tasks = number(/^SchedulerParameters\s*=.*\bmax_array_tasks=(\d+)/m, maxArraySize)
  return {
    killWaitMs: number(/^KillWait\s*=\s*(\d+)/m, DEFAULT_SITE.killWaitS) * 1_000,
    maxArraySize: Math.min(maxArraySize, tasks),
    // Without: "accounting_storage/none", or "(null)" in newer releases.
    accounting: /^AccountingStorageType\s*=\s*accounting_storage\/(?!none)/m.test(config),
  }
}
