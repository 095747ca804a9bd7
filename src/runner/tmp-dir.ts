/**
 * The runner's private directory. Owns exactly one directory that it made itself, and deletes nothing else: a path that came
 * from outside is never removed.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { HostError } from "../shared/errors.ts"

export const TMP_PREFIX = "slurm-flame-"

export class TmpDir {
  readonly path: string
  #removed = false

  /** Makes `$TMPDIR/slurm-flame-<runner>-XXXXXX` with mode 0700. @throws HostError when the node's temp is not writable. */
  constructor(runnerId: string) {
    try {
      this.path = mkdtempSync(join(tmpdir(), `${TMP_PREFIX}${runnerId}-`)) // mkdtemp makes it 0700, and new
    } catch (cause) {
      throw new HostError(`cannot make a temporary directory in ${tmpdir()}: ${(cause as Error).message}`, {
        cause,
        hint: "set TMPDIR in the job script to a directory on the node that you may write to",
      })
    }
  }

  /** Deletes it with all that is in it. Safe to call twice, and at process exit. */
  remove(): void {
    if (this.#removed) return
    // Another process may still be writing into it while it is taken down: rm retries what reappears.
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 })
    this.#removed = true
  }
}
