/** Small calls, one at a time. The same loop for every subject: what it costs, all of them pay. */
import type { Client } from "../client.ts"
import { type Sampled, sampled } from "../sampled.ts"

/** More than fit into a slice of a second on any machine of today. */
const MOST = 200_000

/** For `ms` milliseconds: microseconds of each round trip. */
export async function latency(client: Client, { ms }: { ms: number }): Promise<Sampled> {
  const times = new Float64Array(MOST)
  let n = 0
  const until = performance.now() + ms
  for (let start = performance.now(); start < until && n < MOST; n++) {
    const sum = await client.add(n, 1)
    const end = performance.now()
    times[n] = (end - start) * 1_000
    if (sum !== n + 1) throw new Error(`${n} + 1 came back as ${sum}`)
    start = end
  }
  return sampled(times.subarray(0, n))
}
