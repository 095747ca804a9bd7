/** The runner's lease, with a clock that only the test moves. */
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { ParentLease } from "../../src/runner/supervisor/lease.ts"

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }))
afterEach(() => void vi.useRealTimers())

function held(ms: number) {
  const answers: (() => void)[] = []
  const doubts: (number | undefined)[] = []
  const begun = performance.now()
  const lease = new ParentLease(ms, {
    ask: answered => void answers.push(answered),
    doubt: until => void doubts.push(until && until - begun),
  })
  return { lease, answers, doubts }
}

it("asks when half of its time is over, and once", () => {
  const { lease, answers, doubts } = held(16_000)
  vi.advanceTimersByTime(7_000)
  expect(answers).toHaveLength(0)
  vi.advanceTimersByTime(6_000)
  expect([answers.length, doubts]).toEqual([1, []])
  lease.stop()
})

it("runs out before the time that the parent waits, without an answer, and not with one", () => {
  const { lease, answers, doubts } = held(16_000)
  vi.advanceTimersByTime(13_000)
  answers[0]!()
  vi.advanceTimersByTime(8_000)
  expect([lease.expired, doubts]).toEqual([false, []]) // 21 s, and the question was asked at 8 s
  vi.advanceTimersByTime(1_000)
  expect([lease.expired, doubts]).toEqual([true, [24_000]]) // 14 of 16 since then
  lease.stop()
})

it("counts from when it asked, not from when it was answered: that may be long ago", () => {
  const { lease, answers, doubts } = held(16_000)
  vi.advanceTimersByTime(40_000) // the answer lay in some buffer
  expect(doubts).toEqual([16_000])
  answers[0]!()
  expect(doubts).toEqual([16_000, undefined])
  vi.advanceTimersByTime(1_000)
  expect(doubts).toEqual([16_000, undefined, 24_000]) // it proves nothing of the last half minute
  answers[1]!() // asked a moment ago
  expect(lease.expired).toBe(false)
  lease.stop()
})

it("takes no answer to a question over a connection that is gone", () => {
  const { lease, answers } = held(16_000)
  vi.advanceTimersByTime(15_000)
  lease.reconnected()
  answers[0]!()
  expect(lease.expired).toBe(true)
  answers[1]!()
  expect(lease.expired).toBe(false)
  lease.stop()
})

it("of no time is none", () => {
  const { lease, answers, doubts } = held(0)
  lease.reconnected()
  vi.advanceTimersByTime(1e7)
  expect([answers.length, doubts, lease.expired]).toEqual([0, [], false])
})
