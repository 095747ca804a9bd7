/**
 * A program that makes a pool, uses it and closes it, as often as the test says, and then tells what it has become itself. Runs as the user.
 *
 *     {"do": "round", "jobs": 30, "until": 24, "slurm": {...}}    leases `jobs` runners; closes the pool when `until` of them have answered a call
 */
import { readdirSync } from "node:fs"
import { createInterface } from "node:readline"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { createPool, slurm } from "slurm-flame"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc")
const say = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`)

async function round({ jobs, until, slurm: backend }) {
  const began = performance.now()
  const pool = createPool({
    module: new URL("./basic.ts", import.meta.url),
    max: jobs,
    shutdownTimeout: "1s",
    backend: slurm(backend),
  })
  const answers = []
  const ends = {}
  let enough
  const served = new Promise(resolve => {
    enough = resolve
  })
  if (until === 0) enough()
  const all = Array.from({ length: jobs }, async () => {
    try {
      const runner = await pool.spawn()
      answers.push((await runner.api.where()).jobId)
      if (answers.length === until) enough()
      const { reason } = await runner.closed
      ends[reason] = (ends[reason] ?? 0) + 1
    } catch (error) {
      const code = error.code ?? String(error)
      ends[code] = (ends[code] ?? 0) + 1
      enough() // the test sees it in what it is told
    }
  })
  await served
  const servedMs = performance.now() - began
  await pool.close()
  await Promise.all(all)
  say("round", { answers, ends, servedMs, ms: performance.now() - began })
}

/** What is held by the process: open descriptors, and memory after all garbage is gone. */
function self() {
  gc()
  gc()
  const { rss, heapUsed } = process.memoryUsage()
  say("self", { descriptors: readdirSync("/proc/self/fd").length, rss, heapUsed })
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  if (command.do === "round") await round(command)
  else self()
}
