/** Small calls per second with many in flight, and what one costs with very many. */
import { limit } from "../../check/bars.mjs"
import { figure } from "../figures.mjs"
import { column, withPeers } from "../group.mjs"
import { PEERS, unavailable } from "../peers.mjs"
import { interleave, plan, warm } from "../rounds.mjs"

const { RAW_TCP, RAW_WS, PLAIN, TLS } = PEERS
const SPECS = [RAW_TCP, RAW_WS, PLAIN, TLS]
const OURS = [PLAIN, TLS]
const LANES = [64, 1_024, 10_000]

export async function flight({ has, quick, rounds }) {
  // 10,000 lanes take a while to go round: a slice must hold some rounds of them, or it is all beginning and end.
  const ms = lanes => (lanes === 10_000 ? 600 : 200) / (quick ? 4 : 1)
  const by = await withPeers(SPECS, has, async peers => {
    const rate = lanes => peer => peer.work("rate", { lanes, ms: ms(lanes) })
    for (const lanes of [64, 10_000]) {
      await warm(peers, quick ? 1 : 5, async peer => (await rate(lanes)(peer)).perSecond)
    }
    // Lanes take turns inside a round too: the cost at 10,000 is compared with that at 64 of the same seconds.
    const found = LANES.map(() => new Map(peers.map(peer => [peer.name, []])))
    const more = plan({ rounds, quick }, { full: 10, brief: 1, seconds: 28 })
    for (let round = 0; more(round); round++) {
      for (const [i, lanes] of LANES.entries()) {
        const one = await interleave(peers, done => done < 1, rate(lanes))
        for (const [name, [sample]] of one) found[i].get(name).push(sample)
      }
    }
    return found.map(samples => column(samples, "perSecond"))
  })
  const rows = LANES.flatMap((lanes, i) =>
    SPECS.map(spec =>
      figure({
        what: `small calls, ${lanes.toLocaleString("en-US")} in flight`,
        peer: spec.name,
        unit: "calls/s",
        values: by[i](spec.name),
        against: { [RAW_WS.name]: by[i](RAW_WS.name), [RAW_TCP.name]: by[i](RAW_TCP.name) },
        bars: OURS.includes(spec) && lanes < 10_000 ? [{ of: RAW_WS.name, ...limit("flight/64/plain") }] : [],
        why: unavailable(spec, has),
      }),
    ),
  )
  const cost = (i, name) => by[i](name)?.map(perSecond => 1e6 / perSecond)
  for (const spec of SPECS) {
    rows.push(
      figure({
        what: "cost of a call, 10,000 in flight",
        peer: spec.name,
        unit: "us",
        values: cost(2, spec.name),
        against: { "at 64": cost(0, spec.name) },
        bars: OURS.includes(spec) ? [{ of: "at 64", ...limit("flight/10000/plain") }] : [],
        why: unavailable(spec, has),
      }),
    )
  }
  return rows
}
