/** One machine as it says itself that it is. Runs on the parent's and on the runner's, and gives plain JSON. Guesses nothing. */
import { availableParallelism, cpus, hostname, loadavg, release, totalmem } from "node:os"
import path from "node:path"
import type { NodeAbout } from "../report.ts"
import { aboutInterface } from "./interface.ts"
import { readText } from "./sys.ts"

const MIB = 2 ** 20

/**
 * The machine that this runs on.
 * @param role whose machine it is in the report
 * @param name for people: `nodeName()`, or as the library calls it
 * @param address that is in use there
 * @param sys the root of sysfs
 */
export function aboutNode(role: NodeAbout["role"], name: string, address: string, sys = "/sys"): NodeAbout {
  const governor = readText(path.join(sys, "devices/system/cpu/cpu0/cpufreq/scaling_governor"))
  const link = aboutInterface(address, sys)
  const model = cpus()[0]?.model.trim()
  return {
    name,
    role,
    node: process.version,
    cpu: model || "unknown",
    cores: availableParallelism(), // those that this process may run on
    memoryMiB: Math.round(memory() / MIB),
    kernel: release(),
    ...(governor === undefined ? {} : { governor }),
    load: loadavg()[0]!,
    address,
    ...(link === undefined ? {} : { interface: link }),
  }
}

/** As Slurm calls it inside a job, else as the machine calls itself. */
export function nodeName(env: NodeJS.ProcessEnv = process.env): string {
  return env.SLURMD_NODENAME || hostname()
}

/** What the job's cgroup allows, where it does; else what the machine has. */
function memory(): number {
  const allowed = process.constrainedMemory() ?? 0
  const all = totalmem()
  return allowed > 0 && allowed < all ? allowed : all
}
