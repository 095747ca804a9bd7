/**
 * `npm run bench:shaped -- [options]`: the suite on the project's cluster (scripts/cluster.sh up) over wires of different latency, and how
 * the ratios move. Owns the order of shapes and what is left behind: nothing. As root, as the cluster.
 */
import { spawn, spawnSync } from "node:child_process"
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { asUser, installApp, USER } from "./shaped/app.mjs"
import { movement, movementLines } from "./shaped/movement.mjs"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const CLUSTER = path.join(ROOT, "scripts/cluster.sh")
const USAGE = `usage: npm run bench:shaped -- [--delays none,0us,25us,100us,1ms] [--rates none] [--only small,rate,bandwidth]
         [--subjects "slurm-flame,raw TCP,raw ws"] [--seconds-per-group 5] [--json FILE]
  none is the wire as it is; each delay is measured with each rate (1gbit). The cluster must be up: scripts/cluster.sh up, as root.
  Exit code: 0 fine; 1 a shape could not be measured, or it was ended by a signal; 2 a wrong option, or no cluster`

const { values: given } = readArguments()
if (given.help) {
  console.log(USAGE)
  process.exit(0)
}
const shapes = list(given.rates).flatMap(rate => list(given.delays).map(delay => ({ delay, rate })))
if (cluster("status").status !== 0) stop("the cluster is down: sudo bash scripts/cluster.sh up")

let current
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    if (current === undefined) process.exit(1)
    current.kill(signal)
    process.exitCode = 1
  })
}
const { app, cli, job, node } = installApp(ROOT)
const runs = []
try {
  for (const { delay, rate } of shapes) {
    if (process.exitCode) break
    const words = setShape(delay, rate)
    console.error(`── ${words ?? "the wire as it is"} ──`)
    const report = await measure(words)
    if (report !== undefined)
      runs.push({ shape: [delay, rate].filter(one => one !== "none").join(" ") || "none", report })
  }
} finally {
  cluster("shape", "off")
  rmSync(app, { recursive: true, force: true })
}
if (runs.length > 0) {
  console.log("one-way delay (and rate) put on the wire; ratios are of the same rounds, medians of slices")
  for (const line of movementLines(runs)) console.log(line)
}
if (given.json !== undefined)
  writeFileSync(given.json, `${JSON.stringify({ movement: movement(runs), runs }, null, 1)}\n`)
if (runs.length < shapes.length) process.exitCode = 1

/** @returns the words for the report; undefined for the wire as it is */
function setShape(delay, rate) {
  const args = [...(delay === "none" ? [] : ["--delay", delay]), ...(rate === "none" ? [] : ["--rate", rate])]
  const { status, stdout, stderr } = cluster("shape", ...(args.length === 0 ? ["off"] : ["ib0", ...args]))
  if (status !== 0) stop(`cluster.sh shape ${args.join(" ")}: ${stderr}`)
  return args.length === 0 ? undefined : stdout.trim().replace(/^shape: /, "")
}

/** The suite as the user. Its table goes to stderr: stdout is for ours. */
async function measure(words) {
  const out = mkdtempSync(path.join(app, "report-"))
  const { uid, gid } = statSync(app)
  chownSync(out, uid, gid)
  const json = path.join(out, "report.json")
  const bench = [
    "bench",
    "--quick",
    "--slurm-job",
    job,
    "--only",
    given.only,
    "--subjects",
    given.subjects,
    "--json",
    json,
  ]
  bench.push("--seconds-per-group", given["seconds-per-group"], ...(words === undefined ? [] : ["--shaping", words]))
  const [file, ...args] = [...asUser, node, cli, ...bench]
  const PATH = `${path.dirname(node)}:/usr/local/bin:/usr/bin:/bin`
  const env = { PATH, HOME: `/home/${USER}`, USER, LOGNAME: USER, LANG: "C.UTF-8" }
  current = spawn(file, args, { cwd: app, env, stdio: ["ignore", process.stderr, process.stderr] })
  const code = await new Promise((resolve, reject) => current.once("error", reject).once("close", resolve))
  current = undefined
  if (code !== 0) {
    console.error(`the suite ended with code ${code}; ${words ?? "the wire as it is"} is not in the table`)
    return undefined
  }
  return JSON.parse(readFileSync(json, "utf8"))
}

function cluster(...args) {
  return spawnSync("bash", [CLUSTER, ...args], { encoding: "utf8" })
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        delays: { type: "string", default: "none,0us,25us,100us,1ms" },
        rates: { type: "string", default: "none" },
        only: { type: "string", default: "small,rate,bandwidth" },
        subjects: { type: "string", default: "slurm-flame,raw TCP,raw ws" },
        "seconds-per-group": { type: "string", default: "5" },
        json: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    })
  } catch (error) {
    return stop(`${error.message}\n${USAGE}`)
  }
}

function list(text) {
  return text.split(",").map(part => part.trim())
}

function stop(words) {
  console.error(words)
  process.exit(2)
}
