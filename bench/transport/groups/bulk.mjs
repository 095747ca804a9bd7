/** 64 MiB of numbers there and back: throughput, and the memory that the first one takes on each side. */
import { limit } from "../../check/bars.mjs"
import { figure } from "../figures.mjs"
import { column, withPeers } from "../group.mjs"
import { PEERS, unavailable } from "../peers.mjs"
import { interleave, plan, warm } from "../rounds.mjs"

const { RAW_TCP, RAW_WS, RAW_WSS, RAW_WS_ZERO_MASK, PLAIN, TLS, PLAIN_TRANSFER, TLS_TRANSFER } = PEERS
const OURS_PLAIN = [PLAIN_TRANSFER, PLAIN]
const OURS = [...OURS_PLAIN, TLS_TRANSFER, TLS]
const SPECS = [RAW_TCP, RAW_WS, RAW_WS_ZERO_MASK, RAW_WSS, ...OURS]

export async function bulk({ has, quick, rounds }) {
  const mib = quick ? 16 : 64
  const samples = await withPeers(SPECS, has, async peers => {
    const echo = peer => peer.work("bulkEcho", { mib, times: 1 })
    await warm(peers, quick ? 1 : 3, async peer => (await echo(peer)).gbPerSecond)
    return interleave(peers, plan({ rounds, quick }, { full: 11, brief: 2, seconds: 22 }), echo)
  })
  const gb = column(samples, "gbPerSecond")
  const rows = SPECS.map(spec =>
    figure({
      what: `Float64Array of ${mib} MiB, echo`,
      peer: spec.name,
      unit: "GB/s",
      values: gb(spec.name),
      against: {
        [RAW_WS.name]: gb(RAW_WS.name),
        [RAW_TCP.name]: gb(RAW_TCP.name),
        ...(spec === TLS || spec === TLS_TRANSFER ? { [RAW_WSS.name]: gb(RAW_WSS.name) } : {}),
      },
      // Raw ws and TCP encrypt nothing: the bars are for those of ours that do not either.
      bars: OURS_PLAIN.includes(spec)
        ? [
            { of: RAW_WS.name, ...limit("bulk/copy/ws") },
            { of: RAW_TCP.name, ...limit("bulk/copy/tcp") },
          ]
        : [],
      why: unavailable(spec, has),
    }),
  )
  return [...rows, ...(await memoryRows(has, quick, mib))]
}

async function memoryRows(has, quick, mib) {
  const samples = new Map()
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    for (const spec of SPECS.filter(spec => !unavailable(spec, has))) {
      if ((i > 0 || quick) && !OURS.includes(spec)) continue // for reference, and the same every time
      // Fresh processes: the second call finds memory that the first one left.
      const found = await withPeers([spec], has, ([peer]) => peer.work("firstCall", { mib }))
      samples.set(spec.name, [...(samples.get(spec.name) ?? []), found])
    }
  }
  return ["client", "server"].flatMap(side =>
    SPECS.filter(spec => OURS.includes(spec) || samples.has(spec.name)).map(spec =>
      figure({
        what: `its first call, growth of peak RSS, ${side}`,
        peer: spec.name,
        unit: "payloads",
        values: column(samples, side)(spec.name),
        against: { [RAW_WS.name]: column(samples, side)(RAW_WS.name) },
        bars: OURS.includes(spec) ? [limit("memory/copy/caller")] : [],
        why: unavailable(spec, has),
      }),
    ),
  )
}
