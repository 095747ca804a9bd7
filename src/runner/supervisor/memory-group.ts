/**
 * The control group that this job's processes are counted in: whether the kernel killed one of them for want of memory, and how much
 * they may have. Owns the reading of /proc and /sys; knows no process. Where there is no such group it says nothing.
 */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** What version 1 and 2 of control groups call things. */
const VERSIONS = [
  { type: "cgroup", controller: "memory", events: "memory.oom_control", limit: "memory.limit_in_bytes" },
  { type: "cgroup2", controller: "", events: "memory.events", limit: "memory.max" },
] as const
type Version = (typeof VERSIONS)[number]

/** Version 1 says "no limit" with a number close to 2^63. */
const NO_LIMIT = 2 ** 60

interface Group {
  readonly version: Version
  /** Where groups of this version are mounted. */
  readonly root: string
  readonly dir: string
}

export class MemoryGroup {
  readonly #group: Group | undefined
  #kills: number

  /** @param proc,sys Where /proc/self and the root of the files are, for tests. */
  constructor(proc = "/proc/self", sys = "/") {
    this.#group = find(proc, sys)
    this.#kills = this.#count()
  }

  /** What was killed until now is no news any more. */
  mark(): void {
    this.#kills = this.#count()
  }

  /** Set when the kernel has killed a process of the job for want of memory since the last `mark`; `limit` in bytes, null: there is none. */
  killed(): { limit: number | null } | undefined {
    return this.#count() > this.#kills ? { limit: this.#limit() } : undefined
  }

  #count(): number {
    if (!this.#group) return 0
    const { dir, version } = this.#group
    return Number(/^oom_kill (\d+)$/m.exec(read(join(dir, version.events)))?.[1] ?? 0)
  }

  /** The smallest of the group's own limit and those of the groups around it. */
  #limit(): number | null {
    if (!this.#group) return null
    const { root, version } = this.#group
    let smallest = NO_LIMIT
    for (let { dir } = this.#group; dir.startsWith(root) && dir !== dirname(dir); dir = dirname(dir)) {
      const limit = read(join(dir, version.limit)).trim()
      if (/^\d+$/.test(limit)) smallest = Math.min(smallest, Number(limit))
    }
    return smallest < NO_LIMIT ? smallest : null
  }
}

function find(proc: string, sys: string): Group | undefined {
  const groups = read(join(proc, "cgroup"))
  const mounts = read(join(proc, "mountinfo"))
  for (const version of VERSIONS) {
    const { type, controller, events } = version
    // `4:memory:/slurm/uid_1001/job_1/step_batch/task_0`, `5:cpu,memory:/…`, and `0::/…` for version 2.
    const path = groups
      .split("\n")
      .map(line => /^\d+:([^:]*):(.*)$/.exec(line))
      .find(match => match?.[1]?.split(",").includes(controller))?.[2]
    if (path === undefined) continue
    // `36 35 0:32 /root /mount/point rw - cgroup cgroup rw,memory`; of several at one place the last hides the others.
    for (const mount of mounts.split("\n").reverse()) {
      const match = /^\S+ \S+ \S+ (\S+) (\S+) .* - (\S+) \S+ (\S+)/.exec(mount)
      if (match?.[3] !== type || (controller && !match[4]!.split(",").includes(controller))) continue
      const [, top, at] = match as unknown as [string, string, string]
      const root = join(sys, at)
      // In a container the mount may begin further down than the path does.
      let dir = join(root, top !== "/" && path.startsWith(top) ? path.slice(top.length) : path, ".")
      // In version 2 a group counts for those below it, which need not count for themselves.
      while (type === "cgroup2" && dir !== root && dir.startsWith(root) && !existsSync(join(dir, events)))
        dir = dirname(dir)
      if (existsSync(join(dir, events))) return { version, root, dir }
    }
  }
  return undefined
}

/** The text of a file of the kernel's; empty where there is none, or it may not be read. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return "" // another kind of system: nothing is known, and nothing is claimed
  }
}
