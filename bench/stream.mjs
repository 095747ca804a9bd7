/**
 * Streams between the parent and a local runner, both directions: items per second of small items, bytes per second of
 * arrays of 1 MiB; and beside it one call per item, which is what a stream without flow control ahead would cost. Rounds are
 * interleaved, medians are printed. `BASE=<a checkout of another version, built>` measures that one in the same rounds.
 */
import { readFileSync } from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"

const ROUNDS = Number(process.argv[2] ?? 5)
const SMALL = 100_000
const CALLS = 5_000
const LARGE = 64
const MIB = 2 ** 20

const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

async function* some(count, value) {
  for (let i = 0; i < count; i++) yield value ?? i
}

async function drain(stream) {
  let items = 0
  for await (const _ of stream) items += 1
  return items
}

/** What is measured: how many units, and how they are moved. */
const loads = {
  "numbers from the runner, items/s": [SMALL, async api => drain(await api.numbers(SMALL))],
  "rows from the runner, items/s": [SMALL / 5, async api => drain(await api.rows(SMALL / 5))],
  "numbers to the runner, items/s": [SMALL, api => api.consume(some(SMALL))],
  "one call per number, items/s": [
    CALLS,
    async api => {
      for (let i = 0; i < CALLS; i++) await api.consume([])
    },
  ],
  "1 MiB arrays from the runner, MiB/s": [LARGE, async api => drain(await api.arrays(LARGE, MIB / 8))],
  "1 MiB arrays to the runner, MiB/s": [LARGE, api => api.consume(some(LARGE, new Float64Array(MIB / 8).fill(1 / 3)))],
}

const versions = { this: "slurm-flame" }
if (process.env.BASE) versions.base = pathToFileURL(path.resolve(process.env.BASE, "dist/index.js")).href
const pools = {}
const apis = {}
for (const [name, specifier] of Object.entries(versions)) {
  const { createPool } = await import(specifier)
  pools[name] = createPool({ module: new URL("./modules/streams.mjs", import.meta.url), max: 1 })
  apis[name] = (await pools[name].spawn()).api
}
const load = readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0]
console.log(`node ${process.version}, load ${load}, ${ROUNDS} rounds, interleaved, over TLS 1.3`)
for (const [what, [units, move]] of Object.entries(loads)) {
  const rates = Object.fromEntries(Object.keys(apis).map(name => [name, []]))
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, api] of Object.entries(apis)) {
      const start = performance.now()
      await move(api)
      if (round >= 0) rates[name].push((units / (performance.now() - start)) * 1_000)
    }
  }
  const line = Object.entries(rates).map(([name, values]) => `${name} ${median(values).toFixed(0)}`)
  if (rates.base) line.push(`(${median(rates.this.map((rate, i) => rate / rates.base[i])).toFixed(1)}x)`)
  console.log(`${what.padEnd(36)} ${line.join("   ")}`)
}
await Promise.all(Object.values(pools).map(pool => pool.close()))
