/** What the end of a worker whose job goes on means, and what is known of it. A pure function of its supervisor's news. */
import type { GoneReason, JobEvidence } from "../shared/errors.ts"
import type { SupervisorMessage } from "../transport/protocol.ts"

/** What a worker's end is, and what is known of it. */
export function workerLoss(exit: SupervisorMessage & { t: "worker-exit" }): {
  reason: GoneReason
  evidence: JobEvidence
} {
  const { code, signal, stderr: stderrTail, oom } = exit
  const evidence = { exitCode: code ?? undefined, signal: signal ?? undefined, stderrTail }
  if (!oom) return { reason: "crashed", evidence }
  const memoryLimitBytes = oom.limit ?? undefined
  return { reason: "out-of-memory", evidence: { ...evidence, outOfMemory: true, memoryLimitBytes } }
}

/** Evidence that is about a worker, and does not hold for the one after it. */
export const OF_A_WORKER = ["exitCode", "signal", "stderrTail", "outOfMemory", "memoryLimitBytes"] as const
