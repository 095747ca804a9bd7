/** Bytes there and back, one message at a time. */
import type { Client } from "../client.ts"
import { type Sampled, sampled } from "../sampled.ts"
import { payload } from "./payload.ts"

const MOST = 100_000

/** Echoes of `bytes` for `ms` milliseconds, one at least: microseconds of each. */
export async function sized(client: Client, { bytes, ms }: { bytes: number; ms: number }): Promise<Sampled> {
  if (!client.echo) throw new Error("it echoes no bytes")
  const message = payload(bytes)
  const times = new Float64Array(MOST)
  let n = 0
  const until = performance.now() + ms
  let start = performance.now()
  do {
    const back = await client.echo(message)
    const end = performance.now()
    times[n++] = (end - start) * 1_000
    if (back.byteLength !== bytes) throw new Error(`${bytes} bytes came back as ${back.byteLength}`)
    start = end
  } while (start < until && n < MOST)
  return sampled(times.subarray(0, n))
}
