/** Distributions of all single values: the cumulative one with its tail, and the histogram. Knows counts, no report. */

import { digits } from "../quantity.ts"
import type { HistogramReport, Unit } from "../report.ts"
import { logarithmic, squareRoot, tail } from "./axis.ts"
import { frame, type NamedLine } from "./frame.ts"
import { stylesOf } from "./palette.ts"
import { el, px } from "./svg.ts"

export interface Distribution {
  readonly name: string
  readonly unit: Unit
  readonly histogram: HistogramReport
}

export interface DistributionOptions {
  readonly title: string
  readonly description: string
  readonly xLabel: string
  /** What is counted: `calls`. */
  readonly counted: string
}

/** How many values there are in it. */
export function countOf(histogram: HistogramReport): number {
  return histogram.counts.reduce((sum, count) => sum + count, 0)
}

/** The share of the values that are below each bucket's end. The last of them is 1, at the largest value. */
export function shares(histogram: HistogramReport): { readonly value: number; readonly share: number }[] {
  const n = countOf(histogram)
  let sum = 0
  return histogram.counts.map((count, i) => {
    sum += count
    const end = histogram.low * histogram.growth ** (i + 1)
    return { value: histogram.max > 0 ? Math.min(end, histogram.max) : end, share: sum / n }
  })
}

const drawable = ({ histogram: { low, growth, counts, max } }: Distribution) =>
  low > 0 && growth > 1 && [low, growth, max, ...counts].every(Number.isFinite) && counts.some(count => count > 0)

/** @returns undefined when there is nothing to draw */
export function cdfPlot(all: readonly Distribution[], options: DistributionOptions): string | undefined {
  const drawn = all.filter(drawable)
  if (drawn.length === 0) return undefined
  const curves = drawn.map(({ name, histogram }) => {
    const n = countOf(histogram)
    // One value cannot say more of the tail than 1 in n: the curve ends there, at the largest.
    const points = shares(histogram).map(({ value, share }) => ({ value, share: Math.min(share, 1 - 1 / (n + 1)) }))
    return { name, points: [{ value: histogram.low, share: 0 }, ...points] }
  })
  const x = logarithmic(
    curves.flatMap(curve => curve.points.map(point => point.value)),
    { label: digits },
  )
  const y = tail(Math.max(...drawn.map(({ histogram }) => countOf(histogram))))
  const style = stylesOf(all.map(({ name }) => name))
  // All curves end on top: the names stand in the order of the medians, the fastest first, which is how they are met from the left.
  const middle = (curve: (typeof curves)[number]) => curve.points.find(point => point.share >= 0.5)?.value ?? 0
  const order = [...curves].sort((a, b) => middle(a) - middle(b))
  const lines: NamedLine[] = order.map((curve, i) => ({
    name: curve.name,
    style: style(curve.name),
    end: 1 - i / 1000,
    marked: false,
  }))
  return frame({
    ...options,
    x,
    y,
    yLabel: `share of ${options.counted} that are as fast`,
    lines,
    data: (xOf, yOf) =>
      curves
        .map(({ name, points }) => {
          const { colour, dash, width } = style(name)
          const d = points
            .map(({ value, share }, i) => `${i === 0 ? "M" : "L"}${px(xOf(value))} ${px(yOf(share))}`)
            .join("")
          return el("path", { d, fill: "none", stroke: colour, "stroke-width": width, "stroke-dasharray": dash })
        })
        .join(""),
  })
}

/** Counts by size, of one subject. @returns undefined when there is nothing to draw */
export function histogramPlot(one: Distribution, options: DistributionOptions): string | undefined {
  if (!drawable(one)) return undefined
  const { histogram } = one
  const edge = (i: number) => histogram.low * histogram.growth ** i
  const x = logarithmic([edge(0), edge(histogram.counts.length)], { label: digits })
  // Neither linear, or the outliers could not be seen beside the hill, nor logarithmic, or single calls stood half as high as it.
  const y = squareRoot(Math.max(...histogram.counts))
  const { colour } = stylesOf([one.name])(one.name)
  return frame({
    ...options,
    x,
    y,
    yLabel: `${options.counted} (square-root scale)`,
    lines: [],
    data: (xOf, yOf) =>
      histogram.counts
        .map((count, i) => {
          if (count === 0) return ""
          const [from, to] = [xOf(edge(i)), xOf(edge(i + 1))]
          const height = Math.max(1.5, yOf(0) - yOf(count))
          return el("rect", {
            x: from,
            y: yOf(0) - height,
            width: Math.max(0.8, to - from - 0.3),
            height,
            fill: colour,
          })
        })
        .join(""),
  })
}
