import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { LastWords } from "../../src/parent/last-words.ts"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

const turn = () => new Promise(resolve => setImmediate(resolve))

function listen() {
  const state = { bytes: 7, silent: vi.fn() }
  const words = new LastWords(() => state.bytes, state.silent)
  return { state, words }
}

it("listens as long as something comes, and gives up after two looks in vain", async () => {
  const { state } = listen()
  for (let second = 0; second < 10; second++) {
    if (second % 2 === 0) state.bytes += 1
    vi.advanceTimersByTime(1_000)
    await turn()
  }
  expect(state.silent).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1_000)
  await turn()
  expect(state.silent).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(60_000)
  await turn()
  expect(state.silent).toHaveBeenCalledTimes(1)
})

it("looks after the sockets had their turn, however late the timer is", async () => {
  const { state } = listen()
  for (let busy = 0; busy < 3; busy++) {
    vi.advanceTimersByTime(60_000)
    state.bytes += 1 // read in the turn in which the late timer ran
    await turn()
  }
  expect(state.silent).not.toHaveBeenCalled()
})

it.each(["before the timer", "after it"])("says nothing once it was stopped, %s", async when => {
  const { state, words } = listen()
  vi.advanceTimersByTime(1_000)
  await turn()
  if (when === "after it") vi.advanceTimersByTime(1_000)
  words.stop()
  vi.advanceTimersByTime(60_000)
  await turn()
  expect(state.silent).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})
