import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { eachBeat } from "../../src/shared/beat.ts"

const MS = 1_600

const stops: (() => void)[] = []
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
  vi.useRealTimers()
})

/** Adds a member that counts its turns. */
function member(ms = MS) {
  const action = vi.fn()
  const stop = eachBeat(ms, action)
  stops.push(stop)
  return { action, stop }
}

it("gives each member one turn in each interval", () => {
  const members = Array.from({ length: 100 }, () => member())
  vi.advanceTimersByTime(10 * MS)
  for (const { action } of members) expect(action).toHaveBeenCalledTimes(10)
})

it("lets a lone member wait for one whole interval", () => {
  const { action } = member()
  vi.advanceTimersByTime(MS - 1)
  expect(action).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(action).toHaveBeenCalledTimes(1)
})

it("spreads members over the interval", () => {
  const turns: number[] = []
  for (let i = 0; i < 160; i++) stops.push(eachBeat(MS, () => turns.push(Date.now())))
  vi.advanceTimersByTime(MS)
  const atOnce = new Map<number, number>()
  for (const at of turns) atOnce.set(at, (atOnce.get(at) ?? 0) + 1)
  expect([...atOnce.values()]).toEqual(Array(16).fill(10))
})

it("needs one timer for all, and none when all have stopped", () => {
  const members = Array.from({ length: 100 }, () => member())
  expect(vi.getTimerCount()).toBe(1)
  member(MS + 1).stop()
  for (const { stop } of members) stop()
  expect(vi.getTimerCount()).toBe(0)
  const late = member()
  for (const { stop } of members) stop() // again, which is of no concern to those who came later
  vi.advanceTimersByTime(MS)
  expect(late.action).toHaveBeenCalledTimes(1)
})

it("bears members that stop, and come, during a turn", () => {
  const turns: string[] = []
  const stopA = eachBeat(50, () => {
    turns.push("a")
    stopA()
    stopB()
    stops.push(eachBeat(50, () => turns.push("c")))
  })
  const stopB = eachBeat(50, () => turns.push("b"))
  vi.advanceTimersByTime(50)
  expect(turns).toEqual(["a"])
  vi.advanceTimersByTime(50)
  expect(turns).toEqual(["a", "c"])
})
