import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { Walltime } from "../../src/runner/supervisor/walltime.ts"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

function walltime(leftMs: number | undefined, signalBeforeMs = 60_000) {
  const said: string[] = []
  const facts = { killWaitMs: 30_000, signalBeforeMs }
  const one = new Walltime(facts, leftMs, { ask: () => void said.push("ask"), due: () => void said.push("due") })
  return { one, said }
}

it("asks once more ten seconds before the drain is due", () => {
  const { said } = walltime(600_000)
  vi.advanceTimersByTime(529_999)
  expect(said).toEqual([])
  vi.advanceTimersByTime(1)
  expect(said).toEqual(["ask"])
  vi.advanceTimersByTime(9_999)
  expect(said).toEqual(["ask"])
  vi.advanceTimersByTime(1)
  expect(said).toEqual(["ask", "due"])
})

it("does not ask again because it was told the same, a little later than the first time", () => {
  const { one, said } = walltime(600_000)
  vi.advanceTimersByTime(530_000)
  expect(one.set(70_400)).toBe(false) // the answer, and the time it took to come
  expect(one.leftMs).toBe(70_000)
  expect(one.set(69_500)).toBe(false) // one that took less
  expect(one.leftMs).toBe(69_500)
  vi.advanceTimersByTime(9_500)
  expect(said).toEqual(["ask", "due"])
})

it("goes by the last word: an end that was moved is asked for again, and one moved to now is due now", () => {
  const { one, said } = walltime(600_000)
  vi.advanceTimersByTime(530_000)
  expect(one.set(670_000)).toBe(true)
  vi.advanceTimersByTime(600_000)
  expect(said).toEqual(["ask", "ask"])
  expect(one.set(20_000)).toBe(true)
  vi.advanceTimersByTime(0)
  expect(said).toEqual(["ask", "ask", "due"])
  expect(one.workMs).toBe(18_500)
})

it.each([
  [undefined, 60_000, true], // any signal may be the warning
  [91_000, 60_000, false],
  [90_000, 60_000, true], // slurmctld looks every 30 s
  [59_000, 30_000, true], // a job of one minute, a second after its start
  [0, 60_000, true],
] as const)("with %s ms left, of which %i were asked for, a warning may come: %s", (leftMs, before, near) => {
  expect(walltime(leftMs, before).one.near).toBe(near)
})

it("works for a quarter of its time, however long before the end it is to drain: else it would be replaced for ever", () => {
  const { one, said } = walltime(60_000, 60_000)
  vi.advanceTimersByTime(14_999)
  expect(said).not.toContain("due")
  vi.advanceTimersByTime(1)
  expect(said).toContain("due")
  expect(one.workMs).toBe(43_500)
})
