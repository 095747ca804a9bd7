/** When a process began, as the kernel says it. Owns the reading of /proc. */
import { readFileSync } from "node:fs"

/** Of the times in /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** When a process was made (`exec` does not change that), in ms since 1970; to 20 ms or so. Undefined where the kernel does not say it. */
export function startMs(pid: number): number | undefined {
  try {
    return startOf(readFileSync(`/proc/${pid}/stat`, "utf8"), readFileSync("/proc/uptime", "utf8"), Date.now())
  } catch {
    return undefined // no Linux, or the process is gone
  }
}

/** @param stat /proc/PID/stat @param uptime /proc/uptime, read at `now` */
export function startOf(stat: string, uptime: string, now: number): number | undefined {
  // The second field is a name in parentheses, which may hold blanks and parentheses.
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19])
  const seconds = Number(uptime.split(" ", 1)[0])
  const at = now - (seconds - ticks / TICKS_PER_SECOND) * 1_000
  return Number.isFinite(at) && ticks > 0 ? at : undefined
}
