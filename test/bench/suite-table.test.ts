/** The tables on the terminal: who is faster is said, and a line fits into 100 columns. */
import { expect, test } from "vitest"
import { figures, TOGETHER } from "../../bench/suite/figures.ts"
import type { Figure } from "../../bench/suite/report.ts"
import { groupTable, show } from "../../bench/suite/table.ts"

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
  expect(line(lines, "raw ws")).toMatch(/2\.00M +1\.50M \.\. 1\.50M/)
})

test("notes are told once, under the table", () => {
  const note = `at 5 calls/s; ${TOGETHER}`
  const lines = group(figures({ id: "x/p99", title: "X", unit: "us", better: "less", note }, slices, () => 3))
  expect(lines.join(" ")).toContain("Notes: slurm-flame at 5 calls/s; raw TCP at 5 calls/s")
  expect(lines.join(" ")).not.toContain(TOGETHER)
})

test("a series shows five values of its parameter, the ends among them", () => {
  const sizes = [0, ...Array.from({ length: 27 }, (_, i) => 2 ** i)]
  const made = sizes.flatMap(value =>
    figures(
      { id: "x/p50", title: "X", unit: "us", better: "less", parameter: { name: "bytes", value } },
      slices,
      () => 7,
    ),
  )
  const lines = group(made)
  expect(lines[2]).toMatch(/bytes: +0 B +64 B +8 KiB +512 KiB +64 MiB +n$/)
  expect(line(lines, "slurm-flame")).toMatch(/^ +slurm-flame( +105k x0\.07){5} +196$/)
})

test("no line is longer than 100 columns", () => {
  const skipped = [{ subject: "tRPC", reason: `it said ${"many words ".repeat(30)}` }]
  const note = "a note with some words in it"
  const made = [
    ...figures({ id: "x/max", title: "X", unit: "us", better: "less", note }, slices, () => 123_456_789),
    ...figures({ id: "x/p50", title: "X", unit: "us", better: "less" }, slices, () => 9_999_999),
  ]
  for (const one of group(made, skipped)) expect(one.length, one).toBeLessThanOrEqual(100)
})

test("numbers have three figures that mean something", () => {
  const shown = [0.123, 1.234, 12.34, 123.4, 1_234.5, 99_999, 123_456, 12_345_678].map(show)
  expect(shown).toEqual(["0.12", "1.23", "12.3", "123", "1,235", "99,999", "123k", "12.3M"])
})
