/**
 * Who is at work in a directory: processes of this user that stand in it or have something of it open. Reads /proc; where there is none
 * nobody is found.
 */
import { readdirSync, readlinkSync, realpathSync } from "node:fs"
import { join } from "node:path"

/** One look takes a few milliseconds, and whoever is killed is dead soon after; what does not die is in the kernel's hands. */
const LOOKS = 50

/**
 * Kills them, and those that they start meanwhile, until there is nobody any more. Never this process.
 * @returns whether there were any
 */
export function killUsers(directory: string): boolean {
  for (let look = 0; look < LOOKS; look++) {
    const found = usersOf(directory)
    if (found.length === 0) return look > 0
    for (const pid of found) kill(pid)
  }
  return true
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL")
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== "ESRCH" && code !== "EPERM") throw error // it has ended, or become somebody else's
  }
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
