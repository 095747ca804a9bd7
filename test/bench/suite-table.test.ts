/** The tables on the terminal: who is faster is said, and a line fits into 100 columns. */
import { expect, test } from "vitest"
import { show } from "../../bench/suite/cells.ts"
import { figures, TOGETHER } from "../../bench/suite/figures.ts"
import type { Figure } from "../../bench/suite/report.ts"
import { groupTable, legendsOf } from "../../bench/suite/table.ts"

const group = (made: readonly Figure[], skipped: { subject: string; reason: string }[] = []) =>
  groupTable({ id: "x", title: "X", how: "", figures: made, skipped, seconds: 1.2 })
const slices = new Map([
  ["slurm-flame", [100_000, 110_000, 105_000, 105_000, 105_000, 105_000]],
  ["raw TCP", [10_000, 11_000, 12_000, 11_000, 11_000, 11_000]],
  ["comlink worker_threads", [104_000, 108_000, 90_000, 106_000, 107_000, 103_000]],
  ["raw ws", [1_000_000, 2_000_000, 1_500_000, 1_500_000, 1_500_000, 1_500_000]],
])
const line = (lines: readonly string[], subject: string) => lines.find(one => one.trim().startsWith(subject))!

test("another that is faster or slower is named so, and one within the spread is not", () => {
  const less = group(figures({ id: "x/p50", title: "X", unit: "us", better: "less" }, slices, () => 1_234_567))
  expect(line(less, "raw TCP")).toMatch(/9\.55x faster$/)
  expect(line(less, "raw ws")).toMatch(/14\.3x slower$/)
  expect(line(less, "comlink")).toMatch(/like ours$/)
  expect(line(less, "slurm-flame")).toContain("1,234,567")
  const more = group(figures({ id: "x/rate", title: "X", unit: "calls/s", better: "more" }, slices, () => 3))
  expect(line(more, "raw TCP")).toMatch(/9\.55x slower$/)
  const share = group(figures({ id: "x/kept", title: "X", unit: "%", better: "more" }, slices, () => 3))
  expect(line(share, "raw ws")).toMatch(/14\.3x better$/)
})

test("a figure of all calls is told as such, with the quarters of the slices' own", () => {
  const made = figures({ id: "x/max", title: "X", unit: "us", better: "less" }, slices, () => 3)
  const lines = group(made.map(figure => ({ ...figure, value: figure.spread.max })))
  expect(lines[1]).toContain("of all calls")
  expect(line(lines, "raw ws")).toMatch(/2,000 ms +1,500 \.\. 1,500 ms/)
})

test("a note of all rows is told once, above them", () => {
  const note = `at 5 calls/s; ${TOGETHER}`
  const lines = group(figures({ id: "x/p99", title: "X", unit: "us", better: "less", note }, slices, () => 3))
  expect(lines.join(" ")).toMatch(/^[^/]+ X \(us, less is better\) +at 5 calls\/s (?!.*at 5)/)
  expect(lines.join(" ")).not.toContain(TOGETHER)
})

test("a series shows as many values of its parameter as have room, the ends among them", () => {
  const sizes = [0, ...Array.from({ length: 27 }, (_, i) => 2 ** i)]
  const made = sizes.flatMap(value =>
    figures(
      { id: "x/p50", title: "X", unit: "us", better: "less", parameter: { name: "bytes", value } },
      slices,
      () => 7,
    ),
  )
  const lines = group(made)
  expect(lines[1]).toMatch(/bytes: +0 B +256 B +128 KiB +64 MiB +n$/)
  expect(line(lines, "slurm-flame")).toMatch(/^ +slurm-flame( +105 ms x0\.07){4} +196$/)
  expect(lines.join(" ")).toContain("(x: so many times raw ws, in the same rounds; below 1 is better)")
})

test("a verdict is by the ratios of the rounds, as the column of ratios is, and its words are told once", () => {
  const uneven = new Map([
    ["slurm-flame", [10, 20, 30, 40, 50, 60]],
    ["raw ws", [5, 5, 10, 10, 25, 40]],
  ])
  const report = figures({ id: "x/p50", title: "X", unit: "us", better: "less" }, uneven, () => 7)
  const lines = group(report)
  expect(line(lines, "slurm-flame")).toMatch(/35\.0 .* 2\.50$/)
  expect(line(lines, "raw ws")).toMatch(/2\.50x faster$/)
  const legends = legendsOf({ id: "x", title: "X", how: "", figures: report, skipped: [], seconds: 1 })
  expect(legends.join(" ")).toContain("like ours: the interval of the rounds' ratios holds 1")
  expect(legends.join(" ")).not.toContain("p99.9")
})

test("a quantile that a subject has too few calls for says so", () => {
  const head = { title: "X", unit: "us", better: "less" } as const
  const p50 = figures({ ...head, id: "x/p50" }, slices, subject => (subject === "slurm-flame" ? 999 : 5_000))
  const far = figures({ ...head, id: "x/p99.9" }, slices, () => 5_000).filter(
    ({ subject }) => subject !== "slurm-flame",
  )
  expect(group([...p50, ...far]).at(-1)).toBe("    too few calls for it, which takes 1,000: slurm-flame (999)")
})

test("figures that one subject alone has are the rows of one table, each with its note", () => {
  const own = new Map([["slurm-flame", [1, 2, 3, 4, 5, 6]]])
  const of = (stage: string) =>
    figures({ id: `x/${stage}`, title: `X: ${stage}`, unit: "ms", better: "less", note: `of ${stage}` }, own, () => 6)
  const lines = group([...of("boot"), ...of("import")])
  expect(lines.slice(1).map(one => one.trim().replace(/ .*/, ""))).toEqual([
    "X:",
    "value",
    "boot",
    "of",
    "import",
    "of",
  ])
})

test("runners are columns, all kinds of work are in one table, and a speed-up is a row of it", () => {
  const of = (id: string, unit: "%" | "calls/s", value: number, one: number) =>
    figures(
      { id: `scaling/${id}`, title: id, unit, better: "more", parameter: { name: "runners", value } },
      new Map([["slurm-flame", [one, one, one]]]),
      () => 3,
    )
  const two = [...of("sink", "calls/s", 2, 70), ...of("busy-efficiency", "%", 2, 90)]
  const lines = group([
    ...of("busy", "calls/s", 1, 100),
    ...of("sink", "calls/s", 1, 60),
    ...of("busy", "calls/s", 2, 180),
    ...two,
  ])
  expect(lines.filter(one => one.includes("runners:")).length).toBe(1)
  expect(line(lines, "speed-up")).toMatch(/speed-up +- +1\.80$/)
})

test("what is not installed is not said in every group", () => {
  const lines = group([], [{ subject: "tRPC", reason: "not installed: @trpc/server" }])
  expect(lines.length).toBe(1)
})

test("no line is longer than 100 columns, no number is cut, and a long name does not push the columns", () => {
  const skipped = [{ subject: "tRPC", reason: `it said ${"many words ".repeat(30)}` }]
  const note = "a note with some words in it"
  const made = [
    ...figures({ id: "x/max", title: "X", unit: "us", better: "less", note }, slices, () => 123_456_789),
    ...figures({ id: "x/p50", title: "X", unit: "us", better: "less" }, slices, () => 9_999_999),
  ]
  const long = { ...made[0]!, subject: `one with ${"a very long ".repeat(5)}name` }
  const lines = group([...made.slice(0, 4), long], skipped)
  expect(lines.filter(one => one.includes("123,456,789") || one.includes("123M")).length).toBe(5)
  for (const one of [...lines, ...group(made)]) expect(one.length, one).toBeLessThanOrEqual(100)
})

test("numbers have three figures that mean something", () => {
  const shown = [0.123, 1.234, 12.34, 123.4, 1_234.5, 99_999, 123_456, 12_345_678].map(show)
  expect(shown).toEqual(["0.12", "1.23", "12.3", "123", "1,235", "99,999", "123k", "12.3M"])
})
