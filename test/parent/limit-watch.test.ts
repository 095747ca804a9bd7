import { getEventListeners } from "node:events"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LimitWatch } from "../../src/parent/limit-watch.ts"
import { CallAbortedError, CallTimeoutError } from "../../src/shared/errors.ts"

const DAY = 86_400_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

const watched = (started = false) => ({ name: "train", started, giveUp: vi.fn() })
const none = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined }

describe("the time", () => {
  it("is over once, and says how long it was and where it went", () => {
    const what = watched()
    new LimitWatch({ ...none, timeoutMs: 90_000 }, what)
    vi.advanceTimersByTime(89_999)
    expect(what.giveUp).not.toHaveBeenCalled()
    vi.advanceTimersByTime(200_000)
    expect(what.giveUp).toHaveBeenCalledTimes(1)
    const [error, reason] = what.giveUp.mock.calls[0]!
    expect(error).toBeInstanceOf(CallTimeoutError)
    expect(error).toMatchObject({ timeoutMs: 90_000, started: false, retryable: true })
    expect(error.message).toMatch(
      /^train did not finish within 1m30s \(it was still waiting for a runner\)\n.*raise `timeout`, or `max`/,
    )
    expect(reason).toBe(error)
  })

  it("speaks of the work when that was running", () => {
    const what = watched(true)
    new LimitWatch({ ...none, timeoutMs: 5 }, what)
    vi.advanceTimersByTime(5)
    expect(what.giveUp.mock.calls[0]![0]).toMatchObject({ started: true, retryable: false, hint: undefined })
  })

  it("may be longer than a timer of Node's", () => {
    const what = watched()
    const watch = new LimitWatch({ ...none, timeoutMs: 30 * DAY }, what)
    vi.advanceTimersByTime(29 * DAY)
    expect(what.giveUp).not.toHaveBeenCalled()
    expect(watch.leftMs).toBe(DAY)
    vi.advanceTimersByTime(DAY)
    expect(what.giveUp).toHaveBeenCalledTimes(1)
    expect(watch.leftMs).toBe(0)
  })
})

describe("the signal", () => {
  it("gives up with its reason as the cause, under the name all of Node uses", () => {
    const what = watched()
    const abort = new AbortController()
    new LimitWatch({ ...none, signal: abort.signal }, what)
    abort.abort("enough")
    const [error, reason] = what.giveUp.mock.calls[0]!
    expect(error).toBeInstanceOf(CallAbortedError)
    expect(error).toMatchObject({ name: "AbortError", cause: "enough", started: false })
    expect(error.message).toBe("train was aborted by its signal (it had not started)")
    expect(reason).toBe("enough")
  })

  it("gives up during construction when it was aborted before, and arms nothing", () => {
    const what = watched()
    new LimitWatch({ timeoutMs: 5, signal: AbortSignal.abort("early") }, what)
    expect(what.giveUp).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})

it("makes Node warn of no leak when many share a signal, and tells them all", async () => {
  const warned = vi.fn()
  process.on("warning", warned)
  const abort = new AbortController()
  const watched100 = Array.from({ length: 100 }, () => watched())
  const watches = watched100.map(what => new LimitWatch({ ...none, signal: abort.signal }, what))
  watches[0]!.stop()
  await new Promise(resolve => process.nextTick(resolve)) // warnings are told in a tick of their own
  process.off("warning", warned)
  expect(warned).not.toHaveBeenCalled()
  abort.abort("enough")
  expect(watched100.map(what => what.giveUp.mock.calls.length)).toEqual([0, ...new Array(99).fill(1)])
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(0)
})

it("is quiet once it was stopped, and leaves no timer and no listener", () => {
  const what = watched()
  const abort = new AbortController()
  const watch = new LimitWatch({ timeoutMs: 5, signal: abort.signal }, what)
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(1)
  watch.stop()
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(0)
  expect(vi.getTimerCount()).toBe(0)
  abort.abort()
  expect(what.giveUp).not.toHaveBeenCalled()
})

it("needs neither", () => {
  expect(new LimitWatch(none, watched()).leftMs).toBe(Number.POSITIVE_INFINITY)
  expect(vi.getTimerCount()).toBe(0)
})
