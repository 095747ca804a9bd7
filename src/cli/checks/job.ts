/**
 * The proof by a real job: a pool on slurm() with the doctor's module, and what it tells. Owns that pool, and sees to it that
 * no job is left.
 */
import { createPool, type Pool, type Runner } from "../../index.ts"
import type { Backend } from "../../shared/backend.ts"
import { formatMs } from "../../shared/duration.ts"
import { SlurmClient } from "../../slurm/client.ts"
import { meaningOf } from "../../slurm/job-state.ts"
import { type Check, type CheckResult, type Finding, failure, round, runCheck } from "../check.ts"
import type * as Probe from "../probe.ts"
import { PROBE } from "./files.ts"
import { skewFinding } from "./host.ts"
import { median } from "./network.ts"

/** How long the job may wait in the queue and boot. */
export const JOB_WAIT = "10m"
const CALLS = 100

/** Submits a job, calls it, ends it. Yields what it finds as it goes; ends early when there is no runner. */
export async function* jobChecks(backend: Backend): AsyncGenerator<CheckResult> {
  const pool = createPool<typeof Probe>({
    module: PROBE,
    backend,
    max: 1,
    name: "doctor",
    bootTimeout: JOB_WAIT,
    logger: false,
  })
  const jobs = new Set<string>()
  const note = ({ jobId }: { jobId: string | undefined }) => void (jobId === undefined || jobs.add(jobId))
  pool.on("runner:up", note)
  pool.on("runner:down", note)
  try {
    for await (const finding of proof(pool)) yield await runCheck(finding)
  } catch (error) {
    yield await runCheck(required("job", failure(error)))
  } finally {
    await pool.close({ timeout: "10s" })
  }
  if (jobs.size > 0) yield await runCheck({ name: "job ended", required: true, run: () => noneLeft([...jobs]) })
}

async function* proof(pool: Pool<typeof Probe>): AsyncGenerator<Check> {
  const began = performance.now()
  const runner = await pool.spawn()
  const readyMs = performance.now() - began
  const called = Date.now()
  const before = performance.now()
  const where = await runner.api.whereabouts()
  const firstMs = performance.now() - before

  // The script had run for `ageMs` when the first call was served, which was a moment after the runner was ready.
  const bootMs = Math.min(readyMs, Math.max(0, where.ageMs - firstMs / 2))
  // A worker may serve before the supervisor, or the scheduler, has said where.
  const { jobId, node = where.hostname } = runner.info
  yield required("job", {
    ok: true,
    fact: `${jobId} on ${node}: ${formatMs(readyMs - bootMs)} to submit and wait, ${formatMs(bootMs)} to boot`,
    ms: readyMs,
  })
  yield required("job's node", versionFinding(where))
  yield { ...required("node's clock", skewFinding(where.hostname, where.now - called - firstMs / 2)), required: false }
  yield required("sockets", socketFinding(runner))
  yield required("first call", { ok: true, fact: `${round(firstMs)} ms`, ms: firstMs })

  const times: number[] = []
  for (let i = 0; i < CALLS; i++) {
    const start = performance.now()
    await runner.api.echo(i)
    times.push(performance.now() - start)
  }
  const p50 = median(times)
  yield required("round trip", {
    ok: true,
    fact: `${round(p50)} ms in the middle of ${CALLS} calls, ${round(Math.max(...times))} ms at worst`,
    ms: p50,
  })
}

function required(name: string, finding: Finding): Check {
  return { name, required: true, run: () => finding }
}

function versionFinding({ version, node, hostname }: Probe.Whereabouts): Finding {
  const fact = `${hostname} runs Node ${version.slice(1)} (${node})`
  if (version === process.version) return { ok: true, fact }
  return {
    ok: false,
    required: false,
    fact: `${fact}, this host ${process.versions.node}`,
    advice: "values cross between versions, but let both use the same: slurm({ node: '/path/as/on/the/nodes' })",
  }
}

function socketFinding(runner: Runner<typeof Probe>): Finding {
  const { addresses } = runner.info
  if (addresses === undefined) return { ok: false, fact: "the runner lost its connection" }
  return { ok: true, fact: `${addresses.remote} (runner) to ${addresses.local} (here)` }
}

/** @throws SlurmCommandError when squeue does not answer. */
async function noneLeft(jobs: readonly string[]): Promise<Finding> {
  const queue = await new SlurmClient().queue()
  const left = jobs.filter(id => {
    const row = queue.get(id)
    return row !== undefined && meaningOf(row.slurmState).state !== "ended"
  })
  if (left.length === 0) return { ok: true, fact: `squeue shows ${jobs.join(", ")} no more: no job is left` }
  return { ok: false, fact: `still in the queue: ${left.join(", ")}`, advice: `scancel ${left.join(" ")}` }
}
