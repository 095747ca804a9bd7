/** What the runner of the life groups serves: what it knows of its own start, and work that lasts a while. Owns nothing. */
import { readFileSync } from "node:fs"
import { type PerformanceNodeTiming, performance } from "node:perf_hooks"
import { runner } from "slurm-flame/runner"
import { STAMP_VARIABLE, stampMs } from "../life/job-script.ts"
import { startMs } from "../life/proc.ts"

/** All in ms since 1970, on this node's clock; undefined: not known here. */
export interface OwnStart {
  /** The job's first process was made: that of the batch script, or of the supervisor itself. To 20 ms or so. */
  readonly job: number | undefined
  /** The line before the runner's, in the batch script. */
  readonly exec: number | undefined
  /** This process began: the supervisor had started it. */
  readonly worker: number
  /** Node was ready for a first line of ours in this process. */
  readonly booted: number
}

export const add = (a: number, b: number): number => a + b

export function ownStart(): OwnStart {
  const { nodeTiming } = performance as { readonly nodeTiming: PerformanceNodeTiming }
  const origin = performance.timeOrigin
  return {
    job: startMs(process.ppid),
    exec: stampMs(process.env[STAMP_VARIABLE]),
    worker: origin,
    booted: origin + nodeTiming.bootstrapComplete,
  }
}

/** Of this process, and its directory. */
export function whereabouts(): { pids: readonly number[]; tmpdir: string; rssMiB: number | undefined } {
  return { pids: [process.pid, process.ppid], tmpdir: runner().tmpdir, rssMiB: rssMiB() }
}

/** Resident memory of both processes of this runner. */
function rssMiB(): number | undefined {
  try {
    return [process.pid, process.ppid]
      .map(pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024)
      .reduce((a, b) => a + b)
  } catch {
    return undefined // no Linux, or not ours to read
  }
}

/** Work that lasts `ms`, and says when it has begun. Ends when its caller wants no more. */
export async function work(ms: number, begun: () => void): Promise<number> {
  begun()
  await new Promise(resolve => setTimeout(resolve, ms))
  return ms
}
