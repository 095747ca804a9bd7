/** One big array there and back: throughput, and what the first one costs in memory on each side. */
import { memory, resetPeak } from "../memory.mjs"
import { floats } from "../values.mjs"

const payloads = new WeakMap()

/** `times` echoes of `mib` MiB, one after the other: GB/s, counting both ways. */
export async function bulkEcho(peer, { mib, times }) {
  let payload = payloads.get(peer) ?? floats(mib)
  const bytes = payload.byteLength
  const start = performance.now()
  for (let i = 0; i < times; i++) {
    const result = await peer.echo(payload)
    check(result, bytes)
    if (peer.transfers) payload = result // ours is gone; who gives memory away works on with what comes back
  }
  const seconds = (performance.now() - start) / 1_000
  payloads.set(peer, payload)
  return { gbPerSecond: (2 * bytes * times) / seconds / 1e9 }
}

/** The first echo in fresh processes: how far the resident memory of each side grew at its peak, in payloads. */
export async function firstCall(peer, { mib }) {
  const payload = floats(mib)
  const bytes = payload.byteLength
  for (let i = 0; i < 3; i++) await peer.small()
  await peer.ask("resetPeak")
  const there = await peer.ask("memory")
  resetPeak()
  const here = memory()
  check(await peer.echo(payload), bytes)
  const client = (memory().peak - here.rss) / bytes
  const server = ((await peer.ask("memory")).peak - there.rss) / bytes
  return { client, server }
}

function check(result, bytes) {
  if (!(result instanceof Float64Array) || result.byteLength !== bytes || result.at(-1) !== Math.PI) {
    throw new Error(`the echo is not what was sent: ${result?.constructor?.name} of ${result?.byteLength} bytes`)
  }
}
