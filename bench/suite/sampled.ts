/**
 * What one slice of single measurements comes to. Owns which quantiles a number of samples supports; made in the process that
 * measured, so that only this crosses.
 */
import { Histogram, type HistogramParts } from "./histogram.ts"
import { quantileOfSorted } from "./statistics.ts"

/**
 * The quantiles that are told, and the least number of samples for each: one of them lies beyond it. `of`: the median of those of the
 * slices, or that of all samples together. A stall that is in fewer than half of the slices is in no median of theirs, and it is what the
 * far tail and the largest value are asked for.
 */
export const QUANTILES = [
  { name: "p50", q: 0.5, least: 1, of: "slices" },
  { name: "p90", q: 0.9, least: 10, of: "slices" },
  { name: "p99", q: 0.99, least: 100, of: "slices" },
  { name: "p99.9", q: 0.999, least: 1_000, of: "all" },
  { name: "max", q: 1, least: 1, of: "all" },
] as const

export type QuantileName = (typeof QUANTILES)[number]["name"]

export interface Sampled {
  readonly n: number
  /** Of this slice; null where it has too few samples for one. Exact, not of the histogram. */
  readonly quantiles: Readonly<Record<QuantileName, number | null>>
  readonly histogram: HistogramParts
}

/** @param samples in any order; sorted in place */
export function sampled(samples: Float64Array): Sampled {
  samples.sort()
  const histogram = new Histogram()
  for (const value of samples) histogram.add(value)
  const quantiles = Object.fromEntries(
    QUANTILES.map(({ name, q, least }) => [name, samples.length >= least ? quantileOfSorted(samples, q) : null]),
  ) as Record<QuantileName, number | null>
  return { n: samples.length, quantiles, histogram: histogram.parts() }
}
