/**
 * A program with a pool of idle runners, whose processes another one plays (the crowd). A process of its own: what it uses, the runners
 * cost. Answers `window` and `watch`; ends with its channel.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setTimeout as delay } from "node:timers/promises"
import v8 from "node:v8"
import vm from "node:vm"
import { type Backend, createPool, type Job, type JobStatus, type Pool, type RunnerSpec } from "slurm-flame"
import type { Answer, Question } from "../asked.ts"

export interface CrowdOptions {
  readonly runners: number
  readonly heartbeatMs: number
  readonly tls: boolean
}

/** What the process used in a time in which nothing happened. */
export interface IdleWindow {
  readonly seconds: number
  readonly cpuMs: number
  /** After a collection of garbage, at the end. */
  readonly rssMiB: number
}

/** How late timers fired, in ms. */
export interface IdleWatch {
  readonly p99Ms: number
  readonly maxMs: number
  readonly samples: number
}

const CROWD = new URL("../crowd.js", import.meta.url)
const MODULE = new URL("../modules/lived.js", import.meta.url)
const RESOLUTION_MS = 5
const BOOT_TIMEOUT = "2m"

v8.setFlagsFromString("--expose-gc")
const collect = vm.runInNewContext("gc") as () => void

let crowd: ChildProcess | undefined
let pool: Pool<Record<string, unknown>> | undefined
let wanted = 0

/** A job whose processes are two connections of the crowd's; it ends with this program. */
class CrowdJob implements Job {
  readonly status: JobStatus = { state: "running" }
  readonly id: string
  constructor(id: string) {
    this.id = id
  }
  onStatus = () => () => {}
  ask = async () => this.status
  attend = () => {}
  ended = () => new Promise<never>(() => {})
  cancel = async () => {}
  stderrTail = async () => ""
}

function crowdBackend(process: ChildProcess): Backend {
  return {
    name: "crowd",
    network: "loopback",
    validate() {},
    cancelSync() {},
    async submit({ runnerId, secretEnv }: RunnerSpec) {
      for (const boot of Object.values(secretEnv)) process.send(boot)
      return new CrowdJob(`crowd-${runnerId}`)
    },
  }
}

const QUESTIONS: Record<string, (what: any) => Promise<unknown>> = {
  /** Until all of them are up. */
  async open({ runners, heartbeatMs, tls }: CrowdOptions) {
    wanted = runners
    const player = fork(CROWD, { stdio: ["ignore", "inherit", "inherit", "ipc"] })
    crowd = player
    const ended = once(player, "exit").then(([code]) => Promise.reject(new Error(`the crowd ended: ${code}`)))
    ended.catch(() => {}) // told where somebody waits
    const made = createPool<Record<string, unknown>>({
      module: MODULE,
      name: "bench-crowd",
      backend: crowdBackend(player),
      min: runners,
      max: Math.max(1, runners),
      heartbeat: heartbeatMs,
      bootTimeout: BOOT_TIMEOUT,
      ...(tls ? {} : { tls: false }),
    })
    pool = made
    await Promise.race([made.ready(), ended])
  },
  async window({ seconds }: { seconds: number }): Promise<IdleWindow> {
    const before = process.cpuUsage()
    const began = performance.now()
    await delay(seconds * 1_000)
    const { user, system } = process.cpuUsage(before)
    const lasted = (performance.now() - began) / 1_000
    collect()
    allUp()
    return { seconds: lasted, cpuMs: (user + system) / 1_000, rssMiB: process.memoryUsage.rss() / 1_024 / 1_024 }
  },
  async watch({ seconds }: { seconds: number }): Promise<IdleWatch> {
    collect()
    const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    delays.enable()
    await delay(seconds * 1_000)
    delays.disable()
    allUp()
    const late = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS)
    return { p99Ms: late(delays.percentile(99)), maxMs: late(delays.max), samples: delays.count }
  },
}

/** What was measured was measured with all of them, or not at all. */
function allUp(): void {
  const up = pool?.stats().runners.filter(({ state }) => state === "ready").length ?? 0
  if (up !== wanted) throw new Error(`${up} of ${wanted} idle runners are up`)
}

process.on("message", async ({ id, ask, with: what }: Question) => {
  const send = (answer: Answer) => process.send?.(answer, undefined, undefined, () => undefined)
  try {
    send({ id, result: await QUESTIONS[ask]!(what) })
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    send({ id, error: { message, stack } })
  }
})

// The suite is done, or gone. Nothing here is worth an orderly end: the runners are played.
process.on("disconnect", () => {
  crowd?.kill("SIGKILL")
  process.exit()
})
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined)
