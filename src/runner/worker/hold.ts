/**
 * Holds this process's main thread until the supervisor lets it go. Runs nothing meanwhile, so that nothing of user code goes on there
 * when somebody wakes a worker that was stopped: Slurm does, before it ends a job. Other threads, and processes, do not wait for it.
 */
import { readSync, writeSync } from "node:fs"

/** What a pipe says whose other end is gone. */
const GONE = new Set(["EPIPE", "ECONNRESET"])

/**
 * Says that it holds, and waits for the word to go on, which may be there already.
 * @param fd The pipe to the supervisor.
 * @returns False: the supervisor is dead.
 */
export function hold(fd: number): boolean {
  try {
    writeSync(fd, ".")
    return readOne(fd)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (GONE.has(code ?? "")) return false
    // User code may have closed it, or made it one that does not wait. To be stopped is what is left.
    process.stderr.write(`slurm-flame: the worker cannot hold: ${message}\n`)
    return true
  }
}

/** @returns False at the pipe's end. */
function readOne(fd: number): boolean {
  const word = Buffer.alloc(1)
  for (;;) {
    try {
      return readSync(fd, word) > 0
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EINTR") throw error
    }
  }
}
