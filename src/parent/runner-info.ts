/** A runner as events, stats and leases show it. A pure function of what is known. */
import type { Backend } from "../shared/backend.ts"
import type { BootMoments } from "./boot-moments.ts"
import type { RunnerInfo } from "./events.ts"
import { pendingInfo } from "./pending-news.ts"
import type { PooledRunner } from "./pooled-runner.ts"

/** @param endsAt End of the walltime, in ms since 1970. @param clockSkewMs By which the node's clock is ahead of this one. */
export function infoOf(
  runner: Pick<
    PooledRunner,
    "id" | "state" | "job" | "evidence" | "goneReason" | "running" | "leased" | "successorOf"
  > & { readonly moments: BootMoments },
  endsAt: number | undefined,
  clockSkewMs: number | undefined,
  addresses: RunnerInfo["addresses"],
  backend: Pick<Backend, "heldUp">,
): RunnerInfo {
  const { id, state, evidence, goneReason, running, leased, successorOf } = runner
  return {
    id,
    state,
    jobId: evidence.jobId,
    node: evidence.node,
    reason: goneReason ?? waitReason(runner, backend),
    pending: pendingInfo(state, runner.job?.status),
    inFlight: running,
    leased,
    deadline: endsAt === undefined ? undefined : new Date(endsAt),
    clockSkewMs,
    addresses,
    successorOf,
    boot: runner.moments.info,
  }
}

/** Why its job waits, or is not submitted yet. */
function waitReason(
  { state, evidence }: Pick<PooledRunner, "state" | "evidence">,
  backend: Pick<Backend, "heldUp">,
): string | undefined {
  if (state === "submitting") return backend.heldUp?.()
  return state === "pending" ? evidence.slurmReason : undefined
}
