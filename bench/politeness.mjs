/**
 * How often a program asks the controller: calls of sbatch, squeue, scancel and scontrol per minute, counted by wrappers that come first
 * on PATH. First with every job pending (on the machine's own Slurm with `--real`, jobs that may not begin for an hour; else on a fake one),
 * then with every runner up, whose processes are played by one other process (a fake Slurm "runs" their jobs).
 *
 * `npm run bench -- politeness [--jobs 1,100,1000] [--minutes 10] [--idle 60] [--real]`
 */
import { execFileSync, fork } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { build } from "esbuild"

const PROGRAMS = ["sbatch", "squeue", "scancel", "scontrol"]
const { values: options } = parseArgs({
  options: {
    jobs: { type: "string", default: "1,100,1000" },
    minutes: { type: "string", default: "10" },
    idle: { type: "string", default: "60" },
    real: { type: "boolean", default: false },
  },
})
const sizes = options.jobs.split(",").map(Number)
const minutes = Number(options.minutes)

const cache = fileURLToPath(new URL("../.cache/bench/", import.meta.url))
mkdirSync(cache, { recursive: true })
const crowdFile = `${cache}politeness-crowd.mjs`
await build({
  entryPoints: [fileURLToPath(new URL("politeness/crowd.ts", import.meta.url))],
  outfile: crowdFile,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  logLevel: "error",
})

/** A place where calls are counted. `real`: the machine's own commands do the work. */
function desk(real, state) {
  const root = mkdtempSync(join(tmpdir(), "slurm-flame-bench-"))
  chmodSync(root, 0o755)
  for (const name of ["bin", "jobs", "spool"]) mkdirSync(join(root, name))
  writeFileSync(join(root, "state"), state)
  writeFileSync(join(root, "book"), "")
  const fake = fileURLToPath(new URL("politeness/fake-slurm.mjs", import.meta.url))
  for (const program of PROGRAMS) {
    const command = real
      ? execFileSync("sh", ["-c", `command -v ${program}`])
          .toString()
          .trim()
      : `${process.execPath} ${fake} ${program}`
    const script = `#!/bin/sh\necho ${program} >>${root}/book\nexec ${command} "$@"\n`
    writeFileSync(join(root, "bin", program), script, { mode: 0o755 })
  }
  let read = 0
  /** Calls since the last time, and which. */
  const count = () => {
    const lines = readFileSync(join(root, "book"), "utf8").split("\n").filter(Boolean)
    const calls = lines.slice(read)
    read = lines.length
    const parts = PROGRAMS.map(name => [name, calls.filter(line => line === name).length]).filter(([, n]) => n > 0)
    return { total: calls.length, text: parts.map(([name, n]) => `${n} ${name}`).join(", ") || "none" }
  }
  const env = {
    ...process.env,
    BENCH_SLURM: root,
    PATH: `${join(root, "bin")}:${process.env.PATH}`,
    SLURM_FLAME_HOST: "127.0.0.1",
    XDG_STATE_HOME: root,
  }
  return {
    root,
    env,
    count,
    state: word => writeFileSync(join(root, "state"), word),
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

function program(runners, slurm, { env }) {
  const child = fork(new URL("politeness/parent.mjs", import.meta.url), { env })
  child.send({ runners, options: slurm })
  const said = async word => {
    for (;;) {
      const [message] = await Promise.race([
        once(child, "message"),
        once(child, "exit").then(([code]) =>
          Promise.reject(new Error(`the parent of ${runners} runners ended: ${code}`)),
        ),
      ])
      if (message === word) return
    }
  }
  return { child, said }
}

/** Every job waits, from its submission until the pool is closed. */
async function pending(runners, slurm, name) {
  const place = desk(options.real, "PENDING")
  // Not before an hour from now: to Slurm that is a reason like any other.
  const { child, said } = program(runners, options.real ? { ...slurm, sbatch: { begin: "now+1hour" } } : slurm, place)
  const rows = []
  for (let minute = 1; minute <= minutes; minute++) {
    await delay(60_000)
    const { total, text } = place.count()
    rows.push(minute === 1 ? `minute 1: ${total} (${text})` : total)
  }
  child.send("close")
  await said("closed")
  const { total, text } = place.count()
  place.remove()
  return `${name}, all pending: ${rows.join(", ")}; close: ${total} (${text})`
}

/** Every job runs at once, and its runner serves until the pool is closed. */
async function running(runners) {
  const place = desk(false, "RUNNING")
  const crowd = fork(crowdFile, [join(place.root, "spool")])
  const started = performance.now()
  const { child, said } = program(runners, {}, place)
  await said("ready")
  const upS = (performance.now() - started) / 1_000
  await delay(5_000) // the last of them are looked at once more
  const boot = place.count()
  await delay(Number(options.idle) * 1_000)
  const idle = place.count()
  place.state("COMPLETED") // as soon as they have said goodbye
  child.send("close")
  await said("closed")
  const close = place.count()
  crowd.disconnect()
  await once(crowd, "exit")
  place.remove()
  return `${runners} running: until all are up (${upS.toFixed(1)} s): ${boot.total} (${boot.text}); ${options.idle} s of running: ${idle.total}; close: ${close.total} (${close.text})`
}

const load = () => readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0]
console.log(
  `node ${process.version}, load ${load()}, ${options.real ? "the machine's own Slurm" : "a fake Slurm"} for pending jobs`,
)
const asked = sizes.map(size => pending(size, {}, `${size} wanted`))
// The default limit on pending jobs keeps most of the largest in the program: once more without it.
const most = Math.max(...sizes)
if (most > 100) asked.push(pending(most, { maxPending: most }, `${most} wanted, maxPending: ${most}`))
for (const size of sizes) console.log(await running(size))
for (const line of asked) console.log(await line)
