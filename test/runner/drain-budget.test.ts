import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { DrainBudget, HOOKS_MS } from "../../src/runner/supervisor/drain-budget.ts"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

function budget() {
  const said: string[] = []
  const one = new DrainBudget({ hurry: ms => void said.push(`hurry ${ms}`), kill: () => void said.push("kill") })
  return { one, said }
}

it("tells a worker whose time is over to run its hooks, and kills it when those have had theirs", () => {
  const { one, said } = budget()
  one.start(10_000)
  vi.advanceTimersByTime(9_999)
  expect([said, one.leftMs]).toEqual([[], 1])
  vi.advanceTimersByTime(1)
  expect(said).toEqual([`hurry ${HOOKS_MS}`])
  one.answered()
  vi.advanceTimersByTime(HOOKS_MS - 1)
  expect(said).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(said).toEqual([`hurry ${HOOKS_MS}`, "kill"])
})

it("kills a worker that does not answer long before that", () => {
  const { one, said } = budget()
  one.start(10_000)
  vi.advanceTimersByTime(10_300)
  expect(said).toEqual([`hurry ${HOOKS_MS}`, "kill"])
})

it("of no time kills at once, also in the middle of a drain and of its hooks", () => {
  const { one, said } = budget()
  one.start(10_000)
  one.start(0)
  expect(said).toEqual(["kill"])
  const other = budget()
  other.one.start(1)
  vi.advanceTimersByTime(1)
  other.one.answered()
  other.one.start(0)
  expect(other.said).toEqual([`hurry ${HOOKS_MS}`, "kill"])
})

it("can be made longer and shorter, until it is over", () => {
  const { one, said } = budget()
  one.start(1_000)
  one.extend(500)
  expect(one.leftMs).toBe(1_000)
  one.extend(5_000)
  expect(one.leftMs).toBe(5_000)
  one.shorten(9_000)
  expect(one.leftMs).toBe(5_000)
  one.shorten(2_000)
  expect(one.leftMs).toBe(2_000)
  one.shorten(0)
  expect(said).toEqual([`hurry ${HOOKS_MS}`])
  one.answered()
  one.extend(60_000) // too late
  one.hurry()
  vi.advanceTimersByTime(HOOKS_MS)
  expect(said).toEqual([`hurry ${HOOKS_MS}`, "kill"])
})
