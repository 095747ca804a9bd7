/** Copies a file or a directory to another file system, down to the disk. Owns the copy; names and their safety are for others. */
import { constants } from "node:fs"
import { chmod, copyFile, lstat, mkdir, open, readdir, readlink, symlink, utimes } from "node:fs/promises"
import { join } from "node:path"
import { StateError } from "../../shared/errors.ts"

/**
 * Copies `from` to `to`, which is new: contents, modes, times; links as links. When it resolves all of it is on disk.
 * @throws StateError for what is neither file, directory nor link; what the file system says. Then part of it may be there.
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const found = await lstat(from)
  if (found.isSymbolicLink()) return await symlink(await readlink(from), to)
  if (found.isDirectory()) {
    await mkdir(to, { mode: 0o700 })
    for (const name of await readdir(from)) await copyTree(join(from, name), join(to, name))
  } else if (found.isFile()) {
    await copyFile(from, to, constants.COPYFILE_EXCL)
    await chmod(to, 0o600) // it may be one that cannot be opened
  } else {
    throw new StateError(
      `${from} is neither a file, a directory nor a link, and cannot be copied to another file system`,
    )
  }
  await sync(to)
  await utimes(to, found.atime, found.mtime)
  await chmod(to, found.mode & 0o7777)
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
