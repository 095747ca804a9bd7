/**
 * `npm run bench:check -- [--brief] [--only groups] [--seconds N] [--json FILE] [--strict]`
 *
 * Holds what this project promised of its own speed (check/bars.mjs) against fresh measurements, and names each miss. A bar is met or missed
 * only where the whole interval of its median lies on one side; else it is within the noise. `--brief`: a minute and a half instead of
 * about three, without the bars that take longest. `--seconds`: for all groups together. `--strict`: a miss ends with 1.
 *
 * Exit status: 0, whatever was missed (1 with --strict); 1 when something could not be measured that should have been; 2 for a wrong option.
 */
import { writeFileSync } from "node:fs"
import { availableParallelism, cpus, loadavg } from "node:os"
import { parseArgs } from "node:util"
import { BARS } from "./check/bars.mjs"
import { budget } from "./check/budget.mjs"
import { GROUPS } from "./check/groups.mjs"
import { remarks, table, totals } from "./check/text.mjs"
import { judge } from "./check/verdict.mjs"

const USAGE = `usage: npm run bench:check -- [--brief] [--only ${Object.keys(GROUPS).join(",")}]
         [--seconds N] [--json FILE] [--strict]
  --brief      a minute and a half instead of about three, without the bars that take longest
  --only       these groups of bars alone
  --seconds    for all groups together
  --json       every bar with its samples
  --strict     a miss ends with 1
  Exit code: 0 whatever was missed; 1 something could not be measured, or a miss with --strict; 2 a wrong option`

const LATE = "no time was left for it"

/** @throws Error for an unknown option or group, or seconds that are none */
function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      brief: { type: "boolean", default: false },
      only: { type: "string" },
      seconds: { type: "string" },
      json: { type: "string" },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const { brief, strict, json } = values
  const unknown = values.only?.split(",").filter(name => !(name in GROUPS)) ?? []
  if (unknown.length > 0) {
    throw new Error(`--only: no group ${unknown.join(", ")}; there are ${Object.keys(GROUPS).join(", ")}`)
  }
  const weigh = name => GROUPS[name][brief ? "brief" : "full"]
  const only = values.only?.split(",") ?? Object.keys(GROUPS).filter(name => weigh(name) > 0)
  const slow = only.filter(name => weigh(name) === 0)
  if (slow.length > 0) throw new Error(`--only ${slow.join(", ")}: takes too long for --brief`)
  const weights = Object.fromEntries(
    Object.keys(GROUPS).flatMap(name => (only.includes(name) ? [[name, weigh(name)]] : [])),
  )
  const seconds = Number(values.seconds ?? Object.values(weights).reduce((a, b) => a + b))
  if (!(seconds > 0)) throw new Error(`--seconds: "${values.seconds}" is not a number of seconds`)
  return { brief, strict, json, only: values.only, weights, seconds }
}

/** The samples of a group's bars, or why there are none. */
async function measure(group, time, brief) {
  if (time.over()) return { why: LATE }
  try {
    return { samples: await GROUPS[group].measure({ share: time.of(group), brief }) }
  } catch (error) {
    console.error(`${group}: ${error.stack}`)
    return { why: error.message.split("\n", 1)[0], broken: true }
  }
}

let options
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  console.error(`bench:check: ${error.message}`)
  process.exit(2)
}
const { brief, strict, json, weights, seconds } = options
const began = performance.now()
const about = {
  date: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  load: loadavg()[0],
}
console.log(
  `${about.date}  node ${about.node}  ${about.cpu}, ${about.cores} cores, load ${about.load.toFixed(2)}; about ${Math.round(seconds)} s, longer on a busy machine`,
)
const time = budget(weights, seconds)
const judged = []
const wanted = BARS.filter(bar => bar.group in weights && (bar.brief || !brief))
let broken = false

// Whoever has no more time for this still gets what is known so far.
process.on("SIGTERM", () => {
  const rest = wanted.filter(bar => !judged.some(({ id }) => id === bar.id))
  for (const bar of rest) judged.push({ ...bar, ...judge(bar, undefined, "cut off by SIGTERM") })
  tell()
  process.exit(1)
})

for (const group of Object.keys(weights)) {
  const started = performance.now()
  const found = await measure(group, time, brief)
  broken ||= found.broken === true
  for (const bar of wanted.filter(bar => bar.group === group)) {
    const samples = found.samples?.[bar.id]
    // A group that forgets one of its bars is as broken as one that ends.
    if (found.samples && samples === undefined) broken = true
    judged.push({ ...bar, ...judge(bar, samples, found.why ?? (time.over() ? LATE : undefined)), samples })
  }
  console.log(`${group}: ${((performance.now() - started) / 1_000).toFixed(0)} s`)
}
tell()
if (broken || (strict && judged.some(({ verdict }) => verdict === "MISS"))) process.exitCode = 1

function tell() {
  const load = loadavg()[0]
  for (const line of ["", ...table(judged), ""]) console.log(line)
  // The check itself keeps one or two processes busy for each core.
  if (Math.max(about.load, load) > 2 * about.cores) {
    console.log(
      `The machine had other work (load ${about.load.toFixed(1)} before, ${load.toFixed(1)} after, ${about.cores} cores): a miss proves little. Again when it is quiet.`,
    )
  }
  for (const line of remarks(judged)) console.log(line)
  const left = BARS.length - judged.length
  const more = left === 0 ? "" : `; ${left} more bars are held without ${options.only ? "--only" : "--brief"}`
  console.log(`bench:check: ${totals(judged)}${more}; ${((performance.now() - began) / 1_000).toFixed(0)} s`)
  if (json) writeFileSync(json, JSON.stringify({ ...about, loadAfter: load, brief, seconds, bars: judged }, null, 1))
}
