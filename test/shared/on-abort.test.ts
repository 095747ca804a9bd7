import { getEventListeners } from "node:events"
import { afterEach, describe, expect, it, vi } from "vitest"
import { onAbort } from "../../src/shared/on-abort.ts"

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length

describe("onAbort", () => {
  it("has one listener on the signal for all, and none when nobody is left", () => {
    const { signal } = new AbortController()
    const stops = Array.from({ length: 100 }, () => onAbort(signal, () => {}))
    expect(listeners(signal)).toBe(1)
    for (const stop of stops.slice(1)) stop()
    for (const stop of stops.slice(1)) stop() // again: harmless
    expect(listeners(signal)).toBe(1)
    stops[0]!()
    expect(listeners(signal)).toBe(0)
    const late = vi.fn()
    onAbort(signal, late)
    expect(listeners(signal)).toBe(1)
  })

  it("tells each once, those who left before not at all, and a function that was given twice twice", () => {
    const abort = new AbortController()
    const [heard, twice, left] = [vi.fn(), vi.fn(), vi.fn()]
    onAbort(abort.signal, heard)
    onAbort(abort.signal, twice)
    onAbort(abort.signal, twice)
    onAbort(abort.signal, left)()
    abort.abort()
    abort.abort()
    expect([heard, twice, left].map(listener => listener.mock.calls.length)).toEqual([1, 2, 0])
  })

  it("does not tell who is removed by one that is told before", () => {
    const abort = new AbortController()
    const listener = vi.fn()
    onAbort(abort.signal, () => stop())
    const stop = onAbort(abort.signal, listener)
    abort.abort()
    expect(listener).not.toHaveBeenCalled()
  })

  it("leaves a signal that is aborted alone", () => {
    const signal = AbortSignal.abort()
    const listener = vi.fn()
    onAbort(signal, listener)()
    expect(listeners(signal)).toBe(0)
    expect(listener).not.toHaveBeenCalled()
  })
})

describe("a listener that throws", () => {
  const queue = globalThis.queueMicrotask
  afterEach(() => {
    globalThis.queueMicrotask = queue
  })

  it("keeps no other from hearing, and is not hushed up", () => {
    const thrown: (() => void)[] = []
    globalThis.queueMicrotask = task => void thrown.push(task)
    const abort = new AbortController()
    const other = vi.fn()
    onAbort(abort.signal, () => {
      throw new Error("oops")
    })
    onAbort(abort.signal, other)
    abort.abort()
    expect(other).toHaveBeenCalledTimes(1)
    expect(thrown).toHaveLength(1)
    expect(thrown[0]).toThrow("oops")
  })
})
