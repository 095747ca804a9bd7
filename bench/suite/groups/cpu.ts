/** What runners and calls cost the program that holds them: CPU time, memory, and how late its event loop is. Owns its rounds and its arithmetic. */
import { readFileSync } from "node:fs"
import { Asked } from "../asked.ts"
import type { Bench, Group, OpenSubject } from "../group.ts"
import { callFigures, idleFigures, runnersFor } from "../life/cpu-figures.ts"
import type { IdleWatch, IdleWindow } from "../life/idle-parent.ts"
import { nameOfOurs } from "../life/names.ts"
import { measureSlices } from "../measure.ts"
import type { Figure } from "../report.ts"
import { plan } from "../rounds.ts"
import type { CpuSlice } from "../works/cpu.ts"

const IDLE_PARENT = new URL("../life/idle-parent.js", import.meta.url)

/** An idle runner is pinged in every sixth interval: a window is all of them, so that each is pinged once. */
const IDLE_EVERY = 6
const IDLE = {
  quick: { runners: 100, heartbeatMs: 250, windows: 3, watchSeconds: 1.5, settleMs: 500 },
  full: { runners: 1_000, heartbeatMs: 2_000, windows: 3, watchSeconds: 5, settleMs: 3_000 },
}
const CALLS = { quick: { rate: 1_000, ms: 150 }, full: { rate: 1_000, ms: 200 } }
const ROUNDS = 7

const OPEN_MS = 180_000
const ASK_MS = 60_000

export const cpu: Group = {
  id: "cpu",
  title: "What the parent pays",
  how: "Idle runners: a program of its own holds a pool of 1,000 (100 with --quick), whose processes one other process plays with the runner's own classes and real sockets on this machine; a slice is the time in which each is pinged once, less what a program without a runner uses in the same time. Calls: the process that makes 1,000 small calls a second, open loop, less what the same loop without calls uses; CPU time of all its threads. Event-loop delay is how late a timer fires, in a time of its own.",
  async run(bench) {
    return [...(await idle(bench)), ...(await calls(bench))]
  },
}

function openFiles(): number | undefined {
  try {
    const hard = /Max open files\s+\S+\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
    return hard === undefined ? undefined : Number(hard) // Node raises its own limit to that
  } catch {
    return undefined // no Linux: it is tried
  }
}

async function idle(bench: Bench): Promise<Figure[]> {
  const { tls, quick } = bench.options
  const { runners: wanted, heartbeatMs, windows, watchSeconds, settleMs } = quick ? IDLE.quick : IDLE.full
  const runners = runnersFor(wanted, openFiles())
  bench.progress(`${runners} idle runners come up`)
  const programs: Asked[] = []
  const start = async (count: number) => {
    const program = new Asked(IDLE_PARENT, `the program with ${count} idle runners`)
    programs.push(program)
    await program.ask("open", { runners: count, heartbeatMs, tls }, OPEN_MS)
    return program
  }
  try {
    const [full, none] = await Promise.all([start(runners), start(0)])
    await new Promise(resolve => setTimeout(resolve, settleMs)) // what the boots left is collected
    const seconds = (heartbeatMs * IDLE_EVERY) / 1_000
    const both = <T>(ask: string, what: unknown) =>
      Promise.all([full, none].map(program => program.ask<T>(ask, what, ASK_MS))) as Promise<[T, T]>
    const slices: [IdleWindow, IdleWindow][] = []
    await both("window", { seconds: 0 }) // collects
    for (let i = 0; i < windows; i++) {
      bench.progress(`${runners} idle runners: window ${i + 1} of ${windows}`)
      slices.push(await both<IdleWindow>("window", { seconds }))
    }
    const [watched] = await both<IdleWatch>("watch", { seconds: Math.max(watchSeconds, seconds / 2) })
    return idleFigures(nameOfOurs(bench.options), runners, heartbeatMs, slices, watched)
  } catch (error) {
    bench.skip(nameOfOurs(bench.options), `idle runners: ${error instanceof Error ? error.message : String(error)}`)
    return []
  } finally {
    await Promise.all(programs.map(program => program.close()))
  }
}

async function calls(bench: Bench): Promise<Figure[]> {
  const how = bench.options.quick ? CALLS.quick : CALLS.full
  return await bench.with("all", async open => {
    const one = (subject: OpenSubject) => subject.work<CpuSlice>("cpu", how)
    const warm = await measureSlices(bench, open, done => done < 1, one, "warming up, which does not count")
    const ready = open.filter(({ name }) => warm.get(name)?.[0])
    const seconds = bench.options.secondsPerGroup / 2
    const slices = await measureSlices(bench, ready, plan(bench.options, { full: ROUNDS, seconds }), one, "calls")
    return callFigures(how.rate, slices, words => bench.warn(words))
  })
}
