/**
 * Small calls that are due at fixed times, whether or not those before have ended. A loop that waits for an answer makes no calls while
 * there is none, and so leaves out just those that would have waited longest: here each counts from when it was due.
 */
import { setImmediate as breathe, setTimeout as sleep } from "node:timers/promises"
import type { Client } from "../client.ts"

/** A timer may be late by this much: what is left of a wait is spent turning the event loop. */
const TIMER_MS = 2

/**
 * A call every `gapMs` milliseconds, the first at once, as long as there is to be one more; of those that were due, none is left out for being late.
 * @param more whether there is a call that was due `at` (as `performance.now()`), when so many were begun before it
 * @param spin turn the event loop for the rest of a wait that a timer is too coarse for, and so be busy all the time when the gap is short.
 *   Default: false, and a call may be begun a millisecond late, which it counts
 * @returns microseconds from when each was due to its answer, when all have ended
 * @throws Error what the first call that failed threw, or that a sum was wrong, when all have ended
 */
export async function callsAtTimes(
  client: Client,
  gapMs: number,
  more: (calls: number, at: number) => boolean,
  { spin = false }: { readonly spin?: boolean } = {},
): Promise<Float64Array> {
  const times: number[] = []
  const answers: Promise<void>[] = []
  let failed: Error | undefined
  const start = performance.now()
  const dueAt = (i: number) => start + i * gapMs
  const call = async (i: number) => {
    try {
      const sum = await client.add(i, 1)
      if (sum !== i + 1) throw new Error(`${i} + 1 came back as ${sum}`)
    } catch (error) {
      failed ??= error instanceof Error ? error : new Error(String(error))
    }
    times[i] = Math.max(0, performance.now() - dueAt(i)) * 1_000
  }
  for (let i = 0; !failed && more(i, dueAt(i)); ) {
    // All that are due by now, those that are late too.
    for (const now = performance.now(); dueAt(i) <= now && more(i, dueAt(i)); i++) answers.push(call(i))
    const left = dueAt(i) - performance.now()
    const timer = spin ? left - TIMER_MS : left
    if (timer > 0) await sleep(timer)
    else await breathe()
  }
  await Promise.all(answers)
  if (failed) throw failed
  return Float64Array.from(times)
}
