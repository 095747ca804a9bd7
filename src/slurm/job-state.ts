/**
 * Slurm's job states and what they mean to us. Owns the complete table, long names (`squeue %T`, scontrol) and compact
 * ones (`%t`); knows nothing of how a state was learnt.
 */
import type { JobOutcome } from "../shared/backend.ts"

/** What a Slurm state says: the job waits, holds its nodes, is over, or nothing that we can tell. */
export type StateMeaning =
  | { readonly state: "pending" | "running" | "unknown" }
  | { readonly state: "ended"; readonly outcome: JobOutcome }

const pending: StateMeaning = { state: "pending" }
const running: StateMeaning = { state: "running" }
const ended = (outcome: JobOutcome): StateMeaning => ({ state: "ended", outcome })

/**
 * Long name, compact name where there is one, meaning: all up to Slurm 25.11. Slurm shows one word per job: a flag such as COMPLETING
 * hides the base state.
 */
export const STATES: readonly (readonly [long: string, compact: string | undefined, meaning: StateMeaning])[] = [
  ["PENDING", "PD", pending],
  // Nodes are allocated but still booting or being set up: none of the job's processes exists yet.
  ["CONFIGURING", "CF", pending],
  // Its nodes are powered down and have to boot first. The compact form shows the base state of this one and the next.
  ["POWER_UP_NODE", undefined, pending],
  // Requeued, and to start before all others (`--requeue=expedite`, 25.11).
  ["EXPEDITING", undefined, pending],
  ["REQUEUED", "RQ", pending],
  ["REQUEUE_FED", "RF", pending],
  ["REQUEUE_HOLD", "RH", pending],
  ["RESV_DEL_HOLD", "RD", pending],
  ["SPECIAL_EXIT", "SE", pending],
  ["RUNNING", "R", running],
  // After scancel a job is COMPLETING while its processes use up KillWait, so it is not over yet.
  ["COMPLETING", "CG", running],
  ["RESIZING", "RS", running],
  ["SIGNALING", "SI", running],
  ["STAGE_OUT", "SO", running],
  ["STOPPED", "ST", running],
  ["SUSPENDED", "S", running],
  ["COMPLETED", "CD", ended("completed")],
  ["CANCELLED", "CA", ended("cancelled")],
  ["FAILED", "F", ended("failed")],
  ["TIMEOUT", "TO", ended("walltime")],
  // `--deadline` came before the job was through: its time is over, whatever the clock was called.
  ["DEADLINE", "DL", ended("walltime")],
  ["PREEMPTED", "PR", ended("preempted")],
  ["OUT_OF_MEMORY", "OOM", ended("out-of-memory")],
  ["NODE_FAIL", "NF", ended("node-fail")],
  ["BOOT_FAIL", "BF", ended("node-fail")],
  // Another cluster of the federation runs it; what becomes of it cannot be seen from here.
  ["REVOKED", "RV", ended("unknown")],
]

const MEANING = new Map(
  STATES.flatMap(([long, compact, meaning]) =>
    [long, compact].flatMap(word => (word === undefined ? [] : [[word, meaning] as const])),
  ),
)

/** The meaning of a state word. A word that is not in the table is `unknown`: newer releases may add some. */
export function meaningOf(slurmState: string): StateMeaning {
  // `CANCELLED by 1000` names who did it, `RUNNING+` is a cut-off word; the first word is the state.
  const word = /^[A-Z_]+/.exec(slurmState)?.[0] ?? ""
  return MEANING.get(word) ?? { state: "unknown" }
}

/** True for a job that holds its nodes while its processes have been stopped. */
export function isSuspended(slurmState: string): boolean {
  return /^(SUSPENDED|STOPPED|ST|S)\b/.test(slurmState)
}

/** True for a job whose end is under way: its processes may still use up KillWait. */
export function isCompleting(slurmState: string): boolean {
  return /^(COMPLETING|CG)\b/.test(slurmState)
}
