/**
 * Which process somebody is, in a way that outlives it: a pid comes back, a pid with its start time does not. Owns the mark and the
 * question whether that process lives, as far as this machine can tell. Knows nothing of what the process does.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"

/** Names one process for good. */
export interface ProcessMark {
  readonly host: string
  readonly pid: number
  /** The kernel's start time of the process in clock ticks after the boot; empty where there is no /proc. */
  readonly started: string
  /** Of the machine's boot, unlike that of any other machine; empty where there is no /proc. */
  readonly boot: string
  /** The pid namespace: a pid means nothing in another one (containers). Empty where there is no /proc. */
  readonly namespace: string
}

/** `elsewhere`: on another machine or out of sight, so that nothing can be said from here. */
export type Whereabouts = "alive" | "dead" | "elsewhere"

/** The mark of this process. */
export function ownMark(): ProcessMark {
  return {
    host: hostname(),
    pid: process.pid,
    started: startTime(process.pid) ?? "",
    boot: read("/proc/sys/kernel/random/boot_id")?.trim() ?? "",
    namespace: ownNamespace(),
  }
}

/** Whether the process of that mark lives, if it is one of this machine's. */
export function whereabouts(mark: ProcessMark, own: ProcessMark = ownMark()): Whereabouts {
  if (mark.started === "" || mark.boot !== own.boot || mark.namespace !== own.namespace) return "elsewhere"
  return startTime(mark.pid) === mark.started ? "alive" : "dead"
}

/** Undefined when there is no such process, or only what is left of it until its parent has asked how it ended. */
function startTime(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field, a name in parentheses, may hold anything; the third is the state, the 22nd the start time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return /^[ZXx]/.test(fields[0]!) ? undefined : fields[19]
}

function ownNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid")
  } catch {
    return "" // no Linux, or /proc is closed to us: then a process is looked for in no other way either
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ESRCH") return undefined // there is no such process, or no /proc
    throw error
  }
}
