/**
 * Small calls that come at fixed times, whether or not those before have ended, as those of many users do. A loop that waits for an answer
 * makes no calls while there is none, and so leaves out just those that would have waited longest: here each counts from when it was due.
 */
import { setImmediate as breathe, setTimeout as sleep } from "node:timers/promises"
import type { Client } from "../client.ts"
import { type Sampled, sampled } from "../sampled.ts"

/** A timer may be late by this much: what is left of a wait is spent turning the event loop. */
const TIMER_MS = 2

/** `rate` calls a second for `ms` milliseconds, and until the last answer: microseconds from when a call was due to its answer. */
export async function openLoop(client: Client, { rate, ms }: { rate: number; ms: number }): Promise<Sampled> {
  const gap = 1_000 / rate
  const wanted = Math.max(1, Math.floor(ms / gap))
  const times = new Float64Array(wanted)
  const answers: Promise<void>[] = []
  let failed: Error | undefined
  const start = performance.now()
  const call = async (i: number) => {
    const due = start + i * gap
    try {
      await client.add(i, 1)
    } catch (error) {
      failed ??= error instanceof Error ? error : new Error(String(error))
    }
    times[i] = Math.max(0, performance.now() - due) * 1_000
  }
  for (let i = 0; i < wanted && !failed; ) {
    // All that are due by now, those that are late too.
    for (const now = performance.now(); i < wanted && start + i * gap <= now; i++) answers.push(call(i))
    const left = start + i * gap - performance.now()
    if (left > TIMER_MS) await sleep(left - TIMER_MS)
    else await breathe()
  }
  await Promise.all(answers)
  if (failed) throw failed
  return sampled(times)
}
