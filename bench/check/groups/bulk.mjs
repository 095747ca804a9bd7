/** 64 MiB of numbers there and back. */
import { withPeers } from "../../transport/group.mjs"
import { PEERS } from "../../transport/peers.mjs"
import { interleave, warm } from "../../transport/rounds.mjs"
import { HERE, of, over } from "../samples.mjs"

const { RAW_TCP, RAW_WS, PLAIN, PLAIN_TRANSFER } = PEERS

export async function bulk({ share }) {
  const samples = await withPeers([RAW_TCP, RAW_WS, PLAIN_TRANSFER, PLAIN], HERE, async peers => {
    const echo = peer => peer.work("bulkEcho", { mib: 64, times: 1 })
    await warm(peers, 3, async peer => (await echo(peer)).gbPerSecond)
    return interleave(peers, share.more, echo)
  })
  const gb = of(samples, "gbPerSecond")
  return Object.fromEntries(
    [
      ["transfer", PLAIN_TRANSFER],
      ["copy", PLAIN],
    ].flatMap(([way, spec]) => [
      [`bulk/${way}/ws`, over(gb(spec), gb(RAW_WS))],
      [`bulk/${way}/tcp`, over(gb(spec), gb(RAW_TCP))],
    ]),
  )
}
