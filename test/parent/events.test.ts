import { describe, expect, it, vi } from "vitest"
import { PoolEmitter } from "../../src/parent/events.ts"
import { silentLogger } from "../../src/parent/logger.ts"

function setUp() {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  return { logger, emitter: new PoolEmitter(logger) }
}

const grow = { pool: "p", runnerId: "r", count: 1 }

describe("PoolEmitter", () => {
  it("tells every listener, until it is taken away", () => {
    const { emitter } = setUp()
    const [a, b] = [vi.fn(), vi.fn()]
    const off = emitter.on("grow", a)
    emitter.on("grow", b)
    emitter.emit("grow", grow)
    off()
    emitter.emit("grow", grow)
    expect(a.mock.calls).toEqual([[grow]])
    expect(b).toHaveBeenCalledTimes(2)
  })

  it("is not disturbed by a listener that throws", () => {
    const { emitter, logger } = setUp()
    const error = new Error("mine")
    const after = vi.fn()
    emitter.on("grow", () => {
      throw error
    })
    emitter.on("grow", after)
    expect(() => emitter.emit("grow", grow)).not.toThrow()
    expect(after).toHaveBeenCalledTimes(1)
    expect(logger.error.mock.calls).toEqual([[{ event: "grow", error }, "a listener threw"]])
  })

  it("nor by one that throws later", async () => {
    const { emitter, logger } = setUp()
    const error = new Error("later")
    emitter.on("grow", async () => {
      await Promise.resolve()
      throw error
    })
    emitter.emit("grow", grow)
    await vi.waitUntil(() => logger.error.mock.calls.length > 0)
    expect(logger.error.mock.calls[0]![0]).toEqual({ event: "grow", error })
  })

  it("logs an error that nobody listens for, and throws it at nobody", () => {
    const { emitter, logger } = setUp()
    const error = new Error("boot failed")
    emitter.emit("error", error)
    expect(logger.error).toHaveBeenCalledWith({ error }, "pool error")
    const listener = vi.fn()
    emitter.on("error", listener)
    emitter.emit("error", error)
    expect(listener).toHaveBeenCalledWith(error)
    expect(logger.error).toHaveBeenCalledTimes(1)
  })

  it("wants lines of runners as long as somebody listens to them", () => {
    const { emitter } = setUp()
    const told: boolean[] = []
    emitter.logs.watch(wanted => told.push(wanted))
    emitter.on("grow", vi.fn())()
    expect(told).toEqual([])
    const [a, b] = [vi.fn(), vi.fn()]
    const offA = emitter.on("log", a)
    const offB = emitter.on("log", b)
    emitter.logs.lines("r", "7", "stdout", ["one", "two"])
    expect(a.mock.calls).toEqual(["one", "two"].map(line => [{ runnerId: "r", jobId: "7", stream: "stdout", line }]))
    offA()
    offA()
    expect(told).toEqual([true])
    offB()
    emitter.logs.lines("r", "7", "stdout", ["three"])
    expect(told).toEqual([true, false])
    expect(b).toHaveBeenCalledTimes(2)
  })
})

it("an event that there is not is named, and the one that was meant", () => {
  const emitter = new PoolEmitter(silentLogger)
  expect(() => emitter.on("runner-up" as never, vi.fn())).toThrow(/no event "runner-up".*Did you mean `runner:up`\?/)
  expect(() => emitter.on("toString" as never, vi.fn())).toThrow(/known: grow, /)
})
