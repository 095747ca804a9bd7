/** Many small objects there and back. */
import { plainRows, richRows } from "../values.mjs"

const VALUES = { plain: plainRows, rich: richRows }
const made = {}

/** `times` echoes of 10,000 rows, `kind` "plain" or "rich": milliseconds of one. */
export async function echoRows(peer, { kind, times }) {
  made[kind] ??= VALUES[kind]()
  const rows = made[kind]
  let back
  const start = performance.now()
  for (let i = 0; i < times; i++) back = await peer.rows(rows)
  const ms = (performance.now() - start) / times
  const [sent, got] = [rows.at(-1), back.at(-1)]
  const same = kind === "plain" ? got.name === sent.name : got.big === sent.big && got.counts.get("b") === 10_000
  if (back.length !== rows.length || !same) throw new Error("the rows that came back are not those that were sent")
  return { ms }
}
