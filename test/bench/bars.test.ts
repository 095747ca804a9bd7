/** What `npm run bench:check` says of a bar: only what is surely on one side of it is met or missed. Nothing is measured here. */
import { describe, expect, test } from "vitest"
import { BARS, limit } from "../../bench/check/bars.mjs"
import { budget, LEAST } from "../../bench/check/budget.mjs"
import { remarks, table, totals } from "../../bench/check/text.mjs"
import { judge, medianInterval } from "../../bench/check/verdict.mjs"

/** `n` samples, evenly from `low` to `high`, the largest first. */
const between = (low: number, high: number, n = 9) =>
  Array.from({ length: n }, (_, i) => high - (i * (high - low)) / (n - 1))

describe("the interval of a median", () => {
  test("is the narrowest pair of samples that holds it with 95 %, as the tables of the sign test have it", () => {
    // n -> which smallest and largest sample, and how sure that is.
    const tables = {
      6: [1, 0.9688],
      8: [1, 0.9922],
      9: [2, 0.9609],
      12: [3, 0.9614],
      20: [6, 0.9586],
      40: [14, 0.9615],
    }
    for (const [n, [k, confidence]] of Object.entries(tables) as [string, [number, number]][]) {
      const samples = Array.from({ length: Number(n) }, (_, i) => i + 1).reverse()
      const found = medianInterval(samples)
      expect(found).toMatchObject({ low: k, high: Number(n) + 1 - k, n: Number(n), median: (Number(n) + 1) / 2 })
      expect(found.confidence).toBeCloseTo(confidence, 4)
    }
  })

  test("of too few samples is all of their range, and says what that is worth", () => {
    expect(medianInterval([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3, confidence: 0.75, n: 3 })
    expect(medianInterval([7])).toEqual({ median: 7, low: 7, high: 7, confidence: 0, n: 1 })
  })

  test("leaves a far outlier out of the interval, and the samples as they were", () => {
    const samples = [1.1, 900, 1.2, 1, 1.3, 1.15, 1.25, 1.05, 1.18]
    expect(medianInterval(samples)).toMatchObject({ low: 1.05, high: 1.3 })
    expect(samples[1]).toBe(900)
  })

  test("does not exist of nothing, nor of what is no number", () => {
    expect(() => medianInterval([])).toThrow("no samples")
    expect(() => medianInterval([1, Number.NaN, 2])).toThrow("a sample is NaN")
  })
})

describe("a bar", () => {
  const atMost = { atMost: 1.4 }
  const atLeast = { atLeast: 0.8 }

  test.each([
    ["at most, all below", atMost, between(1.1, 1.3), "ok"],
    ["at most, all above", atMost, between(1.5, 1.7), "MISS"],
    ["at most, on both sides", atMost, between(1.2, 1.6), "within noise"],
    ["at most, the median below, the interval not", atMost, between(1.2, 1.5), "within noise"],
    ["at least, all above", atLeast, between(0.9, 1.1), "ok"],
    ["at least, all below", atLeast, between(0.5, 0.7), "MISS"],
    ["at least, on both sides", atLeast, between(0.6, 1), "within noise"],
    ["at most, just met", atMost, between(1.4, 1.4), "ok"],
    ["at least, just met", atLeast, between(0.8, 0.8), "ok"],
    ["at most, the worst just met", atMost, between(1.2, 1.4, LEAST), "ok"],
    ["at most, the best just met", atMost, between(1.4, 1.6, LEAST), "within noise"],
    ["at least, the best just met", atLeast, between(0.6, 0.8, LEAST), "within noise"],
    ["at most, one far outlier", atMost, [...between(1.1, 1.3), 50], "ok"],
    ["at most zero", { atMost: 0 }, between(0.1, 0.2), "MISS"],
  ])("%s", (_, bar, samples, verdict) => {
    expect(judge(bar, samples).verdict).toBe(verdict)
  })

  test("is within the noise of fewer samples than it takes to be sure, wherever they lie", () => {
    expect(judge(atMost, between(9, 10, LEAST - 1))).toMatchObject({
      verdict: "within noise",
      why: "n = 5: too few to tell",
    })
    expect(judge(atMost, between(9, 10, LEAST)).verdict).toBe("MISS")
  })

  test("is never met by what was not measured", () => {
    expect(judge(atMost, undefined, "the peer ended")).toEqual({
      verdict: "not available",
      why: "the peer ended",
      n: 0,
    })
    expect(judge(atMost, [])).toEqual({ verdict: "not available", why: "nothing was measured", n: 0 })
    expect(judge(atMost, [1, Number.NaN, 1, 1, 1, 1, 1])).toMatchObject({ verdict: "not available" })
    expect(judge(atMost, [1, Number.POSITIVE_INFINITY, 1, 1, 1, 1, 1])).toMatchObject({ verdict: "not available" })
  })
})

describe("what is printed", () => {
  const call = {
    what: "small call",
    subject: "ours",
    base: "raw ws",
    atMost: 1.4,
    from: "transport",
    group: "a",
    brief: true,
  }
  const time = { what: "cold start", subject: "local", unit: "ms", atMost: 300, from: "main", group: "b", brief: true }
  const judged = [
    { id: "a/1", ...call, ...judge(call, between(1.5, 1.9)) },
    { id: "a/2", ...call, known: "two wake-ups", ...judge(call, between(1.5, 1.9)) },
    { id: "a/3", ...call, known: "two wake-ups", ...judge(call, between(0.9, 1.3)) },
    { id: "a/4", ...call, ...judge(call, between(0.9, 1.3)) },
    { id: "a/5", ...call, ...judge(call, between(1.3, 1.5)) },
    { id: "b/1", ...time, ...judge(time, undefined, "the peer ended") },
    { id: "b/2", ...time, ...judge(time, between(410, 450)) },
  ]

  test("names each miss with its figure, its bar and whether it is known, and each known one that was met", () => {
    expect(remarks(judged)).toEqual([
      "MISS  small call: ours 1.70x raw ws (1.55 to 1.85, n 9), bar <= 1.4 [transport]; NOT a known miss",
      "MISS  small call: ours 1.70x raw ws (1.55 to 1.85, n 9), bar <= 1.4 [transport]; known: two wake-ups",
      "MISS  cold start: local 430 ms (415 to 445, n 9), bar <= 300 [main]; NOT a known miss",
      "met   small call: ours 1.10x raw ws (0.95 to 1.25, n 9), bar <= 1.4, though known to be missed (two wake-ups)",
    ])
  })

  test("counts the verdicts, and names none that there is not", () => {
    expect(totals(judged)).toBe("2 ok, 3 MISS, 1 within noise, 1 not available")
    expect(totals(judged.slice(3, 4))).toBe("1 ok")
  })

  test("is one table whose columns begin at the same place", () => {
    const lines = table(judged)
    expect(lines).toHaveLength(judged.length + 1)
    expect(lines[6]).toMatch(/^cold start +local +ms +<= 300 +- +not available: the peer ended$/)
    const at = lines[0]!.indexOf("bar")
    expect(lines.slice(1).map(line => line.slice(at, at + 2))).toEqual(judged.map(() => "<="))
  })
})

describe("the list of bars", () => {
  test("names each once, with one limit, and a base or a unit", () => {
    expect(new Set(BARS.map(({ id }) => id)).size).toBe(BARS.length)
    for (const bar of BARS) {
      const limits = [bar.atMost, bar.atLeast].filter(limit => limit !== undefined)
      expect([bar.id, limits.length]).toEqual([bar.id, 1])
      expect([bar.id, [bar.base, bar.unit].filter(Boolean).length]).toEqual([bar.id, 1])
      expect(bar.id.split("/")[0]).toBe(bar.group)
    }
  })

  test("gives a benchmark its limit, and nothing for a name that it does not have", () => {
    expect(limit("small/plain")).toEqual({ atMost: 1.4 })
    expect(limit("bulk/transfer/tcp")).toEqual({ atLeast: 0.95 })
    expect(() => limit("small/plane")).toThrow('no bar "small/plane"')
  })
})

describe("the budget", () => {
  /** Ten seconds for two groups, at a moment that the test sets. */
  function made() {
    const clock = { seconds: 100 }
    return { clock, time: budget({ a: 1, b: 3 }, 10, () => clock.seconds * 1_000) }
  }

  test("shares the time by weight, and what one leaves over is the next one's", () => {
    const { clock, time } = made()
    expect(time.of("a").seconds()).toBeCloseTo(2.5)
    clock.seconds = 101
    expect(time.of("b").seconds()).toBeCloseTo(9)
    expect(time.of("b").more(LEAST)).toBe(true)
    clock.seconds = 110
    expect(time.of("b").more(LEAST)).toBe(false)
  })

  test("lets a group be sure of its median beyond its share, but nothing go on beyond twice the time", () => {
    const { clock, time } = made()
    clock.seconds = 115
    expect(time.of("a").more(LEAST - 1)).toBe(true)
    expect(time.of("a").more(LEAST)).toBe(false)
    expect(time.over()).toBe(false)
    clock.seconds = 120
    expect(time.of("a").more(LEAST - 1)).toBe(false)
    expect(time.over()).toBe(true)
  })

  test("ends at the most rounds that a group wants, whatever time is left", () => {
    expect(made().time.of("a").more(8, 8)).toBe(false)
    expect(made().time.of("a").more(7, 8)).toBe(true)
  })
})
