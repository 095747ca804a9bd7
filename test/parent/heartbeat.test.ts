import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { Heartbeat } from "../../src/parent/heartbeat.ts"
import type { Connection } from "../../src/transport/connection.ts"

const MS = 1_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A connection whose peer answers when it is told to. */
function setUp() {
  let pong = () => {}
  const ping = vi.fn()
  const dead = vi.fn()
  const connection = { ping, onPong: (listener: () => void) => (pong = listener) } as unknown as Connection
  const heartbeat = new Heartbeat(connection, MS, dead)
  return { ping, dead, heartbeat, answer: () => pong() }
}

it("finds a peer dead that left three pings unanswered, once, and stops", () => {
  const { ping, dead } = setUp()
  vi.advanceTimersByTime(3 * MS)
  expect(ping).toHaveBeenCalledTimes(3)
  expect(dead).not.toHaveBeenCalled()
  vi.advanceTimersByTime(MS)
  expect(dead).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(100 * MS)
  expect(dead).toHaveBeenCalledTimes(1)
  expect(ping).toHaveBeenCalledTimes(3)
  expect(vi.getTimerCount()).toBe(0)
})

it("counts anew after each answer", () => {
  const { ping, dead, answer } = setUp()
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(3 * MS)
    answer()
  }
  expect(ping).toHaveBeenCalledTimes(30)
  expect(dead).not.toHaveBeenCalled()
})

it("loses nobody when the parent itself was blocked for an hour", () => {
  const { ping, dead, answer } = setUp()
  vi.advanceTimersByTime(MS)
  answer()
  // A blocked loop fires the interval once when it is free again, however late, and only then reads what has come in.
  vi.setSystemTime(Date.now() + 3_600_000)
  vi.advanceTimersByTime(MS)
  expect(ping).toHaveBeenCalledTimes(2)
  answer()
  vi.advanceTimersByTime(3 * MS)
  expect(dead).not.toHaveBeenCalled()
})

it("is over when it is stopped", () => {
  const { ping, dead, heartbeat } = setUp()
  heartbeat.stop()
  vi.advanceTimersByTime(100 * MS)
  expect(ping).not.toHaveBeenCalled()
  expect(dead).not.toHaveBeenCalled()
})
