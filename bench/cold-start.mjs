/**
 * Cold start with the local backend: from `spawn()` on an empty pool to the first result, and what an idle runner weighs.
 * Interleaved with bare `node -e 0`, so that the ratio means something on a busy machine. Prints medians and spread.
 *
 * `npm run bench -- cold-start [rounds] [--json FILE]`
 */
import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { createPool } from "slurm-flame"

const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } })
const rounds = Number(positionals[0] ?? 15)
const module = new URL("./modules/tiny.mjs", import.meta.url)

const rssMiB = pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024
const stats = values => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = q => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
  return { n: sorted.length, min: sorted[0], median: at(0.5), p90: at(0.9), max: sorted.at(-1) }
}
const show = s =>
  `median ${s.median.toFixed(0)}  min ${s.min.toFixed(0)}  p90 ${s.p90.toFixed(0)}  max ${s.max.toFixed(0)}  n ${s.n}`

const times = { bare: [], runner: [] }
const weights = { supervisor: [], worker: [] }
for (let i = 0; i < rounds + 1; i++) {
  const bareStart = performance.now()
  spawnSync(process.execPath, ["-e", "0"])
  const bare = performance.now() - bareStart

  const pool = createPool({ module, max: 1 })
  const start = performance.now()
  const runner = await pool.spawn()
  await runner.api.add(1, 2)
  const cold = performance.now() - start
  const { pid, ppid } = await runner.api.processes()
  if (i > 0) {
    times.bare.push(bare) // the first round warms the page cache
    times.runner.push(cold)
    weights.worker.push(rssMiB(pid))
    weights.supervisor.push(rssMiB(ppid))
  }
  await pool.close()
}
if (values.json) writeFileSync(values.json, JSON.stringify({ times, weights }))
const ratios = times.runner.map((t, i) => t / times.bare[i])
console.log(
  `node ${process.version}, load ${readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0]}, ${execFileSync("nproc").toString().trim()} cores`,
)
console.log(`spawn() to first result, ms:    ${show(stats(times.runner))}`)
console.log(`bare node -e 0, ms:             ${show(stats(times.bare))}`)
console.log(`ratio:                          median ${stats(ratios).median.toFixed(2)}`)
console.log(`RSS of supervisor, MiB:         ${show(stats(weights.supervisor))}`)
console.log(`RSS of worker, MiB:             ${show(stats(weights.worker))}`)
