/**
 * The module that the doctor runs on a runner: it tells where it is, and sends back what it gets. Imports Node alone, so that
 * it loads wherever a runner does.
 */
import { readFileSync } from "node:fs"
import { hostname } from "node:os"

/** What the probe tells of its runner. */
export interface Whereabouts {
  /** Node's version there, with its `v`. */
  readonly version: string
  /** The node binary there. */
  readonly node: string
  readonly hostname: string
  /** Its clock, ms since the epoch. */
  readonly now: number
  /** How long ago the job's main process began, in ms. */
  readonly ageMs: number
}

/** Linux counts process times in hundredths of a second, for programs at least. */
const TICKS_PER_SECOND = 100
/** `starttime` in /proc/<pid>/stat, counted from the field after the name in brackets, which may hold blanks. */
const START_FIELD = 19

/** Where this runs. */
export function whereabouts(): Whereabouts {
  return {
    version: process.version,
    node: process.execPath,
    hostname: hostname(),
    now: Date.now(),
    ageMs: jobAgeMs(),
  }
}

/** Gives back what it gets. */
export function echo<T>(value: T): T {
  return value
}

/**
 * The batch script becomes the supervisor by `exec`, so our parent's age is the script's: no clock of another host has to
 * be compared. Without /proc, the age of this process: a little too young.
 */
function jobAgeMs(): number {
  let stat: string
  try {
    stat = readFileSync(`/proc/${process.ppid}/stat`, "utf8")
  } catch {
    return process.uptime() * 1_000
  }
  const started = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[START_FIELD]) / TICKS_PER_SECOND
  const up = Number.parseFloat(readFileSync("/proc/uptime", "utf8"))
  return Math.max(0, (up - started) * 1_000)
}
