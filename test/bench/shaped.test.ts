/** Reports over wires of different latency as one table: that each cell is of its own report, and what is missing stays empty. */
import { expect, test } from "vitest"
import { movement, movementLines } from "../../bench/shaped/movement.mjs"
import type { Figure, GroupReport, Spread } from "../../bench/suite/report.ts"

const spread = (median: number, n = 5): Spread => ({ median, p25: median, p75: median, min: median, max: median, n })

function figure(id: string, subject: string, value: number, ratios?: Record<string, number>): Figure {
  return {
    id,
    title: id === "rate/closed" ? "Calls" : "Small call",
    subject,
    unit: "us",
    better: "less",
    n: 1000,
    slices: [value],
    spread: spread(value),
    ...(ratios
      ? { ratios: Object.fromEntries(Object.entries(ratios).map(([base, ratio]) => [base, spread(ratio, 4)])) }
      : {}),
  }
}

const report = (...figures: Figure[]): { groups: GroupReport[] } => ({
  groups: [{ id: "small", title: "", how: "", figures, skipped: [], seconds: 1 }],
})

const RUNS = [
  {
    shape: "none",
    report: report(
      figure("small/p50", "slurm-flame", 90, { "raw TCP": 3, "raw ws": 2.5 }),
      figure("small/p50", "raw TCP", 30, { "raw ws": 0.8 }),
      figure("small/p99", "raw TCP", 300),
    ),
  },
  {
    shape: "1ms",
    report: report(
      figure("small/p50", "raw TCP", 2040),
      figure("small/p50", "slurm-flame", 2100, { "raw TCP": 1.03 }),
      { ...figure("rate/closed", "slurm-flame", 7, { "raw ws": 0.5 }), parameter: { name: "in flight", value: 64 } },
      figure("rate/open/p50", "raw ws", 7),
    ),
  },
]

test("the bare wire in its own unit, the others as ratios, each in the column of its report", () => {
  expect(movement(RUNS).map(row => [row.figure, row.subject, row.base, ...row.cells.map(cell => cell?.value)])).toEqual(
    [
      ["small call, p50", "slurm-flame", "raw TCP", 3, 1.03],
      ["small call, p50", "slurm-flame", "raw ws", 2.5, undefined],
      ["small call, p50", "raw TCP", null, 30, 2040],
      ["Calls, in flight 64", "slurm-flame", "raw ws", undefined, 0.5],
    ],
  )
  expect(movement(RUNS)[0]!.cells[0]).toEqual({ value: 3, n: 1000, slices: 4 })
  expect(movement(RUNS)[2]!.cells[1]).toEqual({ value: 2040, n: 1000, slices: 5 })
})

test("as text: the wire first, a dash where there is nothing", () => {
  expect(movementLines(RUNS)).toEqual([
    "                                            none    1ms",
    "small call, p50      raw TCP, us            30.0   2040",
    "small call, p50      slurm-flame / raw TCP  3.00   1.03",
    "small call, p50      slurm-flame / raw ws   2.50      -",
    "Calls, in flight 64  slurm-flame / raw ws      -  0.500",
  ])
})
