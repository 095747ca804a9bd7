/** Small calls, one at a time. */
import { limit } from "../../check/bars.mjs"
import { figure } from "../figures.mjs"
import { column, withPeers } from "../group.mjs"
import { PEERS, unavailable } from "../peers.mjs"
import { interleave, plan, warm } from "../rounds.mjs"

const { RAW_TCP, RAW_WS, RAW_WSS, PLAIN, TLS } = PEERS
const SPECS = [RAW_TCP, RAW_WS, RAW_WSS, PLAIN, TLS]
const BARS = {
  [PLAIN.name]: [{ of: RAW_WS.name, ...limit("small/plain") }],
  [TLS.name]: [{ of: PLAIN.name, ...limit("small/tls") }],
}

export async function small({ has, quick, rounds }) {
  // Short slices, many rounds: what wakes a sleeping core on a shared machine changes within seconds, and hits a round as a whole.
  const ms = quick ? 60 : 120
  const samples = await withPeers(SPECS, has, async peers => {
    // Many calls at once are the quickest way to compiled code.
    await warm(peers, quick ? 1 : 6, async peer => (await peer.work("rate", { lanes: 64, ms })).perSecond)
    await warm(peers, quick ? 3 : 12, async peer => (await peer.work("latency", { ms })).p50)
    return interleave(peers, plan({ rounds, quick }, { full: 40, brief: 5, seconds: 30 }), peer =>
      peer.work("latency", { ms }),
    )
  })
  const p50 = column(samples, "p50")
  const p99 = column(samples, "p99")
  return SPECS.map(spec =>
    figure({
      what: "small call, one at a time, p50",
      peer: spec.name,
      unit: "us",
      values: p50(spec.name),
      beside: p99(spec.name) && { p99: p99(spec.name) },
      against: {
        [RAW_WS.name]: p50(RAW_WS.name),
        [RAW_TCP.name]: p50(RAW_TCP.name),
        ...(spec === TLS ? { [PLAIN.name]: p50(PLAIN.name), [RAW_WSS.name]: p50(RAW_WSS.name) } : {}),
      },
      bars: BARS[spec.name],
      why: unavailable(spec, has),
    }),
  )
}
