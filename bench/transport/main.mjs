/**
 * `npm run bench -- transport [--quick] [--only small,flight,bulk,hol,rows] [--rounds N] [--json FILE]`
 *
 * slurm-flame's transport against raw ws and raw TCP on this machine. Each peer is a client and a server process of its own;
 * slices are interleaved, and what counts are ratios of slices of the same round: absolute figures are this machine's and this
 * minute's. Prints each row with its bar, and writes everything, samples included, as JSON.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { availableParallelism, cpus, loadavg } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { bulk } from "./groups/bulk.mjs"
import { flight } from "./groups/flight.mjs"
import { hol } from "./groups/hol.mjs"
import { rows } from "./groups/rows.mjs"
import { small } from "./groups/small.mjs"
import { readOptions } from "./options.mjs"
import { features } from "./peers.mjs"
import { table } from "./table.mjs"

const GROUPS = { small, flight, bulk, hol, rows }
const DEFAULT_JSON = fileURLToPath(new URL("../../.cache/bench/transport.json", import.meta.url))

function optionsOrExit() {
  try {
    return readOptions(process.argv.slice(2), Object.keys(GROUPS), DEFAULT_JSON)
  } catch (error) {
    console.error(`transport: ${error.message}`)
    process.exit(2)
  }
}

/** ws masks in C where it finds this package, and several times slower where not: raw ws figures depend on it. */
function hasBufferUtil() {
  try {
    createRequire(import.meta.resolve("ws")).resolve("bufferutil")
    return true
  } catch {
    return false
  }
}

const options = optionsOrExit()
const has = await features()
const about = {
  date: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  load: loadavg()[0],
  bufferutil: hasBufferUtil(),
  available: has,
}
console.log(
  `${about.date}  node ${about.node}  ${about.cpu}, ${about.cores} cores, load ${about.load.toFixed(2)}, bufferutil ${about.bufferutil ? "present" : "absent"}`,
)
console.log(
  "Ratios are medians of the slices of one round each; a call's are times (less is better), those of calls/s and GB/s are rates (more is better).",
)
const began = performance.now()
const groups = {}
for (const name of options.only) {
  const started = performance.now()
  groups[name] = await GROUPS[name]({ ...options, has })
  console.log(`\n${name} (${((performance.now() - started) / 1_000).toFixed(0)} s)`)
  for (const line of table(groups[name])) console.log(line)
}
const all = Object.values(groups).flat()
const count = word => all.filter(row => row.verdict.startsWith(word)).length
mkdirSync(path.dirname(path.resolve(options.json)), { recursive: true })
writeFileSync(options.json, JSON.stringify({ ...about, options, groups }, null, 1))
console.log(
  `\n${count("ok")} ok, ${count("MISS")} MISS, ${count("not available")} not available; load ${loadavg()[0].toFixed(2)} at the end; ${((performance.now() - began) / 1_000).toFixed(0)} s; ${path.relative(process.cwd(), options.json)}`,
)
