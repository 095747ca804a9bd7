/** Small calls while 256 MiB are under way on the same line, and what they cost the bulk. */
import { limit } from "../../check/bars.mjs"
import { figure } from "../figures.mjs"
import { column, withPeers } from "../group.mjs"
import { PEERS, unavailable } from "../peers.mjs"
import { interleave, plan, warm } from "../rounds.mjs"

const { RAW_WS, PLAIN, TLS, PLAIN_TRANSFER, TLS_TRANSFER } = PEERS
const DIRECTIONS = { up: "parent->runner", down: "runner->parent" }
const GAP_MS = 2

export async function hol({ has, quick, rounds }) {
  const mib = quick ? 32 : 256
  const ours = [PLAIN_TRANSFER, PLAIN, has.transfer ? TLS_TRANSFER : TLS]
  const specs = [RAW_WS, ...ours]
  const rows = []
  const found = await withPeers(specs, has, async peers => {
    const send = (peer, direction, gapMs) => peer.work("underWay", { mib, direction, gapMs })
    const out = {}
    for (const direction of Object.keys(DIRECTIONS)) {
      await warm(peers, 1, async peer => (await send(peer, direction, GAP_MS)).gbPerSecond)
      // Alone and beside small calls right after each other: one ratio.
      out[direction] = await interleave(
        peers,
        plan({ rounds, quick }, { full: 7, brief: 1, seconds: 18 }),
        async peer => {
          const first = Math.random() < 0.5
          const before = first ? await send(peer, direction, 0) : undefined
          const busy = await send(peer, direction, GAP_MS)
          return { ...busy, alone: (before ?? (await send(peer, direction, 0))).gbPerSecond }
        },
      )
    }
    return out
  })
  for (const [direction, words] of Object.entries(DIRECTIONS)) {
    const of = key => column(found[direction], key)
    for (const spec of specs) {
      const { name } = spec
      const isOurs = ours.includes(spec)
      const why = unavailable(spec, has)
      rows.push(
        figure({
          what: `small call beside ${mib} MiB ${words}, p99`,
          peer: name,
          unit: "ms",
          values: of("p99")(name),
          beside: of("p50")(name) && { p50: of("p50")(name), max: of("max")(name), calls: of("calls")(name) },
          bars: isOurs ? [limit("hol/up/copy/p99")] : [],
          why,
        }),
        figure({
          what: `the ${mib} MiB ${words} meanwhile`,
          peer: name,
          unit: "GB/s",
          values: of("gbPerSecond")(name),
          against: { alone: of("alone")(name), [RAW_WS.name]: of("gbPerSecond")(RAW_WS.name) },
          bars: isOurs ? [{ of: "alone", ...limit("hol/up/copy/bulk") }] : [],
          why,
        }),
      )
    }
  }
  return rows
}
