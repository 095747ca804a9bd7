/** The error of everyone who needs a runner that is gone. A pure function from what is known to words. */
import type { JobOutcome } from "../shared/backend.ts"
import {
  ConnectionError,
  type GoneReason,
  type JobEvidence,
  RunnerDrainingError,
  RunnerLostError,
} from "../shared/errors.ts"
import { CloseCode } from "../transport/protocol.ts"

/** @param started Whether the call had been sent. */
export function lostError(
  runnerId: string,
  reason: GoneReason,
  started: boolean,
  evidence: JobEvidence,
): RunnerLostError {
  const { jobId, node, exitCode, signal, stderrTail } = evidence
  const where = jobId === undefined ? "" : ` (job ${jobId}${node === undefined ? "" : ` on ${node}`})`
  const how = signal ? `, killed by ${signal}` : exitCode === undefined ? "" : `, exit code ${exitCode}`
  const tail = reason === "crashed" && stderrTail?.trim() ? `\n${stderrTail.trimEnd().replace(/^/gm, "    | ")}` : ""
  return new RunnerLostError(
    `runner ${runnerId}${where} is gone: ${reason}${how}${tail}`,
    runnerId,
    reason,
    started,
    evidence,
  )
}

/**
 * The error of calls that are open when the worker of a draining runner is gone.
 * @param left Why its line ended. A worker that says goodbye has answered everything it began: what is open came too late for it,
 * and never ran.
 */
export function openAfterDrain(
  left: Error,
  runner: { id: string; goneReason: GoneReason | undefined; evidence: JobEvidence },
): RunnerDrainingError | RunnerLostError {
  const { id, goneReason, evidence } = runner
  const goodbye = left instanceof ConnectionError && left.closeCode === CloseCode.bye
  const lost = lostError(id, goneReason ?? "connection-lost", true, evidence)
  if (!goodbye) return lost
  // The cause is for what was held there by reference: that is lost.
  return new RunnerDrainingError(`runner ${id} has drained and takes no more calls`, id, { cause: lost })
}

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
