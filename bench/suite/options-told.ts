/** The options of a run as its report tells them. Owns which of them are told, and how. */
import { createHash } from "node:crypto"
import type { SuiteOptions } from "./group.ts"
import type { Report } from "./report.ts"

/** Of a SHA-256 in hexadecimal: enough to tell two scripts apart. */
const HASH_CHARACTERS = 12

/**
 * Those that say how much was measured, and on what. A job script is told by its hash alone: whether two runs had the same one is
 * what a comparison must know, and what is in it is its owner's.
 */
export function optionsTold(options: SuiteOptions, groups: readonly string[]): Report["options"] {
  const { backend, slurmJob, sbatch = {}, quick, secondsPerGroup, subjects, maxRunners, tls } = options
  return {
    quick,
    secondsPerGroup,
    maxRunners,
    tls,
    ...(subjects ? { subjects } : {}),
    ...(backend === "slurm" ? { sbatch } : {}),
    ...(slurmJob === undefined ? {} : { slurmJob: hashOf(slurmJob) }),
    groups,
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_CHARACTERS)
}
