/** The error of everyone who needs a runner that is gone. A pure function from what is known to words. */
import type { Backend } from "../shared/backend.ts"
import {
  ConnectionError,
  type GoneReason,
  type JobEvidence,
  RunnerDrainingError,
  RunnerLostError,
  wordsOf,
} from "../shared/errors.ts"
import { CloseCode } from "../transport/protocol.ts"
import type { CallTarget } from "./call.ts"
import { describeExit, describeJob, describeLimit, evidenceLines } from "./evidence-text.ts"
import { inDoubt, isOurs } from "./gone-reason.ts"
import { adviceAfter } from "./loss-advice.ts"

/** Reasons for which the last words of the process may be the explanation. */
const LAST_WORDS = new Set<GoneReason>(["crashed", "out-of-memory", "connection-lost"])

/** @param started Whether the call had been sent. */
export function lostError(
  runnerId: string,
  reason: GoneReason,
  started: boolean,
  evidence: JobEvidence,
): RunnerLostError {
  const job = describeJob(evidence)
  const how = describeExit(evidence)
  const limit = reason === "walltime" ? describeLimit(evidence) : ""
  const what = `runner ${runnerId}${job ? ` (${job})` : ""} is gone: ${reason}${limit}${how ? `, ${how}` : ""}`
  const advice = adviceAfter(reason, evidence)
  // What the pool ended needs no proof.
  const lines = isOurs(reason) ? "" : evidenceLines(evidence, LAST_WORDS.has(reason))
  const known = advice === undefined ? evidence : { ...evidence, advice }
  return new RunnerLostError(`${what}${lines}`, runnerId, reason, started, known, { hint: advice })
}

/**
 * The error of a call whose function ended since its runner drains: with the runner, as if it had gone on until the end.
 * @param thrown What it ended with.
 */
export function interruption({ runnerId, jobId, node, runner }: CallTarget, thrown: unknown): RunnerLostError {
  const lost = lostError(runnerId, runner?.goneReason ?? "cancelled", true, { jobId, node, ...runner?.evidence })
  const { reason, evidence, hint } = lost
  return new RunnerLostError(wordsOf(lost), runnerId, reason, true, evidence, { hint, cause: thrown })
}

/**
 * The error of calls that are open when the worker of a draining runner is gone; undefined: it is not known yet why they are lost.
 * @param left Why its line ended. A worker that says goodbye has answered everything it began: what is open came too late for it,
 * and never ran.
 */
export function openAfterDrain(
  left: Error,
  runner: { id: string; goneReason: GoneReason | undefined; evidence: JobEvidence },
  backend: Pick<Backend, "network">,
): RunnerDrainingError | RunnerLostError | undefined {
  const { id, goneReason, evidence } = runner
  const goodbye = left instanceof ConnectionError && left.closeCode === CloseCode.bye
  if (!goodbye && inDoubt(goneReason, backend)) return undefined
  const lost = lostError(id, goneReason ?? "connection-lost", true, evidence)
  if (!goodbye) return lost
  // The cause is for what was held there by reference: that is lost.
  return new RunnerDrainingError(`runner ${id} has drained and takes no more calls`, id, { cause: lost })
}
