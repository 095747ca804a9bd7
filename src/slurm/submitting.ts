/**
 * Whether an sbatch of a dead parent is still under way on this machine: it outlives the parent, and its job may be queued any moment.
 * Owns the look at the processes; knows nothing of jobs.
 */
import { readdir, readFile } from "node:fs/promises"
import type { RunRecord } from "../shared/run-record.ts"

/** Those of `records` that a process of this machine is submitting for. The arguments of any process can be read by all, its environment cannot. */
export async function submitting(records: readonly RunRecord[], proc = "/proc"): Promise<RunRecord[]> {
  const pids = (await readdir(proc).catch(() => [])).filter(name => /^\d+$/.test(name)) // no /proc: then nobody is seen
  const lines = await Promise.all(
    // A process may end while we look, and a site may hide those of others: neither is ours.
    pids.map(pid => readFile(`${proc}/${pid}/cmdline`, "latin1").catch(() => "")),
  )
  const submissions = lines.filter(line => line.includes("--parsable"))
  return records.filter(({ pool, run }) => {
    const tag = new RegExp(`\\bflame-${pool}-[\\w-]+-${run}-\\d+-`)
    return submissions.some(line => tag.test(line))
  })
}
