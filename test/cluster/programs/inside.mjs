/**
 * A parent that is a job itself: makes a pool, calls two runners, and writes what it learns to the file that it is given, one JSON
 * line at a time. Then closes its pool, or with `stay` holds a call open until it is ended; with `stubborn` it does not hear SIGTERM.
 */
import { appendFileSync } from "node:fs"
import { createPool, slurm } from "slurm-flame"

const [file, how = "close"] = process.argv.slice(2)
const say = (event, fields = {}) => appendFileSync(file, `${JSON.stringify({ event, ...fields })}\n`)

const slurmJob = `#!/bin/bash
#SBATCH --time=00:10:00
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`
if (how === "stubborn") process.on("SIGTERM", () => say("sigterm"))
const pool = createPool({
  module: new URL("./basic.ts", import.meta.url),
  backend: slurm({ slurmJob, sbatch: { exclude: "n1" } }),
  max: 2,
})
process.on("uncaughtExceptionMonitor", error => say("failed", { error: String(error) }))
const runners = await Promise.all([pool.spawn(), pool.spawn()])
for (const runner of runners)
  say("runner", { info: runner.info, where: await runner.api.where(), env: await runner.api.environment() })
if (how !== "close") {
  await Promise.all(runners.map(runner => runner.api.hold(async () => say("holds"))))
}
for (const runner of runners) await runner.release()
await pool.close()
say("closed")
