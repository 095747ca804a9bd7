/** Small calls. The same loop for every peer: what it costs, all of them pay. */
import { quantile } from "../statistics.mjs"

/** One call at a time for `ms` milliseconds: microseconds of a round trip. */
export async function latency(peer, { ms }) {
  const times = []
  const until = performance.now() + ms
  while (performance.now() < until) {
    const start = performance.now()
    await peer.small()
    times.push((performance.now() - start) * 1_000)
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), calls: times.length }
}

/** `lanes` loops of one call at a time each, for `ms` milliseconds and until the last answer: calls per second. */
export async function rate(peer, { lanes, ms }) {
  let calls = 0
  const start = performance.now()
  const until = start + ms
  const lane = async () => {
    while (performance.now() < until) {
      await peer.small()
      calls += 1
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return { perSecond: (calls / (performance.now() - start)) * 1_000, calls }
}
