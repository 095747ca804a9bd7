/** 10,000 rows of objects there and back, plain ones and rich ones, against ws with a codec on both sides. */
import { limit } from "../../check/bars.mjs"
import { figure } from "../figures.mjs"
import { column, withPeers } from "../group.mjs"
import { PEERS, unavailable, withCodec } from "../peers.mjs"
import { interleave, plan, warm } from "../rounds.mjs"

const { PLAIN, TLS } = PEERS
const OURS = [PLAIN, TLS]
const JSON_PEER = withCodec("json", "JSON")
const V8_PEER = withCodec("v8", "v8.serialize")
const SUPERJSON_PEER = withCodec("superjson", "superjson")

export async function rows({ has, quick, rounds }) {
  return [
    ...(await compare({
      kind: "plain",
      what: "10,000 plain rows, echo",
      base: JSON_PEER,
      others: [],
      ...limit("rows/plain/plain"),
      has,
      quick,
      rounds,
    })),
    ...(await compare({
      kind: "rich",
      what: "10,000 rows with Date, Map, BigInt, echo",
      base: V8_PEER,
      others: quick ? [] : [SUPERJSON_PEER],
      ...limit("rows/rich/plain"),
      has,
      quick,
      rounds,
    })),
  ]
}

/** `others` are for reference and slow: three rounds of them are enough. */
async function compare({ kind, what, base, others, atMost, has, quick, rounds }) {
  const specs = [base, ...OURS, ...others]
  const samples = await withPeers(specs, has, async peers => {
    const echo = peer => peer.work("echoRows", { kind, times: 2 })
    const names = new Set(others.map(spec => spec.name))
    const fast = peers.filter(peer => !names.has(peer.name))
    await warm(fast, quick ? 2 : 10, async peer => (await echo(peer)).ms)
    const more = plan({ rounds, quick }, { full: 20, brief: 2, seconds: 12 })
    const all = await interleave(peers, done => done < 3 && more(done), echo)
    const rest = await interleave(fast, done => more(done + 3), echo)
    for (const [name, list] of rest) all.get(name).push(...list)
    return all
  })
  const ms = column(samples, "ms")
  return specs.map(spec =>
    figure({
      what,
      peer: spec.name,
      unit: "ms",
      values: ms(spec.name),
      against: { [base.name]: ms(base.name) },
      bars: OURS.includes(spec) ? [{ of: base.name, atMost }] : [],
      why: unavailable(spec, has),
    }),
  )
}
