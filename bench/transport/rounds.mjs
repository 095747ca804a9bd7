/** In which order peers are measured: one slice each, in another order every round, so that no peer has the quiet minute. */
import { stable } from "./statistics.mjs"

/** With fewer there is no telling a figure from an accident, however busy the machine is. */
const LEAST = 3

/**
 * How many rounds a measurement gets: what the user asked for, or `full` (`brief` with --quick), of which those that do not
 * fit into `seconds` are left out, so that the whole benchmark ends in time on a busy machine too. The clock starts here.
 * @returns a function of the number of rounds so far: true when there is to be another
 */
export function plan({ rounds, quick }, { full, brief, seconds }) {
  const until = performance.now() + seconds * 1_000
  if (rounds !== undefined) return done => done < rounds
  if (quick) return done => done < brief
  return done => done < LEAST || (done < full && performance.now() < until)
}

/**
 * One `measure(peer)` of every peer, while `more(rounds so far)`. Resolves with name -> list with one entry for each round.
 * @param peers open PeerProcesses
 * @param more see `plan`
 */
export async function interleave(peers, more, measure) {
  const samples = new Map(peers.map(peer => [peer.name, []]))
  for (let round = 0; more(round); round++) {
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
