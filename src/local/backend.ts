/**
 * The backend that needs nothing: runners are child processes on this machine, with a walltime simulated as Slurm's works
 * (SIGTERM before the end, SIGKILL after it). Owns the processes; knows no pool and no transport.
 */
import { spawn } from "node:child_process"
import { hostname } from "node:os"
import type { Backend, Job, RunnerSpec } from "../shared/backend.ts"
import { JOB_VARIABLE, type JobFacts } from "../shared/boot.ts"
import { type Duration, toMs } from "../shared/duration.ts"
import { OptionError, SubmitError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { show } from "../shared/show.ts"
import { suggest } from "../shared/suggest.ts"
import { AdoptedJob } from "./adopted-job.ts"
import { LocalJob } from "./job.ts"

/** Options of `local()`. */
export interface LocalOptions {
  /** Simulated time limit of each runner. @default none */
  walltime?: Duration
  /** SIGTERM comes so long before the walltime ends. @default '30s' */
  signalBefore?: Duration
  /** From SIGTERM of a cancelled runner to SIGKILL, as Slurm's KillWait. @default '30s' */
  killWait?: Duration
}

const OPTIONS = ["walltime", "signalBefore", "killWait"]

/**
 * Runners as child processes of this one: no Slurm, no setup, the same runner program over the same transport.
 * @throws OptionError for an unknown or wrong option
 */
export function local(options: LocalOptions = {}): Backend {
  if (typeof options !== "object" || options === null) {
    throw new OptionError("backend", `local() takes an object of options, not ${show(options)}`, {
      hint: "local({ walltime: '10m' })",
    })
  }
  for (const name of Object.keys(options)) {
    if (OPTIONS.includes(name)) continue
    const near = suggest(name, OPTIONS)
    throw new OptionError(name, `unknown option \`${name}\` of local()${near ? `. Did you mean \`${near}\`?` : ""}`, {
      hint: `known: ${OPTIONS.join(", ")}`,
    })
  }
  const walltime = toMs(options.walltime ?? Number.POSITIVE_INFINITY, "walltime")
  return new LocalBackend(
    Number.isFinite(walltime) ? walltime : undefined,
    finite(toMs(options.signalBefore ?? "30s", "signalBefore"), "signalBefore"),
    finite(toMs(options.killWait ?? "30s", "killWait"), "killWait"),
  )
}

function finite(ms: number, option: string): number {
  if (Number.isFinite(ms)) return ms
  throw new OptionError(option, `\`${option}\` must be a finite time`, { hint: `local({ ${option}: '30s' })` })
}

class LocalBackend implements Backend {
  readonly name = "local"
  readonly network = "loopback"
  readonly timeLimitMs: number | undefined
  readonly #signalBeforeMs: number
  readonly #killWaitMs: number

  constructor(walltimeMs: number | undefined, signalBeforeMs: number, killWaitMs: number) {
    this.timeLimitMs = walltimeMs
    this.#signalBeforeMs = signalBeforeMs
    this.#killWaitMs = killWaitMs
  }

  validate(): void {
    if (this.timeLimitMs !== undefined && this.timeLimitMs <= this.#signalBeforeMs) {
      throw new OptionError(
        "walltime",
        "`walltime` is not longer than `signalBefore`: the warning would come before the start",
        {
          hint: "local({ walltime: '1m', signalBefore: '30s' })",
        },
      )
    }
  }

  async submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    signal.throwIfAborted()
    const endsAt = this.timeLimitMs === undefined ? undefined : Date.now() + this.timeLimitMs
    const facts: JobFacts = {
      killWaitMs: this.#killWaitMs,
      signalBeforeMs: this.#signalBeforeMs,
      ...(endsAt === undefined ? { limited: false } : { endsAt }),
    }
    const env: NodeJS.ProcessEnv = { ...process.env }
    for (const name of Object.keys(env)) if (name.startsWith("SLURM_FLAME_")) delete env[name]
    Object.assign(env, spec.env, spec.secretEnv, { [JOB_VARIABLE]: JSON.stringify(facts) })
    // A session of its own: Ctrl-C in the terminal is the parent's to handle, and all of the job can be killed as one group.
    const child = spawn(process.execPath, [...spec.nodeArgs, spec.entry], {
      env,
      detached: true,
      stdio: ["ignore", "inherit", "pipe"],
    })
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve)
      child.once("error", cause =>
        reject(
          new SubmitError(`cannot start ${process.execPath}: ${cause.message}`, {
            cause,
            hint: "each runner is two processes here: is a limit reached (`ulimit -u`)? lower `max`",
          }),
        ),
      )
    })
    const job = new LocalJob(child, {
      node: hostname(),
      endsAt,
      limitMs: this.timeLimitMs,
      signalBeforeMs: this.#signalBeforeMs,
      killWaitMs: this.#killWaitMs,
    })
    if (signal.aborted) {
      await job.cancel()
      await job.ended()
      signal.throwIfAborted()
    }
    return job
  }

  adopt(handle: Json): Job {
    return new AdoptedJob(handle, this.#killWaitMs)
  }

  cancelSync(jobs: readonly Job[]): void {
    for (const job of jobs) (job as LocalJob | AdoptedJob).terminate()
  }
}
