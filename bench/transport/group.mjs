/** What the groups share: opens the peers that exist, has `body` measure them, and closes them whatever happens. */
import { PeerProcess } from "./peer-process.mjs"
import { unavailable } from "./peers.mjs"

/**
 * @param specs the peers wanted; those that this version lacks are left out
 * @param has see `features` in peers.mjs
 * @returns what `body(open peers)` resolves with
 */
export async function withPeers(specs, has, body) {
  const starts = await Promise.allSettled(
    specs.filter(spec => !unavailable(spec, has)).map(spec => PeerProcess.open(spec)),
  )
  const open = starts.flatMap(start => (start.status === "fulfilled" ? [start.value] : []))
  try {
    const failed = starts.find(start => start.status === "rejected")
    if (failed) throw failed.reason
    return await body(open)
  } finally {
    await Promise.all(open.map(peer => peer.close()))
  }
}

/** One property of the samples of each peer: name -> values; undefined for a peer that was not measured. */
export function column(samples, key) {
  return name => samples.get(name)?.map(sample => sample[key])
}
