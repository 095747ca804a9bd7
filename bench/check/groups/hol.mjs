/** Small calls while 256 MiB are under way on the same line, and what they cost the bulk. */
import { withPeers } from "../../transport/group.mjs"
import { PEERS } from "../../transport/peers.mjs"
import { interleave, warm } from "../../transport/rounds.mjs"
import { HERE, of, over } from "../samples.mjs"

const { PLAIN, PLAIN_TRANSFER, TLS_TRANSFER } = PEERS
const WAYS = { transfer: PLAIN_TRANSFER, copy: PLAIN, "tls-transfer": TLS_TRANSFER }
const MIB = 256
const GAP_MS = 2

export async function hol({ share, brief }) {
  const ways = Object.entries(WAYS).filter(([way]) => !brief || way === "transfer")
  const specs = ways.map(([, spec]) => spec)
  const send = (peer, direction, gapMs) => peer.work("underWay", { mib: MIB, direction, gapMs })
  /** Alone and beside small calls right after each other: one ratio. */
  const pair = direction => async peer => {
    const before = Math.random() < 0.5 ? await send(peer, direction, 0) : undefined
    const busy = await send(peer, direction, GAP_MS)
    return { ...busy, alone: (before ?? (await send(peer, direction, 0))).gbPerSecond }
  }
  const found = await withPeers(specs, HERE, async peers => {
    const found = { up: new Map(), down: new Map() }
    for (const direction of ["up", "down"]) {
      await warm(peers, 2, async peer => (await send(peer, direction, GAP_MS)).gbPerSecond)
      for (const { name } of peers) found[direction].set(name, [])
    }
    for (let round = 0; share.more(round); round++) {
      for (const direction of ["up", "down"]) {
        const one = await interleave(peers, done => done < 1, pair(direction))
        for (const [name, [sample]] of one) found[direction].get(name).push(sample)
      }
    }
    return found
  })
  return Object.fromEntries(
    ["up", "down"].flatMap(direction =>
      ways.flatMap(([way, spec]) => {
        const values = key => of(found[direction], key)(spec)
        return [
          [`hol/${direction}/${way}/p99`, values("p99")],
          [`hol/${direction}/${way}/bulk`, over(values("gbPerSecond"), values("alone"))],
        ]
      }),
    ),
  )
}
