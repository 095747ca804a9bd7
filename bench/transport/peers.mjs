/** Who is compared: the spec of each peer, and which of ours this version of slurm-flame has. */
import * as flame from "slurm-flame"

const RAW_TCP = { name: "raw TCP", kind: "tcp" }
const RAW_WS = { name: "raw ws", kind: "ws" }
const RAW_WSS = { name: "raw wss", kind: "ws", tls: true }
const RAW_WS_ZERO_MASK = { name: "raw ws, zero mask", kind: "ws", zeroMask: true }
const PLAIN = { name: "ours plain", kind: "ours", tls: false }
const TLS = { name: "ours TLS", kind: "ours" }
const PLAIN_TRANSFER = { name: "ours plain, transfer()", kind: "ours", tls: false, transfer: true }
const TLS_TRANSFER = { name: "ours TLS, transfer()", kind: "ours", transfer: true }

/** The peers by what they are called in the groups. */
export const PEERS = { RAW_TCP, RAW_WS, RAW_WSS, RAW_WS_ZERO_MASK, PLAIN, TLS, PLAIN_TRANSFER, TLS_TRANSFER }

/** A raw ws peer whose rows are written with one of `ROW_CODECS`. */
export const withCodec = (codec, words) => ({ name: `raw ws + ${words}`, kind: "ws", codec })

/** What this version can do: `{ plain, transfer }`. Asked of the public API, since a benchmark has to run on older ones too. */
export async function features() {
  return { plain: await hasPlain(), transfer: typeof flame.transfer === "function" }
}

async function hasPlain() {
  try {
    const pool = flame.createPool({ module: new URL("./servers/module.mjs", import.meta.url), max: 1, tls: false })
    await pool.close()
    return true
  } catch (error) {
    if (error instanceof flame.OptionError && error.option === "tls") return false
    throw error
  }
}

/** Why this version cannot be this peer; undefined when it can. */
export function unavailable(spec, has) {
  if (spec.kind !== "ours") return undefined
  if (spec.tls === false && !has.plain) return "no option `tls`"
  if (spec.transfer && !has.transfer) return "no `transfer`"
  return undefined
}
