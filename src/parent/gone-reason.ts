/** Which of the reasons it is for which a runner is gone, from what its job, its supervisor and its connections tell. Pure functions. */
import type { Backend, JobOutcome, JobStatus } from "../shared/backend.ts"
import type { GoneReason, JobEvidence } from "../shared/errors.ts"
import type { DrainReason } from "../transport/protocol.ts"

/** What the end of a job that had served means for its runner. */
const REASON_OF: Record<JobOutcome, GoneReason> = {
  completed: "connection-lost",
  cancelled: "cancelled",
  failed: "crashed",
  walltime: "walltime",
  preempted: "preempted",
  "out-of-memory": "out-of-memory",
  "node-fail": "node-fail",
  unknown: "connection-lost",
}

const OURS = new Set<GoneReason>(["close", "idle", "terminated", "scale", "single-use"])

/** True when it was the pool that ended the runner. */
export function isOurs(reason: GoneReason): boolean {
  return OURS.has(reason)
}

/** Why a runner is gone whose job ended like this. `drained`: what it was draining for, if it was. */
export function reasonAfter(drained: GoneReason | undefined, outcome: JobOutcome): GoneReason {
  const tellsNothing = outcome === "completed" || outcome === "unknown"
  return drained !== undefined && (tellsNothing || isOurs(drained)) ? drained : REASON_OF[outcome]
}

/** True for an end that the work itself has caused, and would again. */
export function isCrash(reason: GoneReason | undefined): boolean {
  return reason === "crashed" || reason === "out-of-memory"
}

/** The reason of a goodbye; one that crashed too often may have had no memory each time. */
export function crashOr(reason: DrainReason | "crashed", { outOfMemory }: JobEvidence): GoneReason {
  return reason === "crashed" && outOfMemory ? "out-of-memory" : reason
}

/** Why a runner is given up that nobody has heard of: if its job still runs, the way to it is what is broken. */
export function withoutNews({ network }: Pick<Backend, "network">, status: JobStatus | undefined): GoneReason {
  return network === "fabric" && status?.state === "running" && !status.ending ? "network" : "connection-lost"
}

/**
 * A signal told it to end. What that meant (a cancel, a preemption, a walltime that was shortened) the scheduler knows when the job has
 * ended; on this machine it is what it looks like.
 */
export function inDoubt(reason: GoneReason | undefined, { network }: Pick<Backend, "network">): boolean {
  return reason === "cancelled" && network === "fabric"
}
