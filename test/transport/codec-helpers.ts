/** Carries values through the codec the way a connection does: parts arrive as exact buffers of their own. */
import { decode, type Encoded, encode, type Lower, type Part, type Raise } from "../../src/transport/codec/index.ts"

/** What the other side gets of `encoded`. */
export function arrive({ json, rich, parts }: Encoded, raise?: Raise): unknown {
  return decode(json, rich, parts.map(exact), raise)
}

/** `value` as it is on the other side. */
export function trip<T>(value: T, lower?: Lower, raise?: Raise): T {
  return arrive(encode(value, lower), raise) as T
}

/** A copy of the bytes in a buffer that holds nothing else. */
export function exact({ bytes }: Pick<Part, "bytes">): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
