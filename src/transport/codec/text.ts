/**
 * JSON text under construction: characters in a scratch buffer, made a string at the end. Owns how JSON is written, the scratch and
 * its reuse; knows nothing of markers or values. One pass over a value that writes here takes about the time of
 * JSON.stringify alone: what remains is keeping track of objects that are met twice. See docs/performance.md.
 */

/** The scratch starts with so much and doubles; a text longer than the most is cut into strings of that length. */
const LEAST = 4 * 1024
const MOST = 1024 * 1024
/**
 * Up to this length characters are copied into the scratch one by one, which is quicker than two calls of the runtime. What is
 * longer becomes a link of the rope that the text is then.
 */
const SHORT = 96

/** A character that needs 16 bits. */
const WIDE = /[\u0100-\uffff]/

const QUOTE = 0x22
const BACKSLASH = 0x5c
const MINUS = 0x2d
const POINT = 0x2e

let spare: JsonText | undefined

/** An empty text. Give it back with `release()`: until then nobody else gets its scratch. */
export function openText(): JsonText {
  const text = spare ?? new JsonText()
  spare = undefined
  return text
}

/** Writes without checks of syntax: that brackets and commas come in the right order is the caller's business. */
export class JsonText {
  /** The scratch of texts whose characters all fit 8 bits: such a text becomes a string by mere copying, and so does the other. */
  private narrow: Buffer = Buffer.allocUnsafeSlow(LEAST)
  private wide: Uint16Array | undefined
  /** The one of the two in use. */
  private scratch: Uint8Array | Uint16Array = this.narrow
  /** Characters in the scratch; with `head` it is a place to go back to. */
  at = 0
  /** What did not fit the scratch, already a string. */
  head = ""

  /** One ASCII character. */
  byte(code: number): void {
    if (this.at === this.scratch.length) this.makeRoom(1)
    this.scratch[this.at++] = code
  }

  /** ASCII characters that are JSON already. */
  plain(text: string): void {
    const { length } = text
    if (length > SHORT) return this.json(text)
    if (this.at + length > this.scratch.length) this.makeRoom(length)
    const { scratch } = this
    let at = this.at
    for (let i = 0; i < length; i++) scratch[at++] = text.charCodeAt(i)
    this.at = at
  }

  /** A finite number other than -0. */
  number(value: number): void {
    if (value === (value | 0) && value >= 0) {
      if (this.at + 10 > this.scratch.length) this.makeRoom(10)
      this.digits(value, countDigits(value))
    } else if (value > 0 && Number.isSafeInteger(value)) {
      // A time in milliseconds, most likely. The runtime would make a string first.
      if (this.at + 20 > this.scratch.length) this.makeRoom(20)
      const high = Math.floor(value / 1e9)
      const low = value - high * 1e9
      if (high > 0) this.digits(high, countDigits(high))
      this.digits(low, high > 0 ? 9 : countDigits(low))
    } else if (!this.decimals(value)) this.plain(`${value}`)
  }

  /** A marker that a number follows, in quotes: `"~d1700000000000"`. */
  numbered(marker: string, value: number): void {
    this.byte(QUOTE)
    this.plain(marker)
    this.number(value)
    this.byte(QUOTE)
  }

  /** A string as JSON, in quotes. */
  string(value: string): void {
    const { length } = value
    if (length > SHORT) return this.json(JSON.stringify(value))
    if (this.at + length + 2 > this.scratch.length) this.makeRoom(length + 2)
    const { scratch } = this
    let at = this.at
    scratch[at++] = QUOTE
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      // Escapes, surrogates (a single one must be escaped) and the first character that needs 16 bits.
      if (code < 0x20 || code === QUOTE || code === BACKSLASH) return this.json(JSON.stringify(value))
      if (code > 0xff && (scratch === this.narrow || (code >= 0xd800 && code < 0xe000))) {
        return this.json(JSON.stringify(value))
      }
      scratch[at++] = code
    }
    scratch[at++] = QUOTE
    this.at = at
  }

  /** What is JSON already. */
  json(text: string): void {
    const { length } = text
    if (length > SHORT) {
      this.flush()
      this.head += text
      return
    }
    // Mere ASCII, which is as many bytes as characters, is found out much faster than by looking for a wide character.
    if (this.scratch === this.narrow && Buffer.byteLength(text) !== length && WIDE.test(text)) this.widen()
    if (this.at + length > this.scratch.length) this.makeRoom(length)
    if (this.scratch === this.narrow) this.narrow.write(text, this.at, "latin1")
    else bytesOf(this.scratch).write(text, 2 * this.at, "utf16le")
    this.at += length
  }

  /** Takes back what was written since `head` and `at` were these. */
  rewind(head: string, at: number): void {
    if (this.head.length === head.length) {
      this.at = at
      return
    }
    this.head = this.head.slice(0, head.length + at) // the scratch was made a string since
    this.at = 0
  }

  /** The whole text. */
  toString(): string {
    this.flush()
    return this.head
  }

  /** Ends the use of this text; the scratch goes to the next one. */
  release(): void {
    this.at = 0
    this.head = ""
    this.scratch = this.narrow
    spare = this
  }

  /**
   * Writes a number with up to six decimals, as prices and coordinates are; others have up to seventeen digits, and finding
   * the shortest ones is the runtime's work, at 0.15 us each.
   *
   * Whether there are no more decimals is exact: a quotient of two whole numbers below 2^53 is the double next to the true one,
   * and of the decimals with at most fifteen digits no two are next to the same double. So the one found is the shortest.
   */
  private decimals(value: number): boolean {
    const size = value < 0 ? -value : value
    if (size >= 1e9) return false
    let scale = 1e3
    let places = 3
    let scaled = Math.round(size * scale)
    if (scaled / scale !== size) {
      scale = 1e6
      places = 6
      scaled = Math.round(size * scale)
      if (scaled / scale !== size) return false
    }
    if (this.at + 18 > this.scratch.length) this.makeRoom(18)
    if (value < 0) this.scratch[this.at++] = MINUS
    const whole = Math.floor(size)
    this.digits(whole, countDigits(whole))
    let rest = (scaled - whole * scale) | 0
    if (rest === 0) return true
    for (; rest % 10 === 0; places--) rest = (rest / 10) | 0
    this.scratch[this.at++] = POINT
    this.digits(rest, places)
    return true
  }

  /** A whole number below 2^31 with so many digits, zeros in front. */
  private digits(value: number, count: number): void {
    const { scratch } = this
    const start = this.at
    let at = start + count
    this.at = at
    let rest = value | 0
    while (at > start) {
      const tens = (rest / 10) | 0
      scratch[--at] = 0x30 + rest - tens * 10
      rest = tens
    }
  }

  private flush(): void {
    if (this.at === 0) return
    const { scratch, narrow, at } = this
    const text = scratch === narrow ? narrow.toString("latin1", 0, at) : bytesOf(scratch).toString("utf16le", 0, 2 * at)
    this.head = this.head === "" ? text : this.head + text
    this.at = 0
  }

  private makeRoom(characters: number): void {
    const wanted = this.at + characters
    if (wanted > MOST) return this.flush()
    const length = Math.min(MOST, Math.max(2 * this.scratch.length, wanted))
    const old = this.scratch
    if (old === this.narrow) this.scratch = this.narrow = Buffer.allocUnsafeSlow(length)
    else this.scratch = this.wide = new Uint16Array(length)
    this.scratch.set(old.subarray(0, this.at))
  }

  /** From now on characters of 16 bits. */
  private widen(): void {
    this.flush()
    this.wide ??= new Uint16Array(LEAST)
    this.scratch = this.wide
  }
}

function bytesOf({ buffer }: Uint8Array | Uint16Array): Buffer {
  return Buffer.from(buffer)
}

/** How many digits a non-negative 32-bit integer has. */
function countDigits(value: number): number {
  if (value < 100) return value < 10 ? 1 : 2
  if (value < 10_000) return value < 1_000 ? 3 : 4
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8
  return value < 1_000_000_000 ? 9 : 10
}
