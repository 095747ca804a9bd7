/** What a group of measurements is, and what it is given. Owns the seam between the suite and its groups. */
import type { About, GroupReport } from "./report.ts"

/** Made of the command line once. */
export interface SuiteOptions {
  readonly backend: "local" | "slurm"
  /** The job script, as `slurm({ slurmJob })` takes it. */
  readonly slurmJob?: string
  /** sbatch's options, as `slurm({ sbatch })` takes them. */
  readonly sbatch?: Readonly<Record<string, string | true>>
  readonly tls: boolean
  /** Less of everything: for a look, not for a paper. */
  readonly quick: boolean
  /** Ends a group's rounds early, never before six (three with `quick`). */
  readonly secondsPerGroup: number
  /** Names of subjects; undefined: all that can be had. */
  readonly subjects?: readonly string[]
  /** As many runners as the groups may ask for. */
  readonly maxRunners: number
  /** The delay and rate that were put on the wire on purpose, in the words of who did it. */
  readonly shaping?: string
}

/** A subject that is open: a client process of its own, its server elsewhere. */
export interface OpenSubject {
  readonly name: string
  readonly kind: "wire" | "local"
  /** Whether its client has this method. */
  can(method: string): boolean
  /** Has its process do one of the works in works/: `work("latency", { ms: 120 })`. @throws Error what the work threw, or that the process ended */
  work<T>(name: string, options: unknown): Promise<T>
}

/** What a group measures with. */
export interface Bench {
  readonly options: SuiteOptions
  readonly about: About
  /** Aborted when the run is ended early: a group that holds processes of its own ends them. */
  readonly signal: AbortSignal
  /** Opens subjects, or those of them that can be had, for as long as `body` runs. The others are told to `skipped`. */
  with<T>(names: readonly string[] | "all", body: (open: readonly OpenSubject[]) => Promise<T>): Promise<T>
  /** Opens a pool of our own as `backend` says, for the groups that measure pools. The module is a file of bench/suite/modules. The caller closes it. */
  pool(module: URL, options: Record<string, unknown>): Promise<unknown>
  /** The subject is not in the group, or in part of it only; the first reason counts. One of ours makes the run a failed one. */
  skip(subject: string, reason: string): void
  /** The same where nothing failed: it was left out of a part of the group on purpose. */
  note(subject: string, reason: string): void
  warn(words: string): void
  /** For the terminal: what is being done now. */
  progress(words: string): void
}

export interface Group {
  readonly id: string
  readonly title: string
  readonly how: string
  /**
   * It has processes of its own: those of the peers are ended before it, as some (Dask, Erlang) are busy when nobody calls them. What
   * `with` opens is then opened anew. Default: false, they stay open for the next group
   */
  readonly alone?: boolean
  /** Why it cannot run here; undefined when it can. */
  unavailable?(options: SuiteOptions): string | undefined
  run(bench: Bench): Promise<GroupReport["figures"]>
}
