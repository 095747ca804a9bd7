/** What can be done about a runner that is gone, for each reason. A pure function from what is known to words. */
import type { GoneReason, JobEvidence } from "../shared/errors.ts"

/** Signals of a process that did something it may not, or that ended itself since it found its own state broken. */
const FAULTS = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"])

/** Undefined where there is nothing to be done: the pool ended it, or its last words say more than we could. */
export function adviceAfter(reason: GoneReason, evidence: JobEvidence): string | undefined {
  switch (reason) {
    case "walltime":
      return "say how long a call takes (`needs`): then it goes to a runner with so much time left; let it go on elsewhere (`resumable`, with currentCall().checkpoint()); or ask for more time (sbatch: { time: … } or #SBATCH --time)"
    case "preempted":
      return "jobs of this partition or QOS give way to others: save as you go, let `retries` run the call again, or ask for another partition"
    case "out-of-memory":
      return outOfMemory(evidence)
    case "node-fail":
      return nodeFail(evidence)
    case "cancelled":
      return cancelled(evidence)
    case "crashed":
      return crashed(evidence)
    case "network":
      return `Slurm says that its job runs: is the network to ${evidence.node ?? "its node"} cut, do its processes stand still, or is the node dead and Slurm has not noticed (SlurmdTimeout, 5 minutes by default)? \`reconnectTimeout\` says how long a runner may be away`
    case "connection-lost":
      return "neither the runner nor the scheduler says why: its own output may; SLURM_FLAME_LOG=debug shows what was heard of it"
    default:
      return undefined
  }
}

function outOfMemory({ memoryLimitBytes, signal }: JobEvidence): string {
  const fewer = "or have fewer calls at a time on a runner (`maxConcurrency`)"
  if (memoryLimitBytes !== undefined || signal === undefined) {
    const mib = Math.ceil((2 * (memoryLimitBytes ?? 0)) / 1024 ** 2)
    return `ask for more (sbatch: { mem: ${mib > 0 ? `"${mib}M"` : "…"} } or #SBATCH --mem) ${fewer}`
  }
  return `there is no limit on it, so the node itself had no memory left: ask for what it needs (sbatch: { mem: … }) ${fewer}`
}

function nodeFail({ node }: JobEvidence): string {
  const name = node ?? "<node>"
  return `\`scontrol show node ${name}\` says what Slurm knows; sbatch: { exclude: "${name}" } keeps away from it; \`retries\` runs such calls again elsewhere`
}

function cancelled({ cancelledBy }: JobEvidence): string {
  if (cancelledBy === undefined)
    return "this program did not do it: was it scancel by hand, another program of yours, or an administrator?"
  if (cancelledBy === 0) return "root did it: an administrator, or the site's own rules"
  return cancelledBy === process.getuid?.()
    ? "you did it, and not from this program: scancel by hand, or another program of yours"
    : `the user with number ${cancelledBy} did it: \`id ${cancelledBy}\` says who that is`
}

function crashed({ exitCode, signal, stderrTail }: JobEvidence): string | undefined {
  if (/JavaScript heap out of memory/.test(stderrTail ?? "")) {
    return 'V8 has a limit of its own, which is not the job\'s: env: { NODE_OPTIONS: "--max-old-space-size=8192" } raises it (MiB)'
  }
  if (signal === "SIGKILL")
    return "somebody killed it, or there was no memory left where nobody counts it: `dmesg` on the node tells"
  if (signal && FAULTS.has(signal)) return "a native module broke, most likely: does it run by itself on that node?"
  if (stderrTail?.trim()) return undefined
  return exitCode === undefined ? undefined : "does the module, or what it imports, call process.exit()?"
}
