/**
 * What idle runners cost their parent: CPU, memory, and how long its event loop is held up. Each count of runners gets a parent
 * process of its own (idle/parent.mjs), with a real pool and real sockets; the runners' processes are played by one other process
 * (idle/crowd.ts). A parent without a runner is measured beside it, and subtracted.
 *
 * `npm run bench -- idle [--runners 0,10,100,1000] [--seconds 60] [--heartbeat 5000] [--plain]`
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { build } from "esbuild"
import { limit } from "./check/bars.mjs"

/** One core, of which a parent with 1,000 idle runners may use so much. */
const BAR = { runners: 1_000, percent: limit("idle/1000").atMost }

/** How long the event loop is watched for what holds it up. */
const WATCH_SECONDS = 20

const { values: options } = parseArgs({
  options: {
    runners: { type: "string", default: "10,100,1000" },
    seconds: { type: "string", default: "60" },
    heartbeat: { type: "string", default: "5000" },
    plain: { type: "boolean", default: false },
  },
})

const cache = fileURLToPath(new URL("../.cache/bench/", import.meta.url))
mkdirSync(cache, { recursive: true })
const crowd = `${cache}crowd.mjs`
await build({
  entryPoints: [fileURLToPath(new URL("idle/crowd.ts", import.meta.url))],
  outfile: crowd,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  logLevel: "error",
})

async function measure(runners) {
  const child = fork(new URL("idle/parent.mjs", import.meta.url), { execArgv: ["--expose-gc"] })
  const { seconds, heartbeat, plain } = options
  child.send({
    runners,
    crowd,
    seconds: [Number(seconds)],
    heartbeat: Number(heartbeat),
    tls: !plain,
    watchSeconds: WATCH_SECONDS,
  })
  const [figures] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the parent of ${runners} runners ended: ${code}`))),
  ])
  await once(child, "exit")
  return { ...figures, ...figures.slices[0] }
}

const load = () => readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0]
const { seconds, heartbeat, plain } = options
console.log(
  `node ${process.version}, load ${load()}; ${seconds} s of idleness each, heartbeat ${heartbeat} ms, ${plain ? "no TLS" : "TLS"}`,
)
const none = await measure(0)
const perSecond = (ms, figures) => ms / figures.seconds
console.log(
  `no runner: ${(perSecond(none.cpuMs, none) / 10).toFixed(3)} % of a core, RSS ${none.rssMiB.toFixed(1)} MiB`,
)
for (const runners of options.runners.split(",").map(Number)) {
  const figures = await measure(runners)
  const percent = (perSecond(figures.cpuMs, figures) - perSecond(none.cpuMs, none)) / 10
  const kib = name => (((figures[name] - none[name]) * 1_024) / runners).toFixed(1)
  const verdict =
    runners !== BAR.runners
      ? ""
      : percent <= BAR.percent
        ? `  (bar: ${BAR.percent} %)`
        : `  MISSES the bar of ${BAR.percent} %`
  console.log(`${runners} idle runners, up after ${(figures.upMs / 1_000).toFixed(1)} s:`)
  console.log(`  CPU beyond none:    ${percent.toFixed(3)} % of a core${verdict}`)
  console.log(`  memory per runner:  RSS ${kib("rssMiB")} KiB, of which JavaScript heap ${kib("heapMiB")} KiB`)
  console.log(
    `  event loop held up: longest ${figures.stallMs.toFixed(1)} ms, 99.9 % below ${figures.oftenMs.toFixed(1)} ms in ${WATCH_SECONDS} s after that`,
  )
  if (verdict.includes("MISSES")) process.exitCode = 1
}
