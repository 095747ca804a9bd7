/**
 * What runners of this user left on this machine when they were killed: the machine lost its power, or nobody lived to clean up. Owns the
 * search and the deletion. Touches only directories that bear our name and our mark, are this user's alone, and whose owner is certainly
 * dead; and reaches what it deletes by the opened directory, so that nobody can put another in its place.
 */
import { constants } from "node:fs"
import { type FileHandle, open, readdir, rmdir, unlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ownMark, type ProcessMark } from "../shared/process-mark.ts"
import { emptyTree } from "./remove-tree.ts"
import { GONE, isDead, MARK, parseMark, TMP_PREFIX } from "./tmp-mark.ts"

const NAME = /^.+-[A-Za-z0-9]{6}(\.gone)?$/
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants
/** A mark is a few hundred bytes. */
const MOST_BYTES = 4_096

export interface Swept {
  /** Paths that were deleted. */
  readonly deleted: readonly string[]
  /** Those that could not be, and why. */
  readonly failed: readonly { readonly path: string; readonly error: Error }[]
}

/**
 * Deletes what dead runners of this user left. Others may do so at the same time.
 * @param root Where runners make their directories.
 * @throws what the file system says of `root`
 */
export async function sweepLeftovers(root = tmpdir(), own: ProcessMark = ownMark()): Promise<Swept> {
  const deleted: string[] = []
  const failed: { path: string; error: Error }[] = []
  for (const name of await readdir(root)) {
    if (!name.startsWith(TMP_PREFIX) || !NAME.test(name.slice(TMP_PREFIX.length))) continue
    const path = join(root, name)
    try {
      if (await sweep(path, own)) deleted.push(path)
    } catch (error) {
      failed.push({ path, error: error as Error })
    }
  }
  return { deleted, failed }
}

/** What a directory of others, or one that another sweep has deleted meanwhile, or that is no directory, answers. */
const NOT_OURS = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM"])

/** @returns whether it was one to be deleted, and is */
async function sweep(path: string, own: ProcessMark): Promise<boolean> {
  const directory = await openOurs(path)
  if (!directory) return false
  try {
    // From here on the path means nothing: who swaps what is there does not change what is open.
    const inside = `/proc/self/fd/${directory.fd}`
    const owner = await readMark(join(inside, MARK))
    // The mark is the last that goes: whoever was killed after that has left an empty directory. Whoever lives is about to delete it, too: it is
    // nothing to speak of.
    if (!owner && path.endsWith(GONE)) {
      await removeEmpty(path)
      return false
    }
    if (!owner || !isDead(owner, own)) return false
    const left = await emptyTree(inside, MARK)
    if (left) throw left
    await gone(unlink(join(inside, MARK)))
    await gone(rmdir(path)) // deletes no link, nothing that is not empty, and nothing of others
    return true
  } finally {
    await directory.close()
  }
}

async function removeEmpty(path: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error
  }
}

async function openOurs(path: string): Promise<FileHandle | undefined> {
  let directory: FileHandle
  try {
    directory = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  } catch (error) {
    if (NOT_OURS.has((error as NodeJS.ErrnoException).code ?? "")) return undefined
    throw error
  }
  const { uid, mode } = await directory.stat()
  if (uid === process.getuid?.() && (mode & 0o777) === 0o700) return directory
  await directory.close()
  return undefined
}

async function readMark(path: string): Promise<ProcessMark | undefined> {
  let file: FileHandle
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (NOT_OURS.has((error as NodeJS.ErrnoException).code ?? "")) return undefined
    throw error
  }
  try {
    if (!(await file.stat()).isFile()) return undefined
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0)
    return parseMark(buffer.toString("utf8", 0, bytesRead))
  } finally {
    await file.close()
  }
}

/** Whatever was to be deleted is, by us or by another sweep. */
async function gone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
  }
}
