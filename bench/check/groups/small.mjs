/** Small calls, one at a time: the medians of short slices. */
import { withPeers } from "../../transport/group.mjs"
import { PEERS } from "../../transport/peers.mjs"
import { interleave, warm } from "../../transport/rounds.mjs"
import { HERE, of, over } from "../samples.mjs"

const { RAW_WS, PLAIN, TLS } = PEERS
const MS = 60

export async function small({ share }) {
  const samples = await withPeers([RAW_WS, PLAIN, TLS], HERE, async peers => {
    // Many calls at once are the quickest way to compiled code.
    await warm(peers, 5, async peer => (await peer.work("rate", { lanes: 64, ms: MS })).perSecond)
    await warm(peers, 5, async peer => (await peer.work("latency", { ms: MS })).p50)
    return interleave(peers, share.more, peer => peer.work("latency", { ms: MS }))
  })
  const p50 = of(samples, "p50")
  return {
    "small/plain": over(p50(PLAIN), p50(RAW_WS)),
    "small/tls": over(p50(TLS), p50(PLAIN)),
  }
}
