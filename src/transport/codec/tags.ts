/**
 * The vocabulary of rich JSON: what the encoder writes and the decoder reads. Owns the marker alphabet and the limits both
 * ends keep; knows neither of them.
 *
 * A marker is a string that begins with `~`; a user's string that begins with `~` gets a second one, so no text can be
 * taken for a marker. Scalars are one string (`~d1700000000000`). Containers are an array whose first element is a
 * two-character head (`["~m", key, value, ...]`). Strings cost less than marker objects to write, to parse and to test
 * for: one look at the first character.
 */

/** Character code of `~`, the first character of every marker. */
export const MARK = 0x7e

/** Whole markers. */
export const UNDEFINED = "~u"
export const HOLE = "~h"
export const NAN = "~N"
export const INFINITY = "~+"
export const MINUS_INFINITY = "~-"
export const MINUS_ZERO = "~0"

/** Prefixes: the rest of the string is the content. */
export const DATE = "~d"
export const BIGINT = "~n"
export const URL_MARK = "~l"
/** `~bFloat64Array:3`: part 3, seen as a Float64Array. */
export const BINARY = "~b"
/** `~#7`: the eighth object of this message, counted from 0 as they are met; only within `ROOT`. */
export const REF = "~#"

/** Heads. `ROOT`: `["~@", value]`, a whole message in which some object is met twice. */
export const ROOT = "~@"
export const MAP = "~m"
export const SET = "~s"
export const REGEXP = "~r"
/** `["~e", fields, class name?]` */
export const ERROR = "~e"
/** `["~v", length, index, value, ...]`: a long array with holes. */
export const SPARSE = "~v"
export const BOXED = "~x"
/** `["~f", reference]`: a live value; the reference is opaque. */
export const LIVE = "~f"
/** `["~t", name, serialised]` */
export const TYPE = "~t"
/** `["~c", name, fields]` */
export const CLASS = "~c"

/**
 * How deep values may nest. JSON.stringify and both walks recurse, and a default stack ends JSON.stringify somewhere above
 * 2,000 levels of JSON; one level of a value is up to two of those.
 */
export const MAX_DEPTH = 1_000

/** Longest array whose holes are written one by one. */
export const MAX_DENSE = 0x1_0000

/**
 * True when somebody gave `Object.prototype` an enumerable key: `for...in` then also yields what an object does not own.
 * Asked once per message, so that the loops need no test per key.
 */
export function prototypeIsPolluted(): boolean {
  for (const _key in {}) return true
  return false
}
