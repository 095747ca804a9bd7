/**
 * Who is at work in a directory: processes of this user that stand in it or have something of it open. Reads /proc; where there is none
 * nobody is found.
 */
import { readdirSync, readlinkSync, realpathSync } from "node:fs"
import { join } from "node:path"

/** Kills them, and says whether there were any. Never this process. */
export function killUsers(directory: string): boolean {
  let killed = false
  for (const pid of usersOf(directory)) {
    try {
      process.kill(pid, "SIGKILL")
      killed = true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== "ESRCH" && code !== "EPERM") throw error // it has ended, or become somebody else's
    }
  }
  return killed
}

function usersOf(directory: string): number[] {
  const real = realpathSync(directory)
  const isInside = (path: string | undefined) => path === real || path?.startsWith(`${real}/`) === true
  return (
    list("/proc")
      .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
      // Of other users' processes nothing can be read here, and nothing is found.
      .filter(pid => {
        const descriptors = join("/proc", pid, "fd")
        return (
          isInside(target(join("/proc", pid, "cwd"))) ||
          list(descriptors).some(fd => isInside(target(join(descriptors, fd))))
        )
      })
      .map(Number)
  )
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // it has ended meanwhile, or is another user's, or there is no /proc
  }
}

function target(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined // likewise
  }
}
