/** Whether a subject does what is measured of it. Owns what it is asked before its first slice; in the slices only lengths and sums are looked at. */
import type { Client } from "./client.ts"

/** Nothing, one byte, and more than any buffer of a socket gives at once. */
const SIZES = [0, 1, 64 << 10]

/**
 * Asks each of its methods once.
 * @param maxBytes the longest that it is made for
 * @throws Error what came back wrong
 */
export async function verify(client: Client, maxBytes = Number.POSITIVE_INFINITY): Promise<void> {
  const sum = await client.add(19, 23)
  if (sum !== 42) throw new Error(`it answers wrong: 19 + 23 came back as ${sum}`)
  for (const size of SIZES.filter(size => size <= maxBytes)) {
    const sent = pattern(size)
    const back = await client.echo?.(sent)
    if (back !== undefined) compare(back, sent)
    const sunk = await client.sink?.(sent)
    if (sunk !== undefined && sunk !== size) throw new Error(`it answers wrong: of ${size} bytes ${sunk} arrived`)
    const came = (await client.source?.(size))?.byteLength
    if (came !== undefined && came !== size) throw new Error(`it answers wrong: of ${size} bytes ${came} have come`)
  }
}

function compare(back: Uint8Array, sent: Uint8Array): void {
  const wrong = (what: string) => new Error(`it answers wrong: an echo of ${sent.byteLength} bytes ${what}`)
  if (!(back instanceof Uint8Array)) throw wrong("is no Uint8Array")
  if (back.byteLength !== sent.byteLength) throw wrong(`has ${back.byteLength}`)
  const at = sent.findIndex((byte, i) => byte !== back[i])
  if (at >= 0) throw wrong(`differs at ${at}: ${back[at]} for ${sent[at]}`)
}

/** No two neighbours alike, and no two blocks of a power of two. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + 1) & 255)
}
