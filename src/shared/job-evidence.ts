/** What is known of a job that ended or failed, whoever told it: the evidence in errors and events. Types only. */
/** Each is there where it is known. */
export interface JobEvidence {
  jobId?: string | undefined
  node?: string | undefined
  /** Slurm's state, e.g. `FAILED`, `TIMEOUT`, `NODE_FAIL`. */
  slurmState?: string | undefined
  /** Slurm's reason for a pending or ended job, e.g. `Resources`, `JobLaunchFailure`. */
  slurmReason?: string | undefined
  exitCode?: number | undefined
  signal?: string | undefined
  /** The last lines the job wrote to stderr. */
  stderrTail?: string | undefined
  /** Where the job's output is. */
  logPath?: string | undefined
  /** How long its job might run in all, in ms, where that is known. */
  timeLimitMs?: number | undefined
  /** The kernel killed it since there was no memory left for it. */
  outOfMemory?: boolean | undefined
  /** How much memory it was allowed, in bytes, where that is known. */
  memoryLimitBytes?: number | undefined
  /** The most memory one of its tasks had, in bytes, as `sacct` measured it: where the site keeps accounts. */
  maxRssBytes?: number | undefined
  /** Number of the user who cancelled it, as `sacct` says; 0 is root. */
  cancelledBy?: number | undefined
  /** What can be done about it. */
  advice?: string | undefined
}
