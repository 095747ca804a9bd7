/**
 * Small calls through the pool against a raw ws echo, in the same run, slices interleaved: latency one at a time, and calls per
 * second with many in flight. The ratios are what counts; absolute figures are this machine's.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createPool } from "slurm-flame"
import { WebSocket } from "ws"

const SLICES = Number(process.argv[2] ?? 15)
const SLICE_MS = 200

const child = fork(new URL("./modules/echo-server.mjs", import.meta.url))
const [ports] = await once(child, "message")
const ws = new WebSocket(`ws://127.0.0.1:${ports.ws}`, { perMessageDeflate: false })
await once(ws, "open")
const waiting = []
ws.on("message", () => waiting.shift()())
const payload = JSON.stringify({ id: 1, type: "APPLY", path: ["add"], argumentList: [{ type: "RAW", value: 1 }] })
const raw = () =>
  new Promise(resolve => {
    waiting.push(resolve)
    ws.send(payload)
  })

const pool = createPool({ module: new URL("./modules/tiny.mjs", import.meta.url), max: 1, maxConcurrency: 20_000 })
const runner = await pool.spawn()
const peers = { "raw ws": raw, "r.api": () => runner.api.add(1, 2), "pool.api": () => pool2.api.add(1, 2) }
const pool2 = createPool({ module: new URL("./modules/tiny.mjs", import.meta.url), max: 1, maxConcurrency: 20_000 })
await pool2.api.add(1, 2)

const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

async function latency(call) {
  const times = []
  const until = performance.now() + SLICE_MS
  while (performance.now() < until) {
    const start = performance.now()
    await call()
    times.push((performance.now() - start) * 1_000)
  }
  return median(times)
}

async function rate(call, inFlight) {
  let done = 0
  const until = performance.now() + SLICE_MS
  const start = performance.now()
  const lane = async () => {
    while (performance.now() < until) {
      await call()
      done += 1
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return (done / (performance.now() - start)) * 1_000
}

const works = {
  "one at a time, p50 us": latency,
  "64 in flight, calls/s": c => rate(c, 64),
  "1,024 in flight, calls/s": c => rate(c, 1_024),
  "10,000 in flight, calls/s": c => rate(c, 10_000),
}
for (const call of Object.values(peers)) await rate(call, 64) // warm
console.log(
  `node ${process.version}, load ${readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0]}, ${SLICES} slices of ${SLICE_MS} ms each, interleaved; ours over TLS 1.3, raw ws plain`,
)
for (const [what, measure] of Object.entries(works)) {
  const figures = Object.fromEntries(Object.keys(peers).map(name => [name, []]))
  for (let i = 0; i < SLICES; i++)
    for (const [name, call] of Object.entries(peers)) figures[name].push(await measure(call))
  const line = Object.entries(figures).map(([name, values]) => {
    const ratio = median(values.map((v, i) => v / figures["raw ws"][i]))
    return `${name} ${median(values).toFixed(0)} (${ratio.toFixed(2)}x)`
  })
  console.log(`${what.padEnd(28)} ${line.join("   ")}`)
}
ws.close()
child.disconnect()
await Promise.all([pool.close(), pool2.close()])
