/** What 1,000 idle runners cost their parent, beyond what a parent without a runner costs itself. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { bundle } from "../program.mjs"

/** One heartbeat. Runners have their pings in different ones, so that each stands for all. */
const SLICE_SECONDS = 5
const SLICES = 7

export async function idle() {
  const crowd = await bundle("crowd", new URL("../../idle/crowd.ts", import.meta.url))
  // Both at once: neither does anything.
  const [none, many] = await Promise.all([measure(0, crowd), measure(1_000, crowd)])
  return { "idle/1000": many.map((percent, i) => percent - none[i]) }
}

/** Percents of a core, one for each slice. */
async function measure(runners, crowd) {
  const child = fork(new URL("../../idle/parent.mjs", import.meta.url), { execArgv: ["--expose-gc"] })
  const seconds = Array(SLICES).fill(SLICE_SECONDS)
  child.send({ runners, crowd, seconds, heartbeat: SLICE_SECONDS * 1_000, tls: true, watchSeconds: 0 })
  const [figures] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the parent of ${runners} runners ended: ${code}`))),
  ])
  await once(child, "exit")
  return figures.slices.map(({ cpuMs, seconds }) => cpuMs / seconds / 10)
}
