/**
 * By how much another clock is ahead of this process's, from one reading of it. Owns the arithmetic and its doubt: a reading has an age
 * that nobody knows, and may be a whole second. What is done about a difference is for others to decide.
 */

/** One look at another clock. */
export interface ClockReading {
  /** What it showed, in ms since 1970. */
  readonly shown: number
  /** It leaves out what is below this, in ms. Default: 1. */
  readonly resolutionMs?: number
  /** Between these two moments of this process's clock it was read (ms since 1970). */
  readonly from: number
  readonly until: number
}

/** Milliseconds that the other clock is ahead (below 0: behind). 0 where both may show the same, for all that can be told from this. */
export function clockSkew({ shown, resolutionMs = 1, from, until }: ClockReading): number {
  const least = shown - until
  const most = shown + resolutionMs - from
  return least <= 0 && most >= 0 ? 0 : Math.round((least + most) / 2)
}
