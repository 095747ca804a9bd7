/** Small calls while a big array is under way on the same line. */
import { setTimeout as sleep } from "node:timers/promises"
import { quantile } from "../statistics.mjs"
import { floats } from "../values.mjs"

const ready = new WeakMap()

/**
 * Sends `mib` MiB `direction` "up" (to the server) or "down", and meanwhile small calls, one at a time and at most one in
 * `gapMs` milliseconds: a tight loop would take a core of its own, and a peer would pay for answering quickly. `gapMs` 0: no
 * small calls. The first call is begun just before the array, so that it sees what sending blocks.
 */
export async function underWay(peer, { mib, direction, gapMs }) {
  const payload = await prepare(peer, mib, direction)
  await peer.smallBeside(direction)
  const times = []
  const small = async () => {
    const start = performance.now()
    await peer.smallBeside(direction)
    times.push(performance.now() - start)
    return start
  }
  let done = false
  const first = gapMs > 0 ? small() : undefined
  const start = performance.now()
  const bulk = (direction === "up" ? peer.sink(payload) : peer.source()).then(() => {
    done = true
    return performance.now() - start
  })
  let began = await first
  while (gapMs > 0 && !done) {
    const rest = began + gapMs - performance.now()
    if (rest > 0) await sleep(rest)
    if (!done) began = await small()
  }
  const gbPerSecond = (mib * 2 ** 20) / (await bulk) / 1e6
  if (gapMs === 0) return { gbPerSecond }
  const at = q => quantile(times, q)
  return { gbPerSecond, p50: at(0.5), p99: at(0.99), max: at(1), calls: times.length }
}

/** The array lies ready before the clock starts; what was given away with `transfer()` has to be made anew. */
async function prepare(peer, mib, direction) {
  const known = ready.get(peer) ?? {}
  ready.set(peer, known)
  if (direction === "down") {
    if (peer.transfers || !known.down) await peer.ask("prepare", mib)
    known.down = true
    return undefined
  }
  if (peer.transfers) return floats(mib)
  known.up ??= floats(mib)
  return known.up
}
