/**
 * The runner's private directory. Owns exactly one directory that it made itself, with a mark by which it can be told whose it was, and
 * deletes nothing else: a path that came from outside is never removed.
 */
import { lstatSync, mkdtempSync, renameSync, rmdirSync, unlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { HostError } from "../shared/errors.ts"
import { emptyTree, emptyTreeSync, isRefilled } from "./remove-tree.ts"
import { GONE, MARK, TMP_PREFIX, writeMark } from "./tmp-mark.ts"
import { killUsers } from "./tmp-users.ts"

/** Who still fills it is ended after the first. */
const ROUNDS = 3

export class TmpDir {
  readonly path: string
  /** Where it is now. */
  #at: string
  #removing: Promise<void> | undefined

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
    this.#at = this.path
    try {
      writeMark(this.path, runnerId)
    } catch (error) {
      const { message } = error as Error // a full disk, say: a runner that writes no files does without
      process.stderr.write(`slurm-flame: ${this.path} has no mark, and stays if this process is killed: ${message}\n`)
    }
  }

  /**
   * Takes it away from where it was, at once, and deletes it with all that is in it, which for 100,000 files takes seconds: the event loop
   * is not held meanwhile. What cannot be deleted is told on stderr. Never rejects; safe to call twice.
   */
  remove(): Promise<void> {
    this.#removing ??= this.#remove()
    return this.#removing
  }

  /** The same in one go, at process exit; also when `remove` has not come to its end. */
  removeSync(): void {
    if (this.#at === this.path) this.#at = takeAway(this.path)
    deleteSync(this.path, this.#at)
  }

  async #remove(): Promise<void> {
    const at = takeAway(this.path)
    this.#at = at
    let left: Error | undefined
    for (let round = 0; round < ROUNDS; round++) {
      left = (await emptyTree(at, MARK)) ?? dissolve(at)
      if (!isRefilled(left)) break
      killUsers(at)
    }
    finish(this.path, at, left)
  }
}

/** Deletes a runner's directory whose supervisor is dead; for its worker, which has nobody else. */
export function deleteOrphaned(path: string): void {
  deleteSync(path, takeAway(path))
}

/**
 * Renames it, and deletes it where it has become something else, a link say. Who still writes to paths in it finds nothing there any more; and what is left of it, if this process is killed, is swept by
 * another runner.
 * @returns where it is now
 */
function takeAway(path: string): string {
  let at = path
  try {
    renameSync(path, `${path}${GONE}`)
    at = `${path}${GONE}`
  } catch {
    // It is deleted where it is, if it is there.
  }
  attempt(at, () => {
    if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() === false) unlinkSync(at)
  })
  return at
}

function deleteSync(path: string, at: string): void {
  let left: Error | undefined
  for (let round = 0; round < ROUNDS; round++) {
    left = emptyTreeSync(at, MARK) ?? dissolve(at)
    if (!isRefilled(left)) break
    killUsers(at)
  }
  finish(path, at, left)
}

/** Deletes it once nothing is in it but the mark, which goes last: what is left without one is left for good. Returns what fails. */
function dissolve(at: string): Error | undefined {
  try {
    unlink(join(at, MARK))
    rmdirSync(at)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error as Error
  }
  return undefined
}

function finish(path: string, at: string, left: Error | undefined): void {
  attempt(at, () => {
    if (left) throw left
  })
  if (at === path) return
  attempt(path, () => {
    // A process that user code left has made it anew, for itself.
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    const more = emptyTreeSync(path)
    if (more) throw more
    rmdirSync(path)
  })
}

/** What fails is told, and ends nothing: what must still be done does not depend on it. */
function attempt(path: string, deletion: () => void): void {
  try {
    deletion()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return
    process.stderr.write(`slurm-flame: ${path} cannot be deleted: ${(error as Error).message}\n`)
  }
}

function unlink(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
  }
}
