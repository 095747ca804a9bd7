/**
 * What a runner is told before it can speak to its parent, as environment variables of the supervisor. Written by the parent
 * and the backend, read and removed by the supervisor before any user code runs.
 */
import type { Endpoint } from "./address.ts"
import { HandshakeError } from "./errors.ts"

/** Holds the runner's key: never logged, never passed on to user code. */
export const BOOT_VARIABLE = "SLURM_FLAME_BOOT"
/** What the backend knows about how it ends jobs. Not secret. */
export const JOB_VARIABLE = "SLURM_FLAME_JOB"
/** The address to listen on (parent) or to dial from (runner). */
export const HOST_VARIABLE = "SLURM_FLAME_HOST"

export interface BootConfig {
  readonly v: 1
  readonly runnerId: string
  readonly pool: string
  /** Where the parent listens, in the order in which to try; at least one. */
  readonly addresses: readonly Endpoint[]
  /** False: the parent speaks no TLS, and both ends prove the key by a challenge. */
  readonly tls: boolean
  /** 32 bytes, base64. */
  readonly key: string
  /** Where what is to survive the runner's own directory is moved; absolute. */
  readonly keepDir?: string
  /** Its pool persists: when the parent is gone, another one may come. */
  readonly persist?: PersistConfig
}

/** Where and for how long a runner looks for a parent when it has none. Not secret. */
export interface PersistConfig {
  /** The file that says where the pool's parent listens (a `ParentAddressFile`), on a file system that nodes share. */
  readonly file: string
  /** How long it is looked for, ms. */
  readonly forMs: number
}

/** What is in that file, as JSON. */
export interface ParentAddressFile {
  /** Of the parents of one pool, each has a greater one than those before it. */
  readonly epoch: number
  /** In the order in which to try; at least one. */
  readonly addresses: readonly Endpoint[]
}

/** Undefined when `text` is not what a parent writes there. */
export function parseParentAddress(text: string): ParentAddressFile | undefined {
  let found: Partial<ParentAddressFile> | null
  try {
    found = JSON.parse(text) as Partial<ParentAddressFile> | null
  } catch {
    return undefined // as good as one that is JSON, and none of ours
  }
  return Number.isSafeInteger(found?.epoch) && areEndpoints(found?.addresses) ? (found as ParentAddressFile) : undefined
}

/** How much time a job has once it is asked to end. */
export interface JobFacts {
  /** The job's id, when the environment does not say it (Slurm's does). */
  readonly jobId?: string
  /** From SIGTERM of a cancelled job to SIGKILL. Slurm's default KillWait is 30 s. */
  readonly killWaitMs: number
  /** How long before the walltime's end SIGTERM was asked for. */
  readonly signalBeforeMs: number
  /** End of the walltime (ms since the epoch, on the runner's clock), when known at the start. */
  readonly endsAt?: number
  /** False: there is none. Left out: there may be one. */
  readonly limited?: false
}

/** The name under which `name`'s value stands in the environment of a job with several tasks for the task of that number. */
export function taskVariable(name: string, task: number | string): string {
  return `${name}_${task}`
}

/** What `takeBoot` found. */
export interface TakenBoot {
  /** For `decodeBoot`. */
  readonly text: string | undefined
  /** `<job>_<task>` when this is a task of an array: its SLURM_JOB_ID may be the id of the whole array as well. */
  readonly jobId: string | undefined
  /** It is one of several runners of one job: the job's script ran on the first of its nodes, which may be another. */
  readonly shared: boolean
}

/**
 * Takes this runner's boot config out of `env`, and with it those of the other tasks where it is one of an array, or of a step:
 * nothing that begins with the variable's name is left.
 */
export function takeBoot(env: NodeJS.ProcessEnv): TakenBoot {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: element, SLURM_PROCID: rank } = env
  const alone = env[BOOT_VARIABLE]
  const task = element ?? rank // the batch process of an array's task has a rank as well: 0
  const own = alone ?? (task === undefined ? undefined : env[taskVariable(BOOT_VARIABLE, task)])
  for (const name of Object.keys(env)) if (name.startsWith(BOOT_VARIABLE)) delete env[name]
  const several = alone === undefined && own !== undefined
  const isElement = several && array !== undefined && element !== undefined
  return { text: own, jobId: isElement ? `${array}_${element}` : undefined, shared: several && element === undefined }
}

export function encodeBoot(config: BootConfig): string {
  return Buffer.from(JSON.stringify(config)).toString("base64url")
}

/** @throws HandshakeError when the variable is missing or damaged. */
export function decodeBoot(text: string | undefined): BootConfig {
  const hint = `this program is started by a slurm-flame pool; if your job script sets --export or clears the environment, keep ${BOOT_VARIABLE}`
  if (text === undefined || text === "") throw new HandshakeError(`${BOOT_VARIABLE} is not set`, { hint })
  let config: Partial<BootConfig> | undefined
  let cause: unknown
  try {
    config = JSON.parse(Buffer.from(text, "base64url").toString()) as BootConfig
  } catch (error) {
    cause = error
  }
  const ok =
    config?.v === 1 &&
    [config.runnerId, config.pool, config.key].every(f => typeof f === "string") &&
    areEndpoints(config.addresses) &&
    typeof config.tls === "boolean" &&
    (config.keepDir === undefined || typeof config.keepDir === "string") &&
    (config.persist === undefined || (typeof config.persist.file === "string" && config.persist.forMs >= 0))
  if (!ok) throw new HandshakeError(`${BOOT_VARIABLE} cannot be read`, { cause, hint })
  return config as BootConfig
}

function areEndpoints(value: unknown): boolean {
  const isOne = (e: Partial<Endpoint> | null) => typeof e?.host === "string" && typeof e.port === "number"
  return Array.isArray(value) && value.length > 0 && value.every(isOne)
}

const DEFAULT_FACTS: JobFacts = { killWaitMs: 30_000, signalBeforeMs: 60_000 }

/** The backend's facts, with Slurm's defaults for what is missing. */
export function decodeJobFacts(text: string | undefined): JobFacts {
  if (text === undefined || text === "") return DEFAULT_FACTS
  return { ...DEFAULT_FACTS, ...(JSON.parse(text) as Partial<JobFacts>) }
}
