/**
 * What a pool itself costs: its runners answer at once and have no sockets. For each number of runners: microseconds of this process'
 * CPU per call with 100,000 calls queued, and how that compares with the fewest runners; bytes per queued call and per idle runner.
 *
 *   npm run bench -- pool [--calls 100000] [--rounds 5] [--at-least-seconds 0] [--runners 10,100,1000,10000] [--cost] [--json FILE]
 *
 * `--at-least-seconds`: more rounds until then. `--cost`: without the memory. `--json`: the microseconds of each round, by runners; then a
 * missed bar is told and is no failure.
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { simulatedPool } from "../test/simulated/pool.ts"
import type { Received } from "../test/simulated/runner.ts"
import { limit } from "./check/bars.mjs"

/** The most that a bar allows. */
function most(id: string): number {
  const found = limit(id)
  if (!("atMost" in found)) throw new Error(`${id} is a bar for the least, not for the most`)
  return found.atMost
}

/** At most. */
const BARS = { us: most("pool/10000/us"), ratio: most("pool/10000") }

const { values } = parseArgs({
  options: {
    calls: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    runners: { type: "string", default: "10,100,1000,10000" },
    "at-least-seconds": { type: "string", default: "0" },
    cost: { type: "boolean", default: false },
    json: { type: "string" },
  },
})
const calls = Number(values.calls)
const rounds = Number(values.rounds)
const sizes = values.runners.split(",").map(Number)

/** Answers in the next turn of the microtask queue. */
const prompt = {
  boot: (runner: { up(): void }) => queueMicrotask(() => runner.up()),
  received: ({ args, waiter }: Received) =>
    queueMicrotask(() => {
      waiter.resolve(args[0])
      waiter.done()
    }),
}

/** Microseconds of CPU per call, with as many calls queued at once as there are to make. */
async function perCall(runners: number): Promise<number> {
  const { pool } = simulatedPool({ max: runners, min: runners }, prompt)
  await pool.ready()
  // Every runner has served before the clock starts.
  await Promise.all(Array.from({ length: Math.max(2_000, 2 * runners) }, (_, i) => pool.api.f(i)))
  global.gc?.()
  const before = process.cpuUsage()
  const all: Promise<unknown>[] = []
  for (let i = 0; i < calls; i++) all.push(pool.api.f(i))
  for (let i = 0; i < calls; i++) {
    if ((await all[i]) !== i) throw new Error(`call ${i} came to something else`)
  }
  const { user, system } = process.cpuUsage(before)
  await pool.close()
  return (user + system) / calls
}

/** Bytes of heap for each of `n` things that `make` makes. */
async function bytesEach(n: number, make: () => unknown): Promise<number> {
  global.gc?.()
  const before = process.memoryUsage().heapUsed
  const made = make()
  await new Promise(resolve => setImmediate(resolve))
  global.gc?.()
  const bytes = (process.memoryUsage().heapUsed - before) / n
  await made
  return bytes
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!

const times = new Map<number, number[]>(sizes.map(n => [n, []]))
const until = performance.now() + Number(values["at-least-seconds"]) * 1_000
let round = 0
for (; round < rounds || performance.now() < until; round++) {
  for (const n of sizes) times.get(n)!.push(await perCall(n)) // taking turns: a busy minute of the machine is everybody's
}
if (values.json) writeFileSync(values.json, JSON.stringify({ calls, times: Object.fromEntries(times) }))
console.log(`${calls} calls queued at once, ${round} rounds, medians`)
console.log(`runners  us CPU per call  relative to the fewest (bar ${BARS.ratio})`)
const first = median(times.get(sizes[0]!)!)
let missed = false
for (const n of sizes) {
  const us = median(times.get(n)!)
  const ratio = us / first
  if (us > BARS.us || ratio > BARS.ratio) missed = true
  console.log(`${String(n).padStart(7)}  ${us.toFixed(2).padStart(15)}  ${ratio.toFixed(2)}`)
}

if (!values.cost) await weigh()

/** What a queued call and an idle runner weigh. */
async function weigh(): Promise<void> {
  const silent = { boot() {}, received() {} }
  const { pool: full } = simulatedPool({ max: 1 }, silent)
  const queued: Promise<unknown>[] = []
  const perQueued = await bytesEach(100_000, () => {
    for (let i = 0; i < 100_000; i++) queued.push(full.api.f(i).catch(() => {}))
  })
  await full.close({ timeout: 0 })
  await Promise.all(queued)
  const { pool: big } = simulatedPool({ max: 10_000, idleShutdownAfter: "infinity" }, prompt)
  const perRunner = await bytesEach(10_000, () => big.scale({ min: 10_000 }))
  await big.close()
  console.log(`heap per queued call ${Math.round(perQueued)} bytes, its promise and a catch() included`)
  console.log(
    `heap per idle runner ${Math.round(perRunner)} bytes, of the pool's own and the simulation's; connections come on top`,
  )
}
if (missed && !values.json) process.exitCode = 1
console.log(missed ? "bars missed" : `all bars met: ${BARS.us} us and ${BARS.ratio}x at most`)
