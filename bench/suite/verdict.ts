/**
 * Whether one figure is better than another, for the terminal and the page alike. Owns the interval and the fewest rounds; what words or colours a
 * verdict has, its reader says. Says nothing where it cannot: equals are told apart by chance in at most one of twenty.
 */
import { quotients } from "./figure.ts"
import type { Figure } from "./report.ts"
import { quantile } from "./statistics.ts"

/** How sure an interval has to be that the true median lies in it. */
export const CONFIDENCE = 0.95
/** Rounds that an interval of that confidence takes: of five the ends hold the median in 15 of 16 cases only. */
export const FEWEST_ROUNDS = 6

export interface Standing {
  /** How many times as good the first is: above 1 it is ahead, whether less or more is better. The median of the rounds' own. */
  readonly advantage: number
  /** Of `advantage`, at `CONFIDENCE`; undefined where there are too few rounds for one. */
  readonly interval?: readonly [low: number, high: number]
  /** Rounds that both were in. */
  readonly n: number
  /** `ahead`, `behind`: all of the interval is. `near`: 1 lies in it. `unsure`: there is none. */
  readonly kind: "ahead" | "behind" | "near" | "unsure"
}

/** Where the first stands against the second; undefined where the two have no rounds in common, or a quotient is not above zero. */
export function standingOf(figure: Figure, other: Figure): Standing | undefined {
  const pairs = quotients(figure, other)
  if (pairs.length === 0 || !pairs.every(ratio => ratio > 0)) return undefined
  const advantages = figure.better === "more" ? pairs : pairs.map(ratio => 1 / ratio)
  const n = advantages.length
  const advantage = quantile(advantages, 0.5)
  const interval = medianInterval(advantages)
  if (interval === undefined) return { advantage, n, kind: "unsure" }
  const [low, high] = interval
  return { advantage, interval, n, kind: low > 1 ? "ahead" : high < 1 ? "behind" : "near" }
}

/**
 * Two of the values themselves, the narrowest pair that holds the true median with `CONFIDENCE`, whatever the distribution is.
 * @returns undefined for fewer than `FEWEST_ROUNDS`: no pair does
 */
export function medianInterval(values: readonly number[]): readonly [low: number, high: number] | undefined {
  const sorted = Float64Array.from(values).sort()
  const n = sorted.length
  // That k values or fewer lie below the median is as probable as k heads in n throws of a coin.
  let exactly = 0.5 ** n
  let atMost = exactly
  let cut = -1
  for (let k = 0; 2 * atMost <= 1 - CONFIDENCE && k < n / 2; ) {
    cut = k
    exactly *= (n - k) / (k + 1)
    k += 1
    atMost += exactly
  }
  return cut < 0 ? undefined : [sorted[cut]!, sorted[n - 1 - cut]!]
}
