/** A program with a pool of idle runners: waits until all are up, then measures itself while nothing happens. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setTimeout as delay } from "node:timers/promises"
import { createPool } from "slurm-flame"

/** What the boots left behind is collected, and late timers of theirs have fired. */
const SETTLE_MS = 12_000

/** `seconds`: of each slice, one after the other. `watchSeconds`: how long the event loop is watched after that; 0 for not at all. */
const [{ runners, crowd: file, seconds, heartbeat, tls, watchSeconds }] = await once(process, "message")
const crowd = fork(file)

/** A job whose processes are two connections of the crowd's. */
class CrowdJob {
  id
  status = { state: "running" }
  constructor(id) {
    this.id = id
  }
  onStatus() {
    return () => {}
  }
  async ask() {
    return this.status
  }
  attend() {}
  async ended() {
    return await new Promise(() => {}) // they end with this process
  }
  async cancel() {}
  async stderrTail() {
    return ""
  }
}

const backend = {
  name: "crowd",
  network: "loopback",
  validate() {},
  cancelSync() {},
  async submit(spec) {
    crowd.send(spec.secretEnv.SLURM_FLAME_BOOT)
    return new CrowdJob(`crowd-${spec.runnerId}`)
  },
}

const started = performance.now()
const pool = createPool({
  module: new URL("../modules/tiny.mjs", import.meta.url),
  backend,
  min: runners,
  max: Math.max(1, runners),
  heartbeat,
  tls,
})
pool.on("runner:down", info => console.error("a runner was lost:", info.id, info.goneReason))
await pool.ready()
const upMs = performance.now() - started

const MiB = 1_024 * 1_024
await delay(SETTLE_MS)
globalThis.gc()
globalThis.gc()
const { rss, heapUsed } = process.memoryUsage()
const slices = []
for (const length of seconds) {
  const since = performance.now()
  const before = process.cpuUsage()
  await delay(length * 1_000)
  const { user, system } = process.cpuUsage(before)
  slices.push({ seconds: (performance.now() - since) / 1_000, cpuMs: (user + system) / 1_000 })
}

const delays = monitorEventLoopDelay({ resolution: 5 })
delays.enable()
await delay(watchSeconds * 1_000)
const figures = {
  upMs,
  slices,
  rssMiB: rss / MiB,
  heapMiB: heapUsed / MiB,
  stallMs: delays.max / 1e6 - 5,
  oftenMs: delays.percentile(99.9) / 1e6 - 5,
  up: pool.stats().runners.filter(runner => runner.state === "ready").length,
}
if (figures.up !== runners) throw new Error(`${figures.up} of ${runners} runners are up at the end`)
process.send(figures, () => process.exit(0))
