/** The arithmetic behind the transport benchmark's table; the benchmark itself is not run here. */
import { expect, test } from "vitest"
import { quantile, ratios, spread, stable } from "../../bench/transport/statistics.mjs"

test("a quantile is interpolated between neighbours, whatever the order, and leaves the values alone", () => {
  const values = [30, 100, 20, 9]
  expect([0, 0.25, 0.5, 1].map(q => quantile(values, q))).toEqual([9, 17.25, 25, 100])
  expect(values).toEqual([30, 100, 20, 9])
  expect(quantile([7], 0.99)).toBe(7)
})

test("there is no quantile of nothing, and none outside of 0 to 1", () => {
  expect(() => quantile([], 0.5)).toThrow("no values")
  expect(() => quantile([1], 1.5)).toThrow("got 1.5")
  expect(() => quantile([1], Number.NaN)).toThrow("got NaN")
})

test("a spread is the median with the quarters around it", () => {
  expect(spread([1, 2, 3, 4, 5])).toEqual({ median: 3, p25: 2, p75: 4, n: 5 })
})

test("ratios pair the slices of one round, and leave out a round that one of them lacks", () => {
  expect(ratios([2, 6, undefined, 8], [1, 2, 3, undefined])).toEqual([2, 3])
  expect(ratios([2, 6, 9], [1])).toEqual([2])
  // The median of paired ratios is not the ratio of medians: the round in which the machine was slow counts once.
  expect(spread(ratios([2, 20, 200], [1, 10, 400])).median).toBe(2)
})

test("stable looks at the last values alone", () => {
  expect(stable([100, 100])).toBe(false)
  expect(stable([500, 100, 105, 95])).toBe(true)
  expect(stable([100, 100, 130])).toBe(false)
  expect(stable([100, 130, 100], 3, 0.3)).toBe(true)
})
