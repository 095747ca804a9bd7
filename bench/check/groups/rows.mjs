/** 10,000 rows of objects there and back, plain ones and rich ones, against ws with a codec on both sides. */
import { withPeers } from "../../transport/group.mjs"
import { PEERS, withCodec } from "../../transport/peers.mjs"
import { interleave, warm } from "../../transport/rounds.mjs"
import { HERE, of, over } from "../samples.mjs"

const { PLAIN, TLS } = PEERS
const BASES = { plain: withCodec("json", "JSON"), rich: withCodec("v8", "v8.serialize") }

export async function rows({ share }) {
  const found = await withPeers([...Object.values(BASES), PLAIN, TLS], HERE, async peers => {
    const echo = kind => peer => peer.work("echoRows", { kind, times: 2 })
    const of = kind => peers.filter(({ name }) => [BASES[kind], PLAIN, TLS].some(spec => spec.name === name))
    const found = {}
    for (const kind of ["plain", "rich"]) {
      await warm(of(kind), 6, async peer => (await echo(kind)(peer)).ms)
      found[kind] = new Map(of(kind).map(peer => [peer.name, []]))
    }
    for (let round = 0; share.more(round); round++) {
      for (const kind of ["plain", "rich"]) {
        const one = await interleave(of(kind), done => done < 1, echo(kind))
        for (const [name, [sample]] of one) found[kind].get(name).push(sample)
      }
    }
    return found
  })
  return Object.fromEntries(
    ["plain", "rich"].flatMap(kind =>
      [
        ["plain", PLAIN],
        ["tls", TLS],
      ].map(([id, spec]) => {
        const ms = of(found[kind], "ms")
        return [`rows/${kind}/${id}`, over(ms(spec), ms(BASES[kind]))]
      }),
    ),
  )
}
