/** The texts of a report. Owns what they may hold: none without an end, and nothing that steers a terminal in one that is read from a file. */

const MOST_CHARACTERS = 10_000
const MOST_LEVELS = 30

/** All but newline and tab: an escape sequence begins with one of them, on a terminal of 8 bits with one from 0x80 on. */
const CONTROL = /[^\P{Cc}\n\t]/gu

/** Of a sentence that a run writes itself: the message of another's error may be anything, and a reader refuses what has no end. */
const MOST_WRITTEN = 2_000

/** A message as a report takes it: cut where it is too long. */
export function shortened(words: string): string {
  return words.length > MOST_WRITTEN ? `${words.slice(0, MOST_WRITTEN)}…` : words
}

/**
 * The same value with \ufffd for each control character in its texts and keys.
 * @param at the place, for the error
 * @throws Error that names the place of a text that is too long, or of what is nested too deep
 */
export function plainTexts(value: unknown, at = "", level = 0): unknown {
  if (typeof value === "string") return plain(value, at)
  if (typeof value !== "object" || value === null) return value
  if (level === MOST_LEVELS) throw new Error(`${at} is nested deeper than ${MOST_LEVELS} levels`)
  if (Array.isArray(value)) return value.map((item, i) => plainTexts(item, `${at}[${i}]`, level + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const name = plain(key, `a name in ${at || "the whole"}`)
      return [name, plainTexts(item, at === "" ? name : `${at}.${name}`, level + 1)]
    }),
  )
}

function plain(text: string, at: string): string {
  if (text.length > MOST_CHARACTERS) {
    throw new Error(`${at} is a text of ${text.length} characters, expected ${MOST_CHARACTERS} at most`)
  }
  return text.replace(CONTROL, "\ufffd")
}
