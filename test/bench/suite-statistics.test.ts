/** The arithmetic of the benchmark suite: quantiles, histograms, and what a slice of samples supports. */
import { expect, test } from "vitest"
import { GROWTH, Histogram } from "../../bench/suite/histogram.ts"
import { sampled } from "../../bench/suite/sampled.ts"
import { quantile, ratios, spread, stable } from "../../bench/suite/statistics.ts"

test("a quantile is interpolated between neighbours, whatever the order, and leaves the values alone", () => {
  const values = [30, 100, 20, 9]
  expect([0, 0.25, 0.5, 1].map(q => quantile(values, q))).toEqual([9, 17.25, 25, 100])
  expect(values).toEqual([30, 100, 20, 9])
})

test("there is no quantile of nothing, and none outside of 0 to 1", () => {
  expect(() => quantile([], 0.5)).toThrow("no values")
  expect(() => quantile([1], 1.5)).toThrow("not 1.5")
  expect(() => quantile([1], Number.NaN)).toThrow("not NaN")
})

test("a spread has the ends too: nothing is trimmed", () => {
  expect(spread([5, 1, 2, 1_000, 3])).toEqual({ median: 3, p25: 2, p75: 5, min: 1, max: 1_000, n: 5 })
})

test("ratios pair the slices of one round, and leave out a round that one of them lacks", () => {
  expect(ratios([2, 6, null, 8], [1, 2, 3, null])).toEqual([2, 3])
  expect(ratios([2, 6], [1])).toEqual([2])
  expect(ratios([2, 6], [0, 3])).toEqual([2])
  // The median of paired ratios is not the ratio of medians: the round in which the machine was slow counts once.
  expect(spread(ratios([2, 20, 200], [1, 10, 400])).median).toBe(2)
})

test("stable looks at the last three alone", () => {
  expect(stable([100, 100])).toBe(false)
  expect(stable([5_000, 100, 105, 95])).toBe(true)
  expect(stable([100, 105, 150])).toBe(false)
})

test("a histogram gives quantiles within a bucket of the exact ones, and the largest value exactly", () => {
  const values = Array.from({ length: 10_000 }, (_, i) => 3 + i ** 1.5)
  const histogram = new Histogram()
  for (const value of values) histogram.add(value)
  for (const q of [0.01, 0.5, 0.9, 0.99, 0.999]) {
    const exact = quantile(values, q)
    expect(Math.abs(histogram.quantile(q) / exact - 1)).toBeLessThan(GROWTH - 1)
  }
  expect(histogram.quantile(1)).toBe(Math.max(...values))
  expect(histogram.max).toBe(Math.max(...values))
  expect(histogram.n).toBe(10_000)
})

test("histograms of slices put together are that of all values", () => {
  const [all, first, second] = [new Histogram(), new Histogram(), new Histogram()]
  for (let i = 1; i <= 1_000; i++) {
    all.add(i * 1.7)
    ;(i % 3 === 0 ? first : second).add(i * 1.7)
  }
  first.merge(second.parts())
  expect(first.report()).toEqual(all.report())
  expect(first.n).toBe(1_000)
})

test("a histogram's report leaves out what is empty at both ends, and its buckets hold what they say", () => {
  const histogram = new Histogram()
  for (const value of [50, 50, 5_000]) histogram.add(value)
  const { low, growth, counts, max } = histogram.report()!
  expect(counts[0]).toBe(2)
  expect(counts.at(-1)).toBe(1)
  expect(counts.reduce((a, b) => a + b)).toBe(3)
  expect(low).toBeLessThanOrEqual(50)
  expect(low * growth).toBeGreaterThan(50)
  expect(low * growth ** (counts.length - 1)).toBeLessThanOrEqual(5_000)
  expect(low * growth ** counts.length).toBeGreaterThan(5_000)
  expect(max).toBe(5_000)
})

test("a histogram takes nothing that no clock gives, and says nothing of nothing", () => {
  const histogram = new Histogram()
  expect(() => histogram.add(-1)).toThrow("-1")
  expect(() => histogram.add(Number.NaN)).toThrow("NaN")
  expect(() => histogram.quantile(0.5)).toThrow("no values")
  expect(histogram.report()).toBeUndefined()
  histogram.add(0)
  expect(histogram.n).toBe(1)
})

test("a slice has a quantile only where ten, a hundred, a thousand samples support it", () => {
  const of = (n: number) => sampled(Float64Array.from({ length: n }, (_, i) => i + 1)).quantiles
  expect(of(9)).toMatchObject({ p50: 5, p90: null, p99: null, "p99.9": null, max: 9 })
  expect(of(100)).toMatchObject({ "p99.9": null, max: 100 })
  expect(of(100).p99).toBeCloseTo(99.01)
  expect(of(999)["p99.9"]).toBeNull()
  expect(of(1_000)["p99.9"]).toBeCloseTo(999.001)
  expect(of(0)).toEqual({ p50: null, p90: null, p99: null, "p99.9": null, max: null })
})
