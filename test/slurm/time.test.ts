import { describe, expect, it } from "vitest"
import { parseSlurmTime, parseTimeLimit } from "../../src/slurm/time.ts"

describe("parseSlurmTime", () => {
  it("reads a moment in UTC, whatever zone this process is in", () => {
    expect(parseSlurmTime("2026-11-22T12:34:57")).toBe(Date.UTC(2026, 10, 22, 12, 34, 57))
  })
  it.each(["N/A", "Unknown", "NONE", "", "INVALID", "2026-13-40T99:00:00", "2026-11-22"])(
    "knows no moment in %j",
    text => {
      expect(parseSlurmTime(text)).toBeUndefined()
    },
  )
})

describe("parseTimeLimit", () => {
  const second = 1_000
  const minute = 60 * second
  const hour = 60 * minute
  it.each([
    ["90", 90 * minute],
    ["90:30", 90 * minute + 30 * second],
    ["01:30:15", hour + 30 * minute + 15 * second],
    ["1-12", 36 * hour],
    ["1-12:30", 36 * hour + 30 * minute],
    ["2-00:00:01", 48 * hour + second],
    ["0", Number.POSITIVE_INFINITY],
    ["UNLIMITED", Number.POSITIVE_INFINITY],
    ["infinite", Number.POSITIVE_INFINITY],
  ])("reads %s", (text, ms) => {
    expect(parseTimeLimit(text)).toBe(ms)
  })
  it.each(["", "2h", "1:2:3:4", "-5", "1-", "a"])("refuses %j, as sbatch does", text => {
    expect(parseTimeLimit(text)).toBeUndefined()
  })
})
