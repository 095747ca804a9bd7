/** Which Slurm it is. Owns the question; a cluster without an answer is no error of the suite. */
import { execFile } from "node:child_process"

/** It asks no controller: a second is a file system that hangs. */
const ANSWER_MS = 5_000

/** The version as `sinfo --version` says it ("22.05.8"); undefined when there is no sinfo, or no answer. */
export function slurmVersion(command = "sinfo"): Promise<string | undefined> {
  return new Promise(resolve => {
    execFile(command, ["--version"], { timeout: ANSWER_MS }, (error, stdout) => {
      resolve(error ? undefined : /^slurm(?:-wlm)?\s+(\S+)/m.exec(stdout)?.[1])
    })
  })
}
