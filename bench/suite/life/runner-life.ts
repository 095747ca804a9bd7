/** One runner of ours, from nothing to its end: how its pool is made. */
import type { Pool } from "slurm-flame"
import { backendOf } from "../backend.ts"
import type { Bench } from "../group.ts"
import type * as lived from "../modules/lived.ts"
import { stamped } from "./job-script.ts"

export const LIVED = new URL("../modules/lived.js", import.meta.url)

/** A pool of at most one such runner. */
export async function poolOfOne(
  bench: Bench,
  name: string,
  script = bench.options.slurmJob,
): Promise<Pool<typeof lived>> {
  const backend = backendOf({ ...bench.options, ...(script === undefined ? {} : { slurmJob: script }) })
  return (await bench.pool(LIVED, { name, backend, max: 1, idleShutdownAfter: "10m" })) as Pool<typeof lived>
}

/** The same, whose batch script notes when it starts the runner. */
export const stampedPool = (bench: Bench, name: string): Promise<Pool<typeof lived>> =>
  poolOfOne(bench, name, bench.options.backend === "slurm" ? stamped(bench.options.slurmJob) : undefined)
