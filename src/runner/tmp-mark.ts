/**
 * The file in a runner's directory that says whose it is. Owns its name and shape, and the judgement whether that runner is dead for
 * certain; deletes nothing.
 */
import { closeSync, fsync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { ownMark, type ProcessMark, whereabouts } from "../shared/process-mark.ts"

/** Runners' directories are called `slurm-flame-<runner>-XXXXXX`. */
export const TMP_PREFIX = "slurm-flame-"
/** Added to the name of one that is being deleted. */
export const GONE = ".gone"
/** The mark, inside. */
export const MARK = ".slurm-flame"

interface TmpMark {
  readonly v: 1
  readonly runner: string
  readonly owner: ProcessMark
}

/** Writes the mark of this process into its new directory. @throws what the file system says */
export function writeMark(directory: string, runner: string): void {
  const mark: TmpMark = { v: 1, runner, owner: ownMark() }
  const file = openSync(join(directory, MARK), "wx", 0o600)
  try {
    writeSync(file, `${JSON.stringify(mark)}\n`)
  } catch (error) {
    closeSync(file)
    throw error
  }
  // A machine that loses its power shortly after would be left with an empty file. Nobody waits for the disk.
  fsync(file, () => closeSync(file)) // where it cannot be had, the mark is as good as without it
}

/** The owner that the text of a mark names; undefined when it is no mark, or one of another version. */
export function parseMark(text: string): ProcessMark | undefined {
  let found: Partial<TmpMark> | null
  try {
    found = JSON.parse(text) as Partial<TmpMark> | null
  } catch {
    return undefined // cut by a failure of power, or none of ours
  }
  const owner: Partial<ProcessMark> | undefined = found?.v === 1 ? found.owner : undefined
  const ok =
    Number.isSafeInteger(owner?.pid) &&
    [owner?.host, owner?.started, owner?.boot, owner?.namespace].every(text => typeof text === "string" && text !== "")
  return ok ? (owner as ProcessMark) : undefined
}

/**
 * Whether the owner is dead beyond doubt. A process of this boot is looked up. One of another boot is dead when that was a boot of this
 * machine; the directory for temporary files may be one that machines share, and then it may be a boot of another one. One in another pid
 * namespace (a container) cannot be seen from here, and may live.
 */
export function isDead(owner: ProcessMark, own: ProcessMark = ownMark()): boolean {
  if (own.boot === "") return false
  if (owner.boot !== own.boot) return owner.host === own.host
  return whereabouts(owner, own) === "dead"
}
