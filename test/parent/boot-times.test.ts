/** What is expected of the next boot, from those that were seen. */
import { describe, expect, it } from "vitest"
import { BootTimes } from "../../src/parent/boot-times.ts"

/** After boots that took so long. */
function after(...times: number[]): number {
  const boots = new BootTimes()
  for (const ms of times) {
    const runner = {}
    boots.begin(runner, 1_000)
    boots.served(runner, 1_000 + ms)
  }
  return boots.expectedMs
}
const times = (count: number, ms: number) => Array.from({ length: count }, () => ms)

describe("a boot is expected to take", () => {
  it.each([
    ["a minute before there was any", [], 60_000],
    ["as long as the only one", [1_500], 1_500],
    ["as long as the longest of a few", [100, 900, 200], 900],
    ["no longer for two in twenty that were late", [9_000, 9_000, ...times(18, 100)], 100],
    ["longer for three in twenty", [9_000, 9_000, 9_000, ...times(17, 100)], 9_000],
    ["as long as the newest, if that was late", [...times(19, 100), 5_000], 5_000],
    ["what the last twenty took", [...times(10, 9_000), ...times(20, 100)], 100],
  ])("%s", (_, seen, expected) => {
    expect(after(...seen)).toBe(expected)
  })

  it("what was not begun here, or served before, says nothing", () => {
    const boots = new BootTimes()
    const runner = {}
    boots.served(runner, 9_000)
    expect(boots.expectedMs).toBe(60_000)
    boots.begin(runner, 0)
    boots.served(runner, 100)
    boots.served(runner, 90_000) // its worker crashed and came up again
    expect(boots.expectedMs).toBe(100)
  })
})
