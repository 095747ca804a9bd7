/** Signals to processes that may have ended a moment ago. */

/** False when there is nobody to hear it; signal 0 only asks. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    return false // it ended a moment ago: as good
  }
}
