/** Why a runner did not come up, as the error its callers get. Pure functions from what is known to words that help. */
import type { JobStatus } from "../shared/backend.ts"
import { formatMs } from "../shared/duration.ts"
import { BootError, BootTimeoutError, HostError, type JobEvidence, ModuleError } from "../shared/errors.ts"
import { describeExit, describeJob, evidenceLines, lastWords } from "./evidence-text.ts"
import { adviceAfter } from "./loss-advice.ts"

type Pending = JobStatus & { state: "pending" }

/** What a runner said of itself (`fail`), as one of our own classes again. */
export function reviveFailure(error: unknown, source: string, evidence: JobEvidence): Error {
  const e = error as Partial<Error> & { code?: unknown; hint?: unknown }
  const hint = typeof e?.hint === "string" ? e.hint : undefined
  const message = (typeof e?.message === "string" ? e.message : String(error)).replace(`\n  hint: ${hint}`, "")
  const init = { cause: e?.cause ?? error, hint }
  if (e?.code === "ERR_FLAME_MODULE") return new ModuleError(source, message, init)
  const where = describe(evidence)
  if (e?.code === "ERR_FLAME_HOST") return new HostError(`${where}: ${message}`, init)
  return new BootError(`${where} could not start: ${message}`, evidence, init)
}

/** The job ended, or its worker did, before it served. */
export function diedWhileBooting(runnerId: string, evidence: JobEvidence): BootError {
  const how = evidence.outOfMemory ? "out of memory" : describeExit(evidence)
  return new BootError(
    `runner ${runnerId} (${describe(evidence)}) ended before it was ready${how ? `: ${how}` : ""}${evidenceLines(evidence, true)}`,
    evidence,
    { hint: adviceForDeath(evidence) },
  )
}

/** Its job waits for what cannot come: it was cancelled at once. */
export function neverStarts(runnerId: string, status: Pending, evidence: JobEvidence): BootError {
  return new BootError(
    `runner ${runnerId} (${describe(evidence)}) can never start as it was asked for: Slurm's reason is ${status.reason}. The job was cancelled`,
    evidence,
    { hint: status.hint, permanent: true },
  )
}

/** What the supervisor says when it finds no parent. */
const UNREACHED = /^slurm-flame: (no parent: )?cannot reach the parent at /m
const UNREACHED_HINT =
  "the node cannot reach any address that this program listens on (a firewall, or another network): set SLURM_FLAME_HOST or slurm({ interface }) to one that it can, or to several"

/** What a shell exits with when there is no such command. */
const COMMAND_NOT_FOUND = 127

function adviceForDeath(evidence: JobEvidence): string | undefined {
  const { exitCode, signal, stderrTail } = evidence
  if (evidence.outOfMemory) return adviceAfter("out-of-memory", evidence)
  if (exitCode === COMMAND_NOT_FOUND && !signal) {
    return 'the node binary, or a command of the script, was not found on the node: slurm({ node: "/path/on/the/nodes" }) says where node is'
  }
  if (signal === "SIGKILL") return "was there enough memory? Linux and Slurm kill what uses more than it may"
  if (UNREACHED.test(stderrTail ?? "")) return UNREACHED_HINT
  if (stderrTail?.trimEnd()) return undefined // its last words say more than we could
  if (exitCode !== undefined) return "does the module, or what it imports, call process.exit() while it loads?"
  return "run `slurm-flame doctor --submit` to see how far a job gets here"
}

const WAIT_LONGER =
  "ask for less (time, CPUs, GPUs), try another partition, or raise `bootTimeout`: the queue is longer than that"

/** No runner within `bootTimeout`. */
export function bootTimedOut(
  runnerId: string,
  ms: number,
  status: JobStatus | undefined,
  evidence: JobEvidence,
  heldUp?: string,
): BootTimeoutError {
  const job = describe(evidence)
  if (status?.state === "pending" || evidence.slurmReason !== undefined) {
    const reason = evidence.slurmReason ?? "no reason given"
    const { expectedStart: start, hint = WAIT_LONGER } = status?.state === "pending" ? status : {}
    const when = start === undefined ? "" : `, and it was to start at ${start.toISOString()}`
    return new BootTimeoutError(
      `runner ${runnerId} (${job}) was still pending after ${formatMs(ms)}: Slurm's reason is ${reason}${when}. The job was cancelled`,
      evidence,
      { hint },
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
    `runner ${runnerId} (${job}) was not ready after ${formatMs(ms)}: ${got}. The job was cancelled${lastWords(evidence.stderrTail)}`,
    evidence,
    {
      hint: UNREACHED.test(evidence.stderrTail ?? "")
        ? UNREACHED_HINT
        : "does the module finish loading (top-level await)? can the node reach the parent? `slurm-flame doctor --submit` tries it",
    },
  )
}

function describe(evidence: JobEvidence): string {
  return describeJob(evidence) ?? "not submitted"
}
