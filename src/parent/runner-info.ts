/** A runner as events, stats and leases show it. A pure function of what is known. */
import type { RunnerInfo } from "./events.ts"
import type { PooledRunner } from "./pooled-runner.ts"

/** @param endsAt End of the walltime, in ms since 1970. */
export function infoOf(
  runner: Pick<PooledRunner, "id" | "state" | "evidence" | "goneReason" | "running" | "leased">,
  endsAt: number | undefined,
  addresses: RunnerInfo["addresses"],
): RunnerInfo {
  const { id, state, evidence, goneReason, running, leased } = runner
  return {
    id,
    state,
    jobId: evidence.jobId,
    node: evidence.node,
    reason: goneReason ?? (state === "pending" ? evidence.slurmReason : undefined),
    inFlight: running,
    leased,
    deadline: endsAt === undefined ? undefined : new Date(endsAt),
    addresses,
  }
}
