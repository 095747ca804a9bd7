/** In which order peers are measured: one slice each, in another order every round, so that no peer has the quiet minute. */
import { stable } from "./statistics.mjs"

/**
 * `rounds` times one `measure(peer)` of every peer. Resolves with name -> list with one entry for each round.
 * @param peers open PeerProcesses
 */
export async function interleave(peers, rounds, measure) {
  const samples = new Map(peers.map(peer => [peer.name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const peer of shuffled(peers)) samples.get(peer.name).push(await measure(peer))
  }
  return samples
}

/** Has each peer work until three slices in a row are within a tenth of each other, or `most` were run. */
export async function warm(peers, most, measure) {
  for (const peer of peers) {
    const values = []
    while (values.length < most && !stable(values)) values.push(await measure(peer))
  }
}

function shuffled(items) {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[out[i], out[j]] = [out[j], out[i]]
  }
  return out
}
