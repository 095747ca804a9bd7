/** Why a runner did not come up, as the error its callers get. Pure functions from what is known to words that help. */
import type { JobStatus } from "../shared/backend.ts"
import { formatMs } from "../shared/duration.ts"
import { BootError, BootTimeoutError, HostError, type JobEvidence, ModuleError } from "../shared/errors.ts"

/** What a runner said of itself (`fail`), as one of our own classes again. */
export function reviveFailure(error: unknown, source: string, evidence: JobEvidence): Error {
  const e = error as Partial<Error> & { code?: unknown; hint?: unknown }
  const hint = typeof e?.hint === "string" ? e.hint : undefined
  const message = (typeof e?.message === "string" ? e.message : String(error)).replace(`\n  hint: ${hint}`, "")
  const init = { cause: e?.cause ?? error, hint }
  if (e?.code === "ERR_FLAME_MODULE") return new ModuleError(source, message, init)
  const where = describeJob(evidence)
  if (e?.code === "ERR_FLAME_HOST") return new HostError(`${where}: ${message}`, init)
  return new BootError(`${where} could not start: ${message}`, evidence, init)
}

/** The job ended, or its worker did, before it served. */
export function diedWhileBooting(runnerId: string, evidence: JobEvidence): BootError {
  const { exitCode, signal, slurmState, slurmReason, stderrTail, logPath } = evidence
  const how = [
    slurmState === undefined ? undefined : `Slurm says ${slurmState}${slurmReason ? ` (${slurmReason})` : ""}`,
    signal ? `killed by ${signal}` : exitCode === undefined ? undefined : `exit code ${exitCode}`,
  ].filter(part => part !== undefined)
  const tail = stderrTail?.trimEnd()
  const words = tail ? `\n  its last words:\n${tail.replace(/^/gm, "    | ")}` : ""
  const log = logPath === undefined ? "" : `; its output is in ${logPath}`
  const why = how.length > 0 ? `: ${how.join(", ")}` : ""
  return new BootError(
    `runner ${runnerId} (${describeJob(evidence)}) ended before it was ready${why}${log}${words}`,
    evidence,
    {
      hint: adviceForDeath(evidence),
    },
  )
}

/** What a shell exits with when there is no such command. */
const COMMAND_NOT_FOUND = 127

function adviceForDeath({ exitCode, signal, stderrTail }: JobEvidence): string | undefined {
  if (exitCode === COMMAND_NOT_FOUND && !signal) {
    return 'the node binary, or a command of the script, was not found on the node: slurm({ node: "/path/on/the/nodes" }) says where node is'
  }
  if (signal === "SIGKILL") return "was there enough memory? Linux and Slurm kill what uses more than it may"
  if (stderrTail?.trimEnd()) return undefined // its last words say more than we could
  if (exitCode !== undefined) return "does the module, or what it imports, call process.exit() while it loads?"
  return "run `slurm-flame doctor --submit` to see how far a job gets here"
}

/** No runner within `bootTimeout`. */
export function bootTimedOut(
  runnerId: string,
  ms: number,
  status: JobStatus | undefined,
  evidence: JobEvidence,
  heldUp?: string,
): BootTimeoutError {
  const job = describeJob(evidence)
  if (status?.state === "pending" || evidence.slurmReason !== undefined) {
    const reason = evidence.slurmReason ?? "no reason given"
    return new BootTimeoutError(
      `runner ${runnerId} (${job}) was still pending after ${formatMs(ms)}: Slurm's reason is ${reason}. The job was cancelled`,
      evidence,
      { hint: adviceFor(reason) },
    )
  }
  if (heldUp !== undefined) {
    return new BootTimeoutError(
      `runner ${runnerId} was not ready after ${formatMs(ms)}: its job was not submitted yet, for ${heldUp}`,
      evidence,
      { hint: "raise `bootTimeout` if that is to be waited for" },
    )
  }
  const got =
    status === undefined ? "its job was not submitted yet" : `its job is ${status.state}, but no worker serves`
  return new BootTimeoutError(
    `runner ${runnerId} (${job}) was not ready after ${formatMs(ms)}: ${got}. The job was cancelled`,
    evidence,
    {
      hint: "does the module finish loading (top-level await)? can the node reach the parent? `slurm-flame doctor --submit` tries it",
    },
  )
}

function adviceFor(reason: string): string {
  if (/Partition(Down|Inactive|Config|TimeLimit)|ReqNodeNotAvail/.test(reason)) {
    return "this job could never start as it was asked for: see `sinfo` and the partition's limits"
  }
  if (/QOS|Assoc|MaxJobs|Limit/.test(reason))
    return "a limit of your account was reached: see `sacctmgr show assoc`, or lower `max`"
  return "ask for less (time, CPUs, GPUs), try another partition, or raise `bootTimeout`: the queue is longer than that"
}

function describeJob(evidence: JobEvidence): string {
  const { jobId, node } = evidence
  if (jobId === undefined) return "not submitted"
  return `job ${jobId}${node === undefined ? "" : ` on ${node}`}`
}
