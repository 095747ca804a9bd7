/** Evidence as lines under an error's first one. Pure functions from what is known to words that read well in a terminal. */
import { formatMs } from "../shared/duration.ts"
import type { JobEvidence } from "../shared/errors.ts"

/** The job and its node, for a first line. */
export function describeJob({ jobId, node }: JobEvidence): string | undefined {
  return jobId === undefined ? undefined : `job ${jobId}${node === undefined ? "" : ` on ${node}`}`
}

/** Behind the word `walltime`: what that was. */
export function describeLimit({ timeLimitMs }: JobEvidence): string {
  return timeLimitMs === undefined
    ? ": its time limit was over"
    : `: its time limit of ${formatMs(timeLimitMs)} was over`
}

/** How its process ended. */
export function describeExit({ exitCode, signal }: JobEvidence): string | undefined {
  if (signal) return `killed by ${signal}`
  return exitCode === undefined ? undefined : `exit code ${exitCode}`
}

/** What Slurm says, where the output is, what the memory was and, with `words`, the last lines of stderr: each begins with a line break. */
export function evidenceLines(evidence: JobEvidence, words: boolean): string {
  const { slurmState, slurmReason, logPath, stderrTail } = evidence
  const facts = [
    slurmState === undefined ? undefined : `Slurm says ${slurmState}${slurmReason ? ` (${slurmReason})` : ""}`,
    describeMemory(evidence),
    logPath === undefined ? undefined : `its output is in ${logPath}`,
  ].filter(fact => fact !== undefined)
  const line = facts.length > 0 ? `\n  ${facts.join("; ")}` : ""
  return words ? `${line}${lastWords(stderrTail)}` : line
}

/** The last lines of stderr, beginning with a line break; nothing where there are none. */
export function lastWords(stderrTail: string | undefined): string {
  const tail = stderrTail?.trimEnd()
  return tail ? `\n  its last words:\n${tail.replace(/^/gm, "    | ")}` : ""
}

function describeMemory({ outOfMemory, memoryLimitBytes, maxRssBytes }: JobEvidence): string | undefined {
  const had = maxRssBytes === undefined ? undefined : `it had ${formatMemory(maxRssBytes)}`
  if (memoryLimitBytes !== undefined)
    return `${had ? `${had} of memory and` : "it"} may have ${formatMemory(memoryLimitBytes)}${had ? "" : " of memory"}`
  return had && outOfMemory ? `${had} of memory` : undefined
}

/** `300 MiB`: as Slurm counts, in powers of 1,024. */
export function formatMemory(bytes: number): string {
  const mib = bytes / 1024 ** 2
  return mib < 10 * 1024 ? `${Math.round(mib)} MiB` : `${Math.round(mib / 1024)} GiB`
}
