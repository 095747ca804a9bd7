/**
 * What the regular expressions of one message may cost to make. The language compiles a character class when the expression
 * is made: fourteen characters of a peer's (`\p{RGI_Emoji}`) take milliseconds. Owns the estimate; makes none.
 */

/** Classes of Unicode properties in one message, at most: about a second's work for the dearest that match one character. */
const MOST = 1_000
/** Properties of strings, which are lists of thousands, count for so many. */
const STRINGS = 50

const CLASS = /\\p\{(RGI_|Basic_Emoji|Emoji_Keycap)?/gi

export class RegExpBudget {
  #spent = 0

  /** Counts `source`. False: the message asks for more than it may. */
  takes(source: string): boolean {
    for (const [, strings] of source.matchAll(CLASS)) this.#spent += strings === undefined ? 1 : STRINGS
    return this.#spent <= MOST
  }
}
