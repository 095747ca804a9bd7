/**
 * A process and all that it started, as one thing that can be made to stand still, or ended. Reads /proc; where there is none (not on
 * Linux) it is the process alone.
 */
import { readdirSync, readFileSync } from "node:fs"

/** It has ended meanwhile, or has become somebody else's (a setuid program). */
const OUT_OF_REACH = new Set(["ESRCH", "EPERM"])
/** What reading of a process that ends meanwhile may give. */
const ENDED = new Set(["ENOENT", "ESRCH"])

/**
 * Sends `signal` to `pid` and to what it started, and to what that started. Those that are gone are passed over.
 * @returns whom it was sent to
 */
export function signalTree(pid: number, signal: NodeJS.Signals): ReadonlySet<number> {
  const reached = new Set<number>()
  // Again while there is somebody new: whoever is not reached yet may be starting others.
  for (let found = [pid]; found.length > 0; found = childrenOf(reached)) {
    for (const one of found) {
      reached.add(one)
      send(one, signal)
    }
  }
  return reached
}

/** Kills `pid`, what it started, and what that started. They are made to stand still first: whose parent is dead cannot be found any more. */
export function killTree(pid: number): void {
  for (const one of signalTree(pid, "SIGSTOP")) send(one, "SIGKILL")
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!OUT_OF_REACH.has((error as NodeJS.ErrnoException).code ?? "")) throw error
  }
}

/**
 * SIGKILL for all others of the session, or process group, that is called after this process: what it started, also what has lost its parent
 * since; but not what has begun a session of its own. (A runner of local() leads a session, that of a Slurm job a group. One that leads neither,
 * below a shell of the job script, leaves them to Slurm.) Not for a runner that shares its job: the first task of a step leads the group of all
 * tasks on its node.
 */
export function killFollowers(own: number = process.pid): void {
  for (const { pid, group, session } of processes()) {
    if (pid !== own && (group === own || session === own)) send(pid, "SIGKILL")
  }
}

/** Processes whose parent is one of `parents`, and that are none of them. */
function childrenOf(parents: ReadonlySet<number>): number[] {
  return processes().flatMap(({ pid, parent }) => (parents.has(parent) && !parents.has(pid) ? [pid] : []))
}

function processes(): { pid: number; parent: number; group: number; session: number }[] {
  let names: string[]
  try {
    names = readdirSync("/proc")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    return []
  }
  return names.flatMap(name => {
    if (!/^\d+$/.test(name)) return []
    try {
      // The name of the program is in brackets and may hold anything; after the last bracket come the state, the parent, the group, the session.
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      const [, parent, group, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 4)
      return [{ pid: Number(name), parent: Number(parent), group: Number(group), session: Number(session) }]
    } catch (error) {
      if (!ENDED.has((error as NodeJS.ErrnoException).code ?? "")) throw error
      return []
    }
  })
}
