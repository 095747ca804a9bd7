/**
 * Slurm's commands as functions: sbatch, squeue, scancel, scontrol. Owns arguments, time limits and the reading of
 * answers; decides nothing about jobs.
 */
import { spawnSync } from "node:child_process"
import type { SlurmCommandError } from "../shared/errors.ts"
import { type CommandResult, commandFailed, runCommand } from "./command.ts"
import { controllerSkew } from "./controller-clock.ts"
import { commandEnv } from "./environment.ts"
import { FLAME_FORMAT, type FlameJob, parseFlameJobs } from "./flame-job.ts"
import { Inquiry } from "./inquiry.ts"
import {
  findTag,
  type JobDetail,
  NAME_FORMAT,
  parseDetails,
  parseQueue,
  QUEUE_FORMAT,
  type QueueRow,
} from "./queue-row.ts"
import { controllerWas, isSilence } from "./silence.ts"
import { type JobWord, jobWords } from "./task-ranges.ts"

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

/** Words per scancel, each an id or the tasks of one array: far below any limit on the length of a command line. */
const CHUNK = 100

/** What a submission must know of the site's configuration. */
export interface SiteConfig {
  /** How long after SIGTERM a cancelled job is killed. */
  readonly killWaitMs: number
  /** The most tasks of an array job; 0 or 1 where the site wants none. */
  readonly maxArraySize: number
  /** Jobs leave a record that `sacct` shows. */
  readonly accounting: boolean
  /** The controller's clock is so much ahead of this one; 0 where that is not known. */
  readonly clockSkewMs: number
}

/** Slurm's own defaults, and what is assumed where the controller does not say. */
const DEFAULT_SITE = { killWaitS: 30, maxArraySize: 1_001 }

/** Hears whether the controller answered a command (undefined), or what was said instead; and when the command began. */
export type Heard = (why: string | undefined, startedAt: number) => void

export class SlurmClient {
  readonly #heard: Heard
  readonly #inquiry = new Inquiry(id => this.#details(id))
  #site: Promise<SiteConfig> | undefined

  constructor(
    readonly limits: CommandLimits = DEFAULT_LIMITS,
    heard: Heard = () => {},
  ) {
    this.#heard = heard
  }

  /** Runs sbatch with `script` on its standard input. @throws SlurmCommandError only when there is no sbatch. */
  sbatch(argv: readonly string[], script: string, env: NodeJS.ProcessEnv): Promise<CommandResult> {
    return this.#run("sbatch", argv, env, script)
  }

  /** Asks whether the controller is there, in the cheapest way. How that went is heard like anything else. Never rejects. */
  async ping(): Promise<void> {
    // Its exit code is that of the primary; a backup in charge is as good.
    await this.#run("scontrol", ["ping"], undefined, undefined, ({ stdout }) => /\bis UP\b/.test(stdout)).catch(
      () => {},
    )
  }

  /**
   * This user's jobs, those that ended lately included; their times on this machine's clock. @throws SlurmCommandError when squeue gives no answer.
   * @param only The number of a job or an array, to be told of no other. Of a single one the controller sends what belongs to it; of
   * two it sends everything all the same, and squeue picks.
   */
  async queue(only?: string): Promise<Map<string, QueueRow>> {
    const answer = await this.#squeue(QUEUE_FORMAT, only)
    // Whoever submitted something has asked already; with jobs that were taken over this is the first question, and it is answered, too.
    return parseQueue(answer, (await this.site()).clockSkewMs)
  }

  /** Id of this user's job with that tag. @throws SlurmCommandError when squeue gives no answer. */
  async find(tag: string): Promise<string | undefined> {
    return findTag(await this.#squeue(NAME_FORMAT), tag)
  }

  /** This user's jobs that have not ended and are ours by their tag. @throws SlurmCommandError when squeue gives no answer. */
  async flameJobs(): Promise<FlameJob[]> {
    return parseFlameJobs(await this.#squeue(FLAME_FORMAT))
  }

  async #squeue(format: string, only?: string): Promise<string> {
    // `-t all`: without it a job is gone from the list the moment it ends.
    const argv = ["--noheader", "--me", "--array", "--states=all", `--format=${format}`]
    const result = await this.#run("squeue", only === undefined ? argv : [...argv, `--jobs=${only}`])
    if (only !== undefined && result.exitCode !== 0 && /invalid job id/i.test(result.stderr)) return "" // forgotten
    if (result.exitCode !== 0) throw commandFailed(result, this.limits.squeue)
    return result.stdout
  }

  /** What the controller still knows of a job; undefined when it has forgotten it. @throws SlurmCommandError without an answer. */
  show(id: string): Promise<JobDetail | undefined> {
    return this.#inquiry.about(id)
  }

  async #details(id: string): Promise<ReadonlyMap<string, JobDetail>> {
    const result = await this.#run("scontrol", ["--oneliner", "show", "job", id])
    if (result.exitCode === 0) return parseDetails(result.stdout)
    // The second is said of a task whose array is known.
    if (/invalid job id|^Job \S+ not found/im.test(result.stderr + result.stdout)) return new Map()
    throw commandFailed(result, this.limits.scontrol)
  }

  /** The site's configuration. Asked once, as soon as the controller answers; Slurm's own defaults until then. Never rejects. */
  site(): Promise<SiteConfig> {
    const from = Date.now()
    this.#site ??= this.#run("scontrol", ["show", "config"]).then(
      result => {
        if (controllerWas(result) === "silent") this.#site = undefined
        return parseSite(result.stdout, controllerSkew(result.stdout, from, Date.now()))
      },
      () => parseSite("", 0), // without scontrol sbatch will have its say in a moment
    )
    return this.#site
  }

  /**
   * Cancels jobs. Resolves with the ids that could not be cancelled, each with the reason; one that is gone counts as
   * cancelled. @throws SlurmCommandError when there is no scancel.
   */
  async scancel(ids: readonly string[]): Promise<Map<string, SlurmCommandError>> {
    const failed = new Map<string, SlurmCommandError>()
    const words = jobWords(ids)
    for (let start = 0; start < words.length; start += CHUNK) {
      const chunk = words.slice(start, start + CHUNK)
      const result = await this.#run(
        "scancel",
        chunk.map(({ word }) => word),
      )
      if (result.exitCode === 0) continue
      const error = commandFailed(result, this.limits.scancel)
      const silent = isSilence(error) // then the rest would not be heard either
      for (const id of silent ? words.slice(start).flatMap(({ ids }) => ids) : refusedIds(chunk, result.stderr)) {
        failed.set(id, error)
      }
      if (silent) break
    }
    return failed
  }

  /** Cancels jobs while the process exits: best effort, blocks for `limits.scancelSync` at most. False when not all is done. */
  scancelSync(ids: readonly string[]): boolean {
    const until = performance.now() + this.limits.scancelSync
    let done = true
    const words = jobWords(ids).map(({ word }) => word)
    for (let start = 0; start < words.length; start += CHUNK) {
      const left = Math.floor(until - performance.now())
      if (left < 1) return false
      const { status } = spawnSync("scancel", words.slice(start, start + CHUNK), {
        env: commandEnv(process.env),
        stdio: "ignore",
        timeout: left,
        killSignal: "SIGKILL",
      })
      if (status !== 0) done = false
    }
    return done
  }

  async #run(
    program: "sbatch" | "squeue" | "scancel" | "scontrol",
    argv: readonly string[],
    env = commandEnv(process.env),
    input?: string,
    answers = (result: CommandResult) => controllerWas(result) === "answered",
  ): Promise<CommandResult> {
    const startedAt = performance.now()
    const options = { env, timeoutMs: this.limits[program] }
    const result = await runCommand(program, argv, input === undefined ? options : { ...options, input })
    if (answers(result)) this.#heard(undefined, startedAt)
    else if (controllerWas(result) !== "unknown") {
      this.#heard(commandFailed(result, options.timeoutMs).message.split("\n")[0], startedAt)
    }
    return result
  }
}

/** The ids of `chunk` that scancel complained of, by themselves or by the word they are in; all of them when it named none. */
function refusedIds(chunk: readonly JobWord[], stderr: string): readonly string[] {
  const all = chunk.flatMap(({ ids }) => ids)
  const complaints = [...stderr.matchAll(/job id (\d\S*?):? (.*)$/gm)]
  if (complaints.length === 0) return all
  const refused = new Set(
    complaints.filter(([, , why]) => !/invalid job id|already complet/i.test(why!)).map(([, id]) => id!),
  )
  const inWords = new Set(chunk.flatMap(({ word, ids }) => (refused.has(word) ? ids : [])))
  return all.filter(id => refused.has(id) || inWords.has(id))
}

function parseSite(config: string, clockSkewMs: number): SiteConfig {
  const number = (pattern: RegExp, otherwise: number) => Number(pattern.exec(config)?.[1] ?? otherwise)
  const maxArraySize = number(/^MaxArraySize\s*=\s*(\d+)/m, DEFAULT_SITE.maxArraySize)
  // An administrator may allow large numbers of tasks, but not as many at a time.
  const tasks = number(/^SchedulerParameters\s*=.*\bmax_array_tasks=(\d+)/m, maxArraySize)
  return {
    killWaitMs: number(/^KillWait\s*=\s*(\d+)/m, DEFAULT_SITE.killWaitS) * 1_000,
    maxArraySize: Math.min(maxArraySize, tasks),
    // Without: "accounting_storage/none", or "(null)" in newer releases.
    accounting: /^AccountingStorageType\s*=\s*accounting_storage\/(?!none)/m.test(config),
    clockSkewMs,
  }
}
