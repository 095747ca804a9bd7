/** Drives the fake Slurm of test/fixtures/bin: its directory, its answers, what was asked of it. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFinished, vi } from "vitest"
import type { Job, JobStatus, RunnerSpec } from "../../src/shared/backend.ts"
import { SlurmBackend } from "../../src/slurm/backend.ts"
import { type CommandLimits, DEFAULT_LIMITS } from "../../src/slurm/client.ts"
import { Cluster, type SlurmTimes } from "../../src/slurm/cluster.ts"
import type { SlurmOptions } from "../../src/slurm/options.ts"

const BIN = fileURLToPath(new URL("../fixtures/bin", import.meta.url))

export interface FakeCall {
  program: "sbatch" | "squeue" | "scancel" | "scontrol" | "sacct"
  argv: string[]
  env: Record<string, string>
  stdin: string
}

export interface FakeAnswer {
  stdout?: string
  stderr?: string
  exitCode?: number
  /** Waits until it is told another answer. */
  hold?: boolean
  /** Never answers; is there until it is killed. */
  hang?: boolean
  /** sbatch: the job is queued whatever is answered. */
  queue?: boolean
  /** sbatch: does not read the script. */
  deaf?: boolean
  /** Only the next time. */
  once?: boolean
}

/** Quick, so that tests wait for what happens and not for clocks. */
export const QUICK: SlurmTimes = {
  pace: { first: 5, most: 20, mostSilent: 20, silenceAfter: 3 },
  lookupMs: [0, 5, 5],
  againMs: [5, 5],
  breaker: { after: 1_000, first: 5, most: 20, spread: 5 }, // never, unless that is what is tested
  missingGraceMs: 60_000,
}

export class FakeSlurm {
  readonly root = mkdtempSync(join(tmpdir(), "slurm-flame-fake-"))
  readonly state = join(this.root, "state")

  readonly #submitted: Job[] = []

  constructor() {
    mkdirSync(join(this.root, "jobs"))
    mkdirSync(join(this.root, "answers"))
    vi.stubEnv("FAKE_SLURM", this.root)
    vi.stubEnv("XDG_STATE_HOME", this.state)
    vi.stubEnv("PATH", `${BIN}${delimiter}${process.env.PATH}`)
    onTestFinished(async () => {
      await this.#endJobs()
      vi.unstubAllEnvs()
      // A last squeue may still be writing.
      await vi.waitFor(() => rmSync(this.root, { recursive: true, force: true }), WAIT)
    })
  }

  /** A backend with a way to Slurm of its own. */
  backend(options: SlurmOptions = {}, times: SlurmTimes = {}): SlurmBackend {
    return new SlurmBackend(options, new Cluster({ ...QUICK, ...times }))
  }

  /** Backends that share their way to Slurm, as those of one program do. */
  backends(count: number, times: SlurmTimes = {}, options: SlurmOptions = {}): SlurmBackend[] {
    const cluster = new Cluster({ ...QUICK, ...times })
    return Array.from({ length: count }, () => new SlurmBackend(options, cluster))
  }

  /** What `scontrol show config` says from now on; a backend asks once. */
  config(text: string): void {
    writeFileSync(join(this.root, "config"), text)
  }

  /** Submits through `backend`; the job is ended with the test. */
  async submit(
    backend: SlurmBackend,
    spec: RunnerSpec = runnerSpec(),
    signal = new AbortController().signal,
  ): Promise<Job> {
    const job = await backend.submit(spec, signal)
    this.#submitted.push(job)
    return job
  }

  /** Submits several at once; each is settled on its own. The jobs are ended with the test. */
  submitMany(
    backend: SlurmBackend,
    count: number,
    signals: readonly (AbortSignal | undefined)[] = [],
    spec = (task: number) => runnerSpec({ runnerId: `r${task}`, secretEnv: { SLURM_FLAME_KEY: `k3y-${task}` } }),
  ): Promise<Job>[] {
    const wanted = Array.from({ length: count }, (_, task) => ({
      spec: spec(task),
      signal: signals[task] ?? new AbortController().signal,
    }))
    const jobs = backend.submitMany(wanted)
    for (const job of jobs)
      job.then(
        given => this.#submitted.push(given),
        () => {}, // the test hears of it
      )
    return [...jobs]
  }

  /** Otherwise a job would still be watched when the fakes are gone from PATH. */
  async #endJobs(): Promise<void> {
    for (const program of ["squeue", "scontrol", "sacct"] as const) this.answer(program, undefined)
    for (const { id } of this.#submitted) {
      this.#write(join(this.root, "jobs", `${id}.json`), {
        id,
        number: id,
        state: "COMPLETED",
        end: "",
        start: "",
        node: "",
        partitions: "",
        reason: "",
      })
    }
    await Promise.all(this.#submitted.map(job => job.ended()))
  }

  calls(program: FakeCall["program"]): FakeCall[] {
    const path = join(this.root, "calls.jsonl")
    if (!existsSync(path)) return []
    const lines = readFileSync(path, "utf8").trimEnd().split("\n")
    return lines.map(line => JSON.parse(line) as FakeCall).filter(call => call.program === program)
  }

  /** Resolves once `program` was called `count` times. */
  async called(program: FakeCall["program"], count = 1): Promise<FakeCall[]> {
    return await vi.waitFor(() => {
      const calls = this.calls(program)
      if (calls.length < count) throw new Error(`${calls.length} calls of ${program}, waiting for ${count}`)
      return calls
    }, WAIT)
  }

  /** From now on `program` says this; undefined: the usual. */
  answer(program: FakeCall["program"], answer: FakeAnswer | undefined): void {
    const path = join(this.root, "answers", `${program}.json`)
    if (answer) this.#write(path, answer)
    else rmSync(path, { force: true })
  }

  /**
   * sbatch takes so many tasks and no more, and refuses with these words what would go beyond.
   * @param scope `all` the submissions together, or `each` of them.
   */
  allow(tasks: number, stderr: string, scope: "all" | "each" = "all"): void {
    this.#write(join(this.root, "allowed.json"), { tasks, stderr, scope })
  }

  /** Changes what squeue and scontrol show of a job. */
  job(id: string, change: Record<string, string>): void {
    const path = join(this.root, "jobs", `${id}.json`)
    this.#write(path, { ...JSON.parse(readFileSync(path, "utf8")), ...change })
  }

  /** Slurm has forgotten the job. */
  forget(id: string): void {
    rmSync(join(this.root, "jobs", `${id}.json`))
  }

  /** In one step: the fakes may read at any moment. */
  #write(path: string, value: unknown): void {
    writeFileSync(`${path}.new`, JSON.stringify(value))
    renameSync(`${path}.new`, path)
  }
}

const WAIT = { timeout: 15_000, interval: 10 }

/** Time limits of the commands, one of them shortened. */
export function limits(change: Partial<CommandLimits>): CommandLimits {
  return { ...DEFAULT_LIMITS, ...change }
}

export function runnerSpec(change: Partial<RunnerSpec> = {}): RunnerSpec {
  return {
    runnerId: "r1",
    pool: "train",
    entry: "/opt/app/supervisor.js",
    nodeArgs: [],
    secretEnv: { SLURM_FLAME_KEY: "k3y-that-nobody-may-see" },
    env: {},
    ...change,
  }
}

/** Resolves with the first status that passes, now or later. */
export function statusOf(job: Job, passes: (status: JobStatus) => boolean): Promise<JobStatus> {
  if (passes(job.status)) return Promise.resolve(job.status)
  return new Promise(resolve => {
    const stop = job.onStatus(status => {
      if (!passes(status)) return
      stop()
      resolve(status)
    })
  })
}

/** For statusOf: any status of that state. */
export const is = (state: JobStatus["state"]) => (status: JobStatus) => status.state === state
