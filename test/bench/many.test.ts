/** The arithmetic of the groups with many runners, and what they do when a subject fails. No timings: the slices are made up. */
import { describe, expect, test } from "vitest"
import type { Bench } from "../../bench/suite/group.ts"
import { doublings, efficiency, megabytesPerSecond, paired, perSecond } from "../../bench/suite/many/arithmetic.ts"
import { type Count, lasting, rate, read } from "../../bench/suite/many/loops.ts"
import { gauge, latencyFigures, rateFigures, type Slice } from "../../bench/suite/many/slices.ts"
import type { Stage } from "../../bench/suite/many/stage.ts"
import { against, measureVariants, type Variant, warmSlices } from "../../bench/suite/many/variants.ts"
import type { Figure } from "../../bench/suite/report.ts"
import { sampled } from "../../bench/suite/sampled.ts"
import { spread } from "../../bench/suite/statistics.ts"

describe("arithmetic", () => {
  test.each([
    [1, [1]],
    [2, [1, 2]],
    [6, [1, 2, 4, 6]],
    [8, [1, 2, 4, 8]],
  ])("doublings up to %i", (most, steps) => expect(doublings(most)).toEqual(steps))

  test.each([0, -1, 1.5, Number.NaN])("no doublings up to %d", most =>
    expect(() => doublings(most)).toThrow(RangeError),
  )

  test("efficiency is the rate against so many times that of one, in percent", () => {
    expect(efficiency(400, 100, 4)).toBe(100)
    expect(efficiency(300, 100, 4)).toBe(75)
    expect(efficiency(100, 100, 1)).toBe(100)
    expect(() => efficiency(100, 0, 2)).toThrow(RangeError)
    expect(() => efficiency(100, 100, 0)).toThrow(RangeError)
  })

  test("rates", () => {
    expect(perSecond({ done: 50, ms: 200 })).toBe(250)
    expect(megabytesPerSecond({ done: 2, ms: 500 }, 1_000_000)).toBe(4)
    expect(() => perSecond({ done: 1, ms: 0 })).toThrow(RangeError)
  })

  test("a warm-up has a quarter of the group's time, and three to ten slices of each work", () => {
    expect(warmSlices(40, 2_000)).toBe(5)
    expect(warmSlices(1, 2_000)).toBe(3)
    expect(warmSlices(1_000, 2_000)).toBe(10)
  })

  test("pairs are of one round; where one has nothing, there is none", () => {
    expect(paired([10, null, 30], [2, 4, null], (a, b) => a / b)).toEqual([5, null, null])
    expect(paired([10, 20], [2], (a, b) => a / b)).toEqual([5, null])
  })
})

describe("loops", () => {
  test("a rate counts what was done, and when a call fails it waits for the others before it says so", async () => {
    let under = 0
    let calls = 0
    const call = async () => {
      under += 1
      const own = ++calls
      await new Promise(setImmediate)
      if (own !== 3) await new Promise(setImmediate)
      under -= 1
      if (own === 3) throw new Error("the third")
    }
    await expect(rate(call, 5, 4)).rejects.toThrow("the third")
    expect(under).toBe(0)
    const { done, ms } = await rate(async () => undefined, 1, 2)
    expect(done).toBeGreaterThan(0)
    expect(ms).toBeGreaterThan(0)
  })

  test("a reader leaves a stream without an end, and a stream ends by itself", async () => {
    let left = false
    async function* endless() {
      try {
        for (;;) yield 1
      } finally {
        left = true
      }
    }
    expect((await read(endless(), 1)).done).toBeGreaterThan(0)
    expect(left).toBe(true)
    const items = []
    for await (const item of lasting("x", 1)) items.push(item)
    expect(new Set(items)).toEqual(new Set(["x"]))
  })
})

const count = (done: number): Count => ({ done, ms: 100 })

describe("figures", () => {
  test("take the variants of one name, each subject for itself, with all that was counted", () => {
    const slices = new Map<string, (Slice | null)[]>([
      ["rate: a", [count(10), null, count(30)]],
      ["rate: b", [null, null, null]],
      ["other: a", [count(1)]],
    ])
    const made = rateFigures({ id: "x", title: "X", unit: "calls/s" }, slices, "rate: ")
    expect(made).toHaveLength(1)
    expect(made[0]).toMatchObject({ subject: "a", n: 40, slices: [100, null, 300], spread: { median: 200, n: 2 } })
  })

  test("of latencies have the quantiles that their samples bear", () => {
    const slices = new Map<string, (Slice | null)[]>([["latency: a", [sampled(Float64Array.of(1, 2, 3))]]])
    const made = latencyFigures({ id: "x", title: "X", unit: "us" }, slices, "latency: ")
    expect(made.map(({ id }) => id)).toEqual(["x/p50", "x/max"])
    expect(gauge(sampled(Float64Array.of(1, 2, 3)))).toBe(2)
  })

  test("are compared with those of the same id and parameter alone", () => {
    const figure = (subject: string, id: string, runners: number, value: number): Figure => ({
      ...{ id, title: id, subject, unit: "calls/s", better: "more", n: 1, slices: [value], spread: spread([value]) },
      parameter: { name: "runners", value: runners },
    })
    const all = [figure("a", "x", 1, 10), figure("a", "x", 2, 30), figure("b", "x", 2, 10), figure("b", "y", 1, 5)]
    const made = against(all, subject => (subject === "a" ? ["a", "b"] : []))
    expect(made.map(({ ratios }) => ratios?.["b"]?.median)).toEqual([undefined, 3, undefined, undefined])
    expect(made.every(({ ratios }) => ratios?.["a"] === undefined)).toBe(true)
  })
})

describe("a subject that fails", () => {
  const told = () => {
    const skips: string[] = []
    const options = { quick: true, secondsPerGroup: 1, backend: "local", tls: true, maxRunners: 2 } as const
    const bench = {
      ...{ options, about: undefined as never, signal: new AbortController().signal, warn: () => undefined },
      ...{ progress: () => undefined, skip: (who: string, why: string) => void skips.push(`${who}: ${why}`) },
    }
    return { bench: bench as unknown as Bench, skips }
  }
  const stage = (name: string) => ({ name }) as Stage
  const variant = (name: string, of: Stage, measure: () => Promise<Count>): Variant<Count> => ({
    ...{ name, stage: of, measure },
  })

  test("is out with all its works and told once; the others go on; its rounds before stay", async () => {
    const { bench, skips } = told()
    const [good, bad] = [stage("good"), stage("bad")]
    let begun = 0
    let after = 0
    const fails = async () => {
      begun += 1
      if (begun > 4) throw new Error("lost")
      return count(10)
    }
    const other = async () => {
      if (begun > 4) after += 1
      return count(10)
    }
    const slices = await measureVariants(
      bench,
      [variant("1", bad, fails), variant("2", bad, other), variant("3", good, async () => count(10))],
      1,
      perSecond,
    )
    expect(skips).toEqual(["bad: lost; the rounds before are in the figures"])
    expect(after).toBe(0)
    expect(slices.get("3")).toEqual([count(10), count(10), count(10)])
    expect(slices.get("1")).toEqual([count(10), null, null])
  })

  test("in its warm-up is in no round", async () => {
    const { bench, skips } = told()
    const fails = () => Promise.reject(new Error("never came"))
    const slices = await measureVariants(
      bench,
      [variant("1", stage("bad"), fails), variant("2", stage("good"), async () => count(1))],
      1,
      perSecond,
    )
    expect([...slices.keys()]).toEqual(["2"])
    expect(skips).toHaveLength(1)
  })
})
