/** Small calls, many at a time: how many end in a second. */
import type { Client } from "../client.ts"

export interface Rated {
  readonly perSecond: number
  readonly calls: number
}

/** `lanes` loops of one call at a time each, for `ms` milliseconds and until the last answer. */
export async function rate(client: Client, { lanes, ms }: { lanes: number; ms: number }): Promise<Rated> {
  let calls = 0
  const start = performance.now()
  const until = start + ms
  const lane = async () => {
    while (performance.now() < until) {
      const a = calls
      const sum = await client.add(a, 1)
      if (sum !== a + 1) throw new Error(`${a} + 1 came back as ${sum}`)
      calls += 1
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return { perSecond: (calls / (performance.now() - start)) * 1_000, calls }
}
