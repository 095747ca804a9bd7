/** What one figure comes to, and one against another. Owns which of its numbers is the figure; knows no group and no table. */
import type { Figure } from "./report.ts"
import { ratios } from "./statistics.ts"

/** The figure itself: what it was in all measurements together where that was taken, else the median of its slices. */
export function figureValue({ value, spread }: Figure): number {
  return value ?? spread.median
}

/**
 * `figure / base`, round by round: one quotient for each round that both were in. One alone where either was taken of all measurements
 * together, as its slices do not say what it is; none where they were not measured in the same rounds.
 */
export function quotients(figure: Figure, base: Figure): number[] {
  if (figure.value !== undefined || base.value !== undefined) return ratios([figureValue(figure)], [figureValue(base)])
  return figure.slices.length === base.slices.length ? ratios(figure.slices, base.slices) : []
}
