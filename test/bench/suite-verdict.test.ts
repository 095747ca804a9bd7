/** Who is faster, and when that is not said: the one verdict that the terminal's tables and the page's summary both have. */
import { expect, test } from "vitest"
import { medianInterval as ofTheBars } from "../../bench/check/verdict.mjs"
import { summary } from "../../bench/suite/html/summary.ts"
import type { Figure } from "../../bench/suite/report.ts"
import { groupTable } from "../../bench/suite/table.ts"
import { medianInterval, standingOf } from "../../bench/suite/verdict.ts"
import { figureOf, group, madeUpReport, normal, random } from "./made-up-report.ts"

function calls(subject: string, slices: readonly (number | null)[], more: Partial<Figure> = {}): Figure {
  return { ...figureOf({ id: "made/p50", title: "Made", subject, unit: "us", slices }), ...more }
}

test("the interval of a median is that of the bars, and there is none of fewer than six", () => {
  const next = random(7)
  for (let n = 1; n < 40; n++) {
    const values = Array.from({ length: n }, () => normal(next))
    const { low, high, confidence } = ofTheBars(values)
    expect(medianInterval(values), String(n)).toEqual(confidence < 0.95 ? undefined : [low, high])
  }
  expect(medianInterval([1, 2, 3, 4, 5])).toBeUndefined()
  expect(medianInterval([6, 2, 3, 4, 5, 1])).toEqual([1, 6])
})

test("rounds are paired: what hits both hides no difference", () => {
  const weather = [1, 9, 2, 7, 3, 8, 1, 5, 4]
  const [fast, slow] = [weather.map(x => x * 100), weather.map((x, i) => x * (105 + (i % 3)))]
  expect(standingOf(calls("a", fast), calls("b", slow))).toMatchObject({ kind: "ahead", n: 9 })
  expect(standingOf(calls("b", slow), calls("a", fast))!.advantage).toBeCloseTo(1 / 1.06)
  expect(standingOf(calls("b", slow), calls("a", fast))!.kind).toBe("behind")
  const more = { better: "more" } as const
  expect(standingOf(calls("b", slow, more), calls("a", fast, more))!.kind).toBe("ahead")
})

test("equals are told apart in one comparison of twenty at most", () => {
  const next = random(11)
  for (const rounds of [3, 5, 6, 9, 25]) {
    const slices = () => Array.from({ length: rounds }, () => 100 * Math.exp(0.1 * normal(next)))
    let told = 0
    for (let i = 0; i < 2_000; i++) {
      const { kind } = standingOf(calls("a", slices()), calls("b", slices()))!
      told += kind === "ahead" || kind === "behind" ? 1 : 0
    }
    if (rounds < 6) expect(told, `${rounds} rounds`).toBe(0)
    else expect(told / 2_000, `${rounds} rounds`).toBeLessThan(0.065)
  }
})

test("there is no verdict without common rounds, on what is no quotient, and on what is of all calls", () => {
  const nine = Array.from({ length: 9 }, (_, i) => 100 + i)
  expect(standingOf(calls("a", nine), calls("b", [1, 2]))).toBeUndefined()
  expect(standingOf(calls("a", [...nine.slice(1), 0]), calls("b", nine))).toBeUndefined()
  const tail = { value: 900 }
  expect(standingOf(calls("a", nine, tail), calls("b", nine, { value: 300 }))).toEqual({
    advantage: 1 / 3,
    n: 1,
    kind: "unsure",
  })
})

test("the terminal and the page say the same", () => {
  const rounds = Array.from({ length: 9 }, (_, i) => 100 + i)
  const figures = [
    calls("slurm-flame", rounds),
    calls(
      "raw ws",
      rounds.map(x => x / 2),
    ),
    calls(
      "birpc",
      rounds.map((x, i) => x * (i % 2 === 0 ? 1.2 : 0.8)),
    ),
  ]
  const one = group("made", "Made up", "Nothing was done.", figures)
  const lines = groupTable(one)
  expect(lines.find(line => line.trim().startsWith("raw ws"))).toContain("2.00x faster")
  expect(lines.find(line => line.includes("birpc"))).toContain("like ours")
  const { html } = summary({ ...madeUpReport(), groups: [one] })
  expect(html).toContain("ahead in 0 and behind in 1")
  expect(html).toContain("In 1 it does not")
  const few = group(
    "made",
    "Made up",
    "Nothing was done.",
    figures.map(figure => calls(figure.subject, figure.slices.slice(0, 3))),
  )
  expect(groupTable(few).join("\n")).not.toMatch(/faster$|slower$|like ours/m)
  expect(groupTable(few).join("\n")).toContain("No verdicts: 3 rounds")
  expect(summary({ ...madeUpReport(), groups: [few] }).html).toContain("ahead in 0 and behind in 0")
})
