/**
 * What calls at a fixed rate cost the calling process: its CPU time beyond that of the same loop without a call, and how late its event
 * loop is meanwhile. Owns the loop; which call it is, its client says.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setTimeout as delay } from "node:timers/promises"
import type { Client } from "../client.ts"

/** Of one slice. */
export interface CpuSlice {
  /** Calls that were answered, and the time they were spread over. */
  readonly calls: number
  readonly seconds: number
  /** Of this process, in ms: with the calls, and as long without them. */
  readonly cpuMs: number
  readonly idleCpuMs: number
  /** How much later than it was due a timer fired while calls were made; ms. */
  readonly delayP99Ms: number
  /** Timers that it was taken of. */
  readonly delays: number
}

/** The loop wakes up so often; what has become due since is done then. */
const TICK_MS = 2
/** Of the watch over the loop, in ms: below it nothing can be told. */
const RESOLUTION_MS = 1
/** So many calls may be on their way: a subject that falls behind is not to be buried. */
const MOST_OPEN = 5_000

/**
 * @param options.rate calls a second @param options.ms of each of the three phases: without calls, with them, with them and watched
 */
export async function cpu(client: Client, { rate, ms }: { rate: number; ms: number }): Promise<CpuSlice> {
  const call = async (n: number) => {
    const sum = await client.add(n, 1)
    if (sum !== n + 1) throw new Error(`${n} + 1 came back as ${sum}`)
  }
  const idle = await phase(0, ms, async () => {})
  const busy = await phase(rate, ms, call)
  const watch = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  watch.enable() // costs CPU itself: a phase of its own
  await phase(rate, ms, call)
  watch.disable()
  const delayP99Ms = Math.max(0, watch.percentile(99) / 1e6 - RESOLUTION_MS)
  return {
    calls: busy.calls,
    seconds: busy.seconds,
    cpuMs: busy.cpuMs,
    idleCpuMs: idle.cpuMs,
    delayP99Ms,
    delays: watch.count,
  }
}

async function phase(
  rate: number,
  ms: number,
  call: (n: number) => Promise<void>,
): Promise<{ calls: number; seconds: number; cpuMs: number }> {
  const open = new Set<Promise<unknown>>()
  let failure: unknown
  let calls = 0
  const before = process.cpuUsage()
  const began = performance.now()
  for (let now = began; now - began < ms; now = performance.now()) {
    const due = Math.floor(((now - began) * rate) / 1_000)
    while (calls < due && open.size < MOST_OPEN) {
      calls += 1
      const one = call(calls)
        .catch(error => {
          failure ??= error
        })
        .finally(() => open.delete(one))
      open.add(one)
    }
    if (failure !== undefined) throw failure
    await delay(TICK_MS)
  }
  await Promise.all(open)
  if (failure !== undefined) throw failure
  const { user, system } = process.cpuUsage(before)
  return { calls, seconds: (performance.now() - began) / 1_000, cpuMs: (user + system) / 1_000 }
}
