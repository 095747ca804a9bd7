/** Small calls at a fixed rate, an open loop: how long they take from when they were due. */
import type { Client } from "../client.ts"
import { type Sampled, sampled } from "../sampled.ts"
import { callsAtTimes } from "./due.ts"

export interface OpenLoop extends Sampled {
  /** How long after the last call was due all had ended: a subject that cannot keep up is later the longer it lasts. */
  readonly lateMs: number
}

/** `rate` evenly spaced calls a second for `ms` milliseconds, and until the last answer. */
export async function openLoop(client: Client, { rate, ms }: { rate: number; ms: number }): Promise<OpenLoop> {
  const gap = 1_000 / rate
  const wanted = Math.max(1, Math.floor(ms / gap))
  const start = performance.now()
  const times = await callsAtTimes(client, gap, calls => calls < wanted, { spin: true })
  const lateMs = Math.max(0, performance.now() - start - (wanted - 1) * gap)
  return { ...sampled(times), lateMs }
}
