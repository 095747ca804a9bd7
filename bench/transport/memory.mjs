/** What this process weighs, now and at most: used by clients and servers alike, raw ones and ours. Linux only (/proc). */
import { readFileSync, writeFileSync } from "node:fs"

/** Forgets the peak so far: what start-up needed is not what a call needs. */
export function resetPeak() {
  writeFileSync("/proc/self/clear_refs", "5")
}

/** Resident bytes of this process: `{ rss, peak }`, the peak since `resetPeak()`. */
export function memory() {
  const status = readFileSync("/proc/self/status", "utf8")
  const bytes = name => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)[1]) * 1024
  return { rss: bytes("VmRSS"), peak: bytes("VmHWM") }
}
