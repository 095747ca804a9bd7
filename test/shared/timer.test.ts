import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { after } from "../../src/shared/timer.ts"

const DAY = 86_400_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it("fires once, when the time is over", () => {
  const action = vi.fn()
  after(1_000, action)
  vi.advanceTimersByTime(999)
  expect(action).not.toHaveBeenCalled()
  vi.advanceTimersByTime(10_000)
  expect(action).toHaveBeenCalledTimes(1)
})

it("holds longer than a timer of Node's", () => {
  const action = vi.fn()
  after(60 * DAY, action)
  vi.advanceTimersByTime(60 * DAY - 1)
  expect(action).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(action).toHaveBeenCalledTimes(1)
})

it("does nothing more once it is stopped, in whatever leg it is", () => {
  const action = vi.fn()
  const timer = after(60 * DAY, action)
  vi.advanceTimersByTime(30 * DAY)
  timer.stop()
  vi.advanceTimersByTime(60 * DAY)
  expect(action).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})

it("never fires for Infinity, and arms nothing", () => {
  const timer = after(Number.POSITIVE_INFINITY, () => {})
  expect(vi.getTimerCount()).toBe(0)
  timer.unref().stop()
})
