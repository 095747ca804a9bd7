/** What is known of where a report was made. Owns how it is found out; guesses nothing. */

import { readFileSync } from "node:fs"
import { availableParallelism, cpus, hostname, loadavg, release, totalmem } from "node:os"
import type { SuiteOptions } from "./group.ts"
import type { About, NodeAbout } from "./report.ts"

const GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"

/** The machine that this runs on. @param address that is in use there */
export function aboutNode(role: NodeAbout["role"], name: string, address: string): NodeAbout {
  const governor = read(GOVERNOR)
  return {
    name,
    role,
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    ...(governor === undefined ? {} : { governor }),
    load: loadavg()[0]!,
    address,
  }
}

/** @param runners the nodes of runners, as they described themselves; @param address the parent's, as they dial it */
export async function collectAbout(
  options: SuiteOptions,
  known: { version: string; command: string; address: string; runners: readonly NodeAbout[] },
): Promise<About> {
  return {
    version: known.version,
    date: new Date().toISOString(),
    command: known.command,
    backend: options.backend,
    tls: options.tls,
    nodes: [aboutNode("parent", hostname(), known.address), ...known.runners],
  }
}

/** Undefined where there is no such file: not every machine has one. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}
