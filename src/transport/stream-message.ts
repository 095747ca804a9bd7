/**
 * What the two ends of a stream say to each other on its channel, and the limits of its flow control. Owns the forms and
 * their validation; knows neither end. A message of the peer that is none of these is a ProtocolError.
 */
import { ProtocolError } from "../shared/errors.ts"

/** Items that a consumer may have asked for and not taken, at most. */
export const MAX_WINDOW = 64

/** Steps without a value that may be asked for at a time: a `return` begins all of them in one go. */
export const MAX_CREDIT = 0x1_0000

/** Bytes, as `itemSize` counts them, that may be sent and not taken before the next item waits. One item more may be over it. */
export const MAX_UNREAD_BYTES = 2 ** 20

/**
 * Consumer to producer. `taken` acknowledges items that left the consumer's buffer since it said so last; `wanted` is the
 * number of items since the last `return` or `throw` (or the start) that are still asked for in spite of this one.
 */
export type ToSource =
  | readonly ["pull", taken: number, more: number]
  | readonly ["next", taken: number, value: unknown]
  | readonly ["return", wanted: number, value: unknown]
  | readonly ["throw", wanted: number, error: unknown]
  | readonly ["leave"]

/** Producer to consumer. `answer` and `threw` are to a `return` or `throw`; the other three are to `pull` and `next`. */
export type ToSink =
  | readonly ["items", values: readonly unknown[]]
  | readonly ["end", value: unknown]
  | readonly ["error", error: unknown]
  | readonly ["answer", done: boolean, value: unknown]
  | readonly ["threw", error: unknown]

type Check = (field: unknown) => boolean

const anything: Check = () => true
const isBoolean: Check = field => typeof field === "boolean"
/** A producer sends 64 KiB of small items at a time, 8,192 at most. A peer's array may be longer than it takes to walk. */
const isList: Check = field => Array.isArray(field) && field.length <= 0x1_0000
const isCount: Check = field => Number.isSafeInteger(field) && (field as number) >= 0

const TO_SOURCE: Readonly<Record<ToSource[0], readonly Check[]>> = {
  pull: [isCount, isCount],
  next: [isCount, anything],
  return: [isCount, anything],
  throw: [isCount, anything],
  leave: [],
}
const TO_SINK: Readonly<Record<ToSink[0], readonly Check[]>> = {
  items: [isList],
  end: [anything],
  error: [anything],
  answer: [isBoolean, anything],
  threw: [anything],
}

/** @throws ProtocolError */
export function readToSource(message: unknown): ToSource {
  return read(message, TO_SOURCE) as ToSource
}

/** @throws ProtocolError */
export function readToSink(message: unknown): ToSink {
  return read(message, TO_SINK) as ToSink
}

function read(message: unknown, forms: Readonly<Record<string, readonly Check[]>>): unknown {
  // A peer's remote object is no array, and must not be asked anything: that would be a call.
  const name: unknown = Array.isArray(message) ? message[0] : undefined
  const fields = typeof name === "string" && Object.hasOwn(forms, name) ? forms[name] : undefined
  const list = message as unknown[]
  if (fields && list.length === fields.length + 1 && fields.every((fits, i) => fits(list[i + 1]))) return message
  throw new ProtocolError(
    fields ? `a malformed "${name}" on a stream` : "a message on a stream that is none of a stream's",
  )
}
