/** The texts of a report that was read from a file. Owns what they may hold: nothing that steers a terminal, and none without an end. */

const MOST_CHARACTERS = 10_000
const MOST_LEVELS = 30

/** All but newline and tab: an escape sequence begins with one of them, on a terminal of 8 bits with one from 0x80 on. */
const CONTROL = /[^\P{Cc}\n\t]/gu

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
