/** Small calls per second with many in flight, and what one costs with very many. */
import { withPeers } from "../../transport/group.mjs"
import { PEERS } from "../../transport/peers.mjs"
import { interleave, warm } from "../../transport/rounds.mjs"
import { HERE, of, over } from "../samples.mjs"

const { RAW_WS, PLAIN, TLS } = PEERS

/** 10,000 lanes take a while to go round: a slice must hold some rounds of them, or it is all beginning and end. */
const MS = { 64: 120, 1024: 120, 10000: 450 }

export async function flight({ share }) {
  const found = await withPeers([RAW_WS, PLAIN, TLS], HERE, async peers => {
    const ours = peers.filter(peer => peer.name !== RAW_WS.name)
    const rate = lanes => peer => peer.work("rate", { lanes, ms: MS[lanes] })
    await warm(peers, 5, async peer => (await rate(64)(peer)).perSecond)
    await warm(ours, 3, async peer => (await rate(10_000)(peer)).perSecond)
    const found = Object.fromEntries(Object.keys(MS).map(lanes => [lanes, new Map(peers.map(peer => [peer.name, []]))]))
    // All numbers of lanes take turns inside a round: the cost at 10,000 is compared with that at 64 of the same seconds.
    for (let round = 0; share.more(round); round++) {
      for (const lanes of [64, 1_024, 10_000]) {
        const one = await interleave(lanes === 10_000 ? ours : peers, done => done < 1, rate(lanes))
        for (const [name, [sample]] of one) found[lanes].get(name).push(sample)
      }
    }
    return found
  })
  const rates = lanes => of(found[lanes], "perSecond")
  return Object.fromEntries(
    [
      ["plain", PLAIN],
      ["tls", TLS],
    ].flatMap(([id, spec]) => [
      [`flight/64/${id}`, over(rates(64)(spec), rates(64)(RAW_WS))],
      [`flight/1024/${id}`, over(rates(1_024)(spec), rates(1_024)(RAW_WS))],
      // A cost is one over a rate.
      [`flight/10000/${id}`, over(rates(64)(spec), rates(10_000)(spec))],
    ]),
  )
}
