/** What the first echo of 64 MiB takes of memory on each side, in payloads. */
import { withPeers } from "../../transport/group.mjs"
import { PEERS } from "../../transport/peers.mjs"
import { LEAST } from "../budget.mjs"
import { HERE } from "../samples.mjs"

const { PLAIN, TLS, PLAIN_TRANSFER, TLS_TRANSFER } = PEERS
const WAYS = { transfer: PLAIN_TRANSFER, copy: PLAIN, "tls-transfer": TLS_TRANSFER, "tls-copy": TLS }

export async function memory({ share, brief }) {
  const ways = Object.entries(WAYS).filter(([way]) => !brief || !way.startsWith("tls-"))
  const found = Object.fromEntries(
    ways.flatMap(([way]) => ["caller", "callee"].map(side => [`memory/${way}/${side}`, []])),
  )
  // It hardly differs from one time to the next: as many as a verdict takes.
  for (let round = 0; share.more(round, LEAST); round++) {
    for (const [way, spec] of ways) {
      // Fresh processes: the second call finds memory that the first one left.
      const grown = await withPeers([spec], HERE, ([peer]) => peer.work("firstCall", { mib: 64 }))
      found[`memory/${way}/caller`].push(grown.client)
      found[`memory/${way}/callee`].push(grown.server)
    }
  }
  return found
}
