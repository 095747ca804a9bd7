/** A job that another process submitted, from the handle it left. Owns the check of that handle; the rest is a job as any. */
import { StateError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { type JobServices, SlurmJob } from "./job.ts"
import type { LogPattern } from "./log-file.ts"

/** @throws StateError when `handle` is not what `SlurmJob.handle` gave */
export function adoptedJob(handle: Json, services: JobServices): SlurmJob {
  const { id, log, requeues, drainBeforeMs } = (handle ?? {}) as {
    id?: unknown
    log?: Partial<LogPattern> | null
    requeues?: unknown
    drainBeforeMs?: unknown
  }
  const whole =
    typeof id === "string" &&
    /^\d+(_\d+)?$/.test(id) &&
    typeof requeues === "boolean" &&
    typeof log?.own === "boolean" &&
    [log.path, log.cwd, log.jobName].every(text => typeof text === "string")
  if (!whole) throw new StateError("what was kept of a job is none of Slurm's")
  const drain = typeof drainBeforeMs === "number" ? drainBeforeMs : undefined
  return new SlurmJob(id, log as LogPattern, services, requeues, true, drain)
}
