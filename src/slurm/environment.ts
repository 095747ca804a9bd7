/**
 * The environments of Slurm's commands and, through sbatch, of the job. Owns which variables of the parent go on; knows
 * nothing of what they hold.
 */
import type { RunnerSpec } from "../shared/backend.ts"
import { JOB_VARIABLE, type JobFacts, taskVariable } from "../shared/boot.ts"

/** How to find and talk to the controller: the only Slurm variables a command needs. */
const KEPT = new Set(["SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT"])

/**
 * sbatch's own input variables that would work against what we put on its command line, or change what it does
 * (SBATCH_WAIT keeps it until the job ends). Others, such as SBATCH_ACCOUNT, are the user's defaults and stay.
 */
const OWNED = /^SBATCH_(ARRAY_INX|CLUSTERS|EXPORT|JOB_NAME|NO_REQUEUE|REQUEUE|SIGNAL|WAIT|TEST_ONLY|.*_BIND.*)$/

/**
 * What Slurm sets for a job beside its own variables: the devices it was given, and its part in an MPI program. A runner without
 * devices of its own would take those of the parent's node for its own.
 */
const OF_JOB =
  /^(CUDA_VISIBLE_DEVICES|GPU_DEVICE_ORDINAL|HIP_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|ZE_AFFINITY_MASK|PMI_.*|PMIX_.*)$/

/**
 * `env` without what would turn Slurm's commands aside: variables of a job the parent itself runs in, filters such as
 * SQUEUE_STATES and SCANCEL_INTERACTIVE, SLURM_TIME_FORMAT. Takes SLURM_FLAME_* along: the parent's own address is not the runner's.
 */
export function scrub(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const insideJob = env.SLURM_JOB_ID !== undefined
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => {
      if (/^SBATCH_/.test(name)) return !insideJob && !OWNED.test(name)
      if (insideJob && OF_JOB.test(name)) return false
      return KEPT.has(name) || !/^(SLURM|SLURMD|SALLOC|SQUEUE|SCANCEL|SCONTROL|SRUN)_/.test(name)
    }),
  )
}

/** Environment for squeue, scancel and scontrol: scrubbed, and in UTC so that the times they print need no zone. */
export function commandEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...scrub(env), TZ: "UTC0" }
}

/** Environment for sbatch, which `--export=ALL` makes the job's: the parent's, scrubbed, the pool's, the runner's key. */
export function jobEnv(
  env: NodeJS.ProcessEnv,
  spec: Pick<RunnerSpec, "env" | "secretEnv">,
  facts: JobFacts,
): NodeJS.ProcessEnv {
  // spawn() leaves out an undefined value, which is just what `env: { X: undefined }` asks for.
  return { ...scrub(env), ...spec.env, ...spec.secretEnv, [JOB_VARIABLE]: JSON.stringify(facts) }
}

/**
 * The same for the runners of one array job. Every task gets the whole environment, so what is one runner's own stands there
 * under a name with its task's number: `SLURM_FLAME_BOOT_7`.
 */
export function arrayEnv(
  env: NodeJS.ProcessEnv,
  specs: readonly [Pick<RunnerSpec, "env" | "secretEnv">, ...Pick<RunnerSpec, "env" | "secretEnv">[]],
  facts: JobFacts,
): NodeJS.ProcessEnv {
  const secretEnv = Object.fromEntries(
    specs.flatMap((spec, task) =>
      Object.entries(spec.secretEnv).map(([name, value]) => [taskVariable(name, task), value]),
    ),
  )
  return jobEnv(env, { env: specs[0].env, secretEnv }, facts)
}

/**
 * How much of an environment the tasks of one array may fill with what is their own, in bytes: some 200 of them. Linux grants
 * arguments and environment of a process a quarter of its stack limit, and 128 KiB where that is small; the rest is the user's.
 */
export const TASK_BYTES = 64 * 1_024

/** What one task takes of it. */
export function taskBytes({ secretEnv }: Pick<RunnerSpec, "secretEnv">, task: number): number {
  return Object.entries(secretEnv).reduce(
    // With the `=` between and the NUL behind.
    (sum, [name, value]) => sum + Buffer.byteLength(taskVariable(name, task)) + Buffer.byteLength(value) + 2,
    0,
  )
}
