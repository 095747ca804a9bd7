import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { Heartbeat } from "../../src/parent/heartbeat.ts"
import type { Connection } from "../../src/transport/connection.ts"

const MS = 1_000

const open = new Set<Heartbeat>()
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  for (const heartbeat of open) heartbeat.stop()
  open.clear()
  vi.useRealTimers()
})

/** A connection whose peer answers when it is told to. */
function setUp({ idle = false, silenceMs = 100 * MS } = {}) {
  const ping = vi.fn<(words: string) => void>()
  const dead = vi.fn()
  const connection = { ping, bytesRead: 0 }
  const wanted = { idle }
  const heartbeat = new Heartbeat(connection as unknown as Connection, {
    intervalMs: MS,
    silenceMs,
    idle: () => wanted.idle,
    dead,
  })
  open.add(heartbeat)
  const answer = () => {
    connection.bytesRead += 1
  }
  /** So many intervals pass, and each ping is answered. */
  const pass = (intervals: number) => {
    for (let i = 0; i < intervals; i++) {
      vi.advanceTimersByTime(MS)
      answer()
    }
  }
  return { ping, dead, heartbeat, answer, pass, wanted }
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

it("asks an idle peer once in six intervals, and promises that", () => {
  const { ping, pass } = setUp({ idle: true })
  pass(1) // the first, which is followed sooner
  ping.mockClear()
  pass(600)
  expect(ping.mock.calls.length).toBeGreaterThanOrEqual(100)
  expect(ping.mock.calls.length).toBeLessThanOrEqual(101)
  expect(ping.mock.lastCall).toEqual(["6000"])
})

it("keeps each promise: the next ping comes in the time that the one before named", () => {
  const { ping, pass, wanted } = setUp({ idle: true })
  let left = 1
  for (let i = 0; i < 200; i++) {
    wanted.idle = i % 7 < 5
    ping.mockClear()
    pass(1)
    const words = ping.mock.lastCall?.[0]
    left = words === undefined ? left - 1 : Number(words) / MS
    expect(left).toBeGreaterThan(0)
  }
})

it("asks a peer that has work again at the next interval, and once more each", () => {
  const { ping, pass, wanted } = setUp({ idle: true })
  pass(20)
  wanted.idle = false
  ping.mockClear()
  pass(5)
  expect(ping.mock.calls).toEqual(Array(5).fill(["1000"]))
})

it("finds a peer that fell silent while it was idle dead three intervals after it got work", () => {
  const { dead, pass, wanted } = setUp({ idle: true })
  pass(20)
  wanted.idle = false
  vi.advanceTimersByTime(3 * MS)
  expect(dead).not.toHaveBeenCalled()
  vi.advanceTimersByTime(MS)
  expect(dead).toHaveBeenCalledTimes(1)
})

it("asks an idle peer that did not answer once in each interval: it is found dead within nine", () => {
  const { ping, dead, pass } = setUp({ idle: true })
  pass(20)
  do {
    ping.mockClear()
    pass(1) // until it has just answered: the worst moment to fall silent
  } while (ping.mock.calls.length === 0)
  ping.mockClear()
  vi.advanceTimersByTime(8 * MS)
  expect(dead).not.toHaveBeenCalled()
  vi.advanceTimersByTime(MS)
  expect(dead).toHaveBeenCalledTimes(1)
  expect(ping).toHaveBeenCalledTimes(3)
})

it("never lets a peer wait for more than half of its patience", () => {
  const { ping, pass } = setUp({ idle: true, silenceMs: 5 * MS })
  pass(40)
  for (const [words] of ping.mock.calls) expect(Number(words)).toBeLessThanOrEqual(2 * MS)
  const hasty = setUp({ idle: true, silenceMs: MS })
  hasty.pass(10)
  expect(hasty.ping.mock.calls).toEqual(Array(10).fill(["1000"]))
})
