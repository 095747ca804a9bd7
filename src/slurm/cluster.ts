/**
 * The one way of this program to Slurm: whatever the number of pools and backends, there is one poll of squeue, one gate for
 * submissions and one collector of cancels. Owns these; knows no options and no job.
 */
import { Accounting } from "./accounting.ts"
import { Canceller } from "./canceller.ts"
import { type CommandLimits, SlurmClient } from "./client.ts"
import { LogDirectory } from "./log-file.ts"
import { Orphans } from "./orphans.ts"
import { type GateLimits, SubmitGate } from "./submit-gate.ts"
import { Submitter } from "./submitter.ts"
import { type Pace, Watcher } from "./watcher.ts"

/** Times and limits a test may change. */
export interface SlurmTimes {
  readonly limits?: CommandLimits
  readonly pace?: Pace
  readonly gate?: GateLimits
  readonly lookupMs?: readonly number[]
  /** For how long after its submission a job may be missing from squeue. Default: 10 s. */
  readonly missingGraceMs?: number
}

export class Cluster {
  readonly client: SlurmClient
  readonly gate: SubmitGate
  readonly submitter: Submitter
  readonly watcher: Watcher
  readonly canceller: Canceller
  readonly orphans: Orphans
  readonly accounting: Accounting
  readonly logs = new LogDirectory()
  readonly missingGraceMs: number

  constructor(times: SlurmTimes = {}) {
    this.client = new SlurmClient(times.limits)
    this.gate = new SubmitGate(times.gate)
    this.submitter = new Submitter(this.client, times.lookupMs)
    this.watcher = new Watcher(this.client, times.pace)
    this.canceller = new Canceller(this.client)
    this.orphans = new Orphans(this)
    this.accounting = new Accounting(this.client)
    this.missingGraceMs = times.missingGraceMs ?? 10_000
  }
}
