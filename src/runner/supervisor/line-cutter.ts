/**
 * Bytes of one stream into lines of text. Owns what has come of a line that is not over; keeps no more of it than a line may
 * have. A line is decoded when it is whole, so that no character is torn by where the bytes happened to be cut.
 */

/** Bytes of a line that are kept. What is beyond is counted, and said at its end. */
export const MAX_LINE_BYTES = 8 * 1024

const NEWLINE = 0x0a
const RETURN = 0x0d

export class LineCutter {
  readonly #line: (text: string) => void
  readonly #held = Buffer.allocUnsafe(MAX_LINE_BYTES)
  /** Bytes of the line so far: those kept, and all. */
  #kept = 0
  #length = 0

  /** @param line Called with each line, without its end. */
  constructor(line: (text: string) => void) {
    this.#line = line
  }

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk, start, end)
      this.#cut()
      start = end + 1
    }
    this.#add(chunk, start, chunk.length)
  }

  /** The stream is over: what has no end of line is a line as well. */
  end(): void {
    if (this.#length > 0) this.#cut()
  }

  #add(chunk: Buffer, start: number, end: number): void {
    this.#length += end - start
    this.#kept += chunk.copy(this.#held, this.#kept, start, Math.min(end, start + MAX_LINE_BYTES - this.#kept))
  }

  #cut(): void {
    const beyond = this.#length - this.#kept
    let end = this.#kept
    if (beyond > 0) end = wholeCharacters(this.#held, end)
    else if (end > 0 && this.#held[end - 1] === RETURN) end -= 1
    const text = this.#held.toString("utf8", 0, end)
    const missing = this.#length - end
    this.#kept = 0
    this.#length = 0
    this.#line(beyond > 0 ? `${text}… (${missing} bytes cut)` : text)
  }
}

/** Where the last whole UTF-8 character ends, at `end` or up to three bytes before it. */
function wholeCharacters(bytes: Buffer, end: number): number {
  for (let at = end - 1; at >= 0 && at >= end - 4; at--) {
    const byte = bytes[at]!
    if (byte < 0x80) return end
    if (byte < 0xc0) continue // inside of a character
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    return at + length <= end ? end : at
  }
  return end // no UTF-8
}
