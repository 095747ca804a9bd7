/** What the supervisor makes of a signal, with a parent that answers as the test says. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Signals } from "../../src/runner/supervisor/signals.ts"
import { Walltime } from "../../src/runner/supervisor/walltime.ts"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** @param leftMs Of the job, which asked for its warning 15 s before its end. */
function signals(leftMs: number | undefined, connected = true) {
  const said: string[] = []
  const facts = { killWaitMs: 30_000, signalBeforeMs: 15_000 }
  const walltime = new Walltime(facts, leftMs, { ask() {}, due() {} })
  const line = { up: connected }
  const one = new Signals(facts, walltime, {
    ask: () => {
      if (line.up) said.push("ask")
      return line.up
    },
    ended: ms => void said.push(`ended ${ms}`),
    warned: () => void said.push("warned"),
    shorten: ms => void said.push(`shorten ${ms}`),
    hurry: () => void said.push("hurry"),
  })
  const term = (drains?: "walltime" | "cancelled" | "close") => one.heard("SIGTERM", performance.now(), drains)
  return { one, said, walltime, line, term }
}

describe("a signal when the warning is to be expected", () => {
  it("is the warning if the job runs on: nothing is thrown away", () => {
    const { one, said, term } = signals(44_000)
    term()
    vi.advanceTimersByTime(300)
    one.answered(true)
    vi.advanceTimersByTime(60_000)
    expect(said).toEqual(["ask"])
  })

  it("is a cancel if the job is being ended: KillWait counts from the signal", () => {
    const { one, said, term } = signals(44_000)
    term()
    vi.advanceTimersByTime(300)
    one.answered(false)
    expect(said).toEqual(["ask", "ended 28200"])
  })

  it("is a cancel if nobody says anything within two seconds, until somebody does", () => {
    const { one, said, term } = signals(44_000)
    term()
    vi.advanceTimersByTime(2_000)
    expect(said).toEqual(["ask", "ended 26500"])
    one.answered(true)
    expect(said).toEqual(["ask", "ended 26500", "warned"])
  })

  it("is explained also when the end has been moved away meanwhile", () => {
    const { one, said, walltime, term } = signals(44_000)
    term()
    walltime.set(600_000)
    one.answered(true)
    vi.advanceTimersByTime(60_000)
    expect(said).toEqual(["ask"])
  })

  it("may come again before the drain, and is asked about again", () => {
    const { one, said, term } = signals(44_000)
    term()
    one.answered(true)
    vi.advanceTimersByTime(5_000)
    term()
    one.answered(false)
    expect(said).toEqual(["ask", "ask", "ended 28500"])
  })
})

describe("a signal before the end is known", () => {
  it("is asked about as soon as there is a parent: in a job of a minute the warning comes at once", () => {
    const { one, said, line, walltime, term } = signals(undefined, false)
    term()
    vi.advanceTimersByTime(3_000)
    line.up = true
    one.connected()
    expect(said).toEqual(["ask"])
    vi.advanceTimersByTime(1_000)
    walltime.set(40_000)
    one.answered(true)
    vi.advanceTimersByTime(60_000)
    expect(said).toEqual(["ask"])
  })

  it("is no warning when the end turns out to be far", () => {
    const { one, said, walltime, term } = signals(undefined)
    term()
    walltime.set(3_600_000)
    one.answered(true)
    expect(said).toEqual(["ask", "ended 28500"])
  })

  it("is a cancel when half of KillWait has gone by without a parent", () => {
    const { said, term } = signals(undefined, false)
    term()
    vi.advanceTimersByTime(15_000)
    expect(said).toEqual(["ended 13500"])
  })
})

describe("a signal in a drain", () => {
  it("that began at the computed time is the warning that is late, and the next one means now", () => {
    const { one, said, term } = signals(10_000)
    term("walltime")
    one.answered(true)
    expect(said).toEqual(["ask"])
    vi.advanceTimersByTime(2_000)
    term("walltime")
    one.answered(false) // somebody cancels it
    expect(said).toEqual(["ask", "ask", "shorten 28500"])
    vi.advanceTimersByTime(2_000)
    term("walltime")
    expect(said.at(-1)).toBe("hurry")
  })

  it("that the pool began is somebody who ends the job, and the next one means now", () => {
    const { said, term } = signals(600_000)
    term("close")
    vi.advanceTimersByTime(2_000)
    term("close")
    expect(said).toEqual(["shorten 28500", "hurry"])
  })
})
