/** Reads the content of scalar markers. The text is a peer's: anything but what the encoder writes is refused. */
import { ProtocolError } from "../../shared/errors.ts"

/** A part or object number; Infinity, which none has, when `s` is no number. */
export function toIndex(s: string): number {
  return /^\d{1,10}$/.test(s) ? Number(s) : Number.POSITIVE_INFINITY
}

/** @throws ProtocolError */
export function toDate(s: string): Date {
  const ms = s === "NaN" ? Number.NaN : Number(s)
  const date = new Date(ms)
  if (s === "" || (s !== "NaN" && Number.isNaN(date.getTime())))
    throw malformed(`the date ${JSON.stringify(s.slice(0, 30))}`)
  return date
}

/** @throws ProtocolError */
export function toBigInt(s: string): bigint {
  if (!/^-?\d+$/.test(s)) throw malformed(`the bigint ${JSON.stringify(s.slice(0, 30))}`)
  return BigInt(s)
}

/**
 * Only what `href` can be, which is ASCII: to encode a host with characters beyond that takes time by the square of its length.
 * @throws ProtocolError, TypeError
 */
export function toUrl(s: string): URL {
  if (/[^\0-\x7f]/.test(s)) throw malformed(`the URL ${JSON.stringify(s.slice(0, 40))}`)
  return new URL(s)
}

/** What the decoder throws for anything the encoder does not write. */
export function malformed(what: string): ProtocolError {
  return new ProtocolError(`the peer sent a malformed value: ${what}`)
}
