/**
 * A steady stream of short calls on runners whose jobs are short, for as long as the test says; then the figures. Runs as the user. Its one
 * argument is JSON:
 *
 *     {"seconds": 240, "width": 4, "ms": 200, "book": "/path", "slurm": {...}, "options": {...}, "declared": true}
 *
 * `declared`: calls with an even number may be run again (`retries: 1`). It says what becomes of its runners, every few seconds how far it is,
 * and `over` at the end.
 */
import { setTimeout as delay } from "node:timers/promises"
import { createPool, slurm } from "slurm-flame"
import { Traffic } from "./traffic.mjs"

const { seconds, width, ms, book, slurm: backend, options, declared } = JSON.parse(process.argv[2])
/** How often it says how far it is, in milliseconds. */
const TICK = 5_000

const began = performance.now()
const at = () => Math.round((performance.now() - began) / 100) / 10
const say = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, at: at(), ...fields })}\n`)
const errorOf = ({ name, message, code, reason, started, evidence }) => ({
  name,
  message,
  code,
  reason,
  started,
  evidence,
})

const pool = createPool({ module: new URL("./basic.ts", import.meta.url), backend: slurm(backend), ...options })
const used = new Set()
let handovers = 0
for (const name of ["runner:pending", "runner:up", "runner:drain", "runner:requeued", "runner:down"])
  pool.on(name, info => {
    if (name === "runner:up") used.add(info.jobId)
    say(name, { info })
  })
pool.on("runner:handover", ({ runner, successor }) => {
  handovers++
  say("runner:handover", { runner, successor })
})
pool.on("error", error => say("error", { error: errorOf(error) }))

await pool.ready()
say("begins")
const again = pool.with({ retries: 1 })
const traffic = new Traffic(width, id => (declared && id % 2 === 0 ? again : pool.api).work(book, id, ms))
const end = performance.now() + seconds * 1_000
while (performance.now() < end) {
  await delay(Math.min(TICK, Math.max(1, end - performance.now())))
  say("tick", { left: Math.max(0, end - performance.now()) / 1_000, runners: pool.stats().runners })
}
const { sent, done, failed, gapMs } = await traffic.end()
await pool.close()
say("over", {
  sent,
  done: done.map(({ id, jobId, node }) => ({ id, jobId, node })),
  failed: failed.map(({ id, error }) => ({ id, error: errorOf(error) })),
  gapMs,
  jobs: [...used],
  handovers,
})
