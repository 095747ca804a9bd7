/** Since when runners are idle and when one is let go, on a clock that is turned by hand. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Idler, IdleWatch } from "../../src/parent/idle-watch.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

class Named {
  readonly idler: Idler<Named> = new Idler(this)
  constructor(readonly name: string) {}
}

/** A watch over runners that have nothing but names. */
function setUp(permit: (runner: string) => boolean | Promise<boolean> = () => true) {
  const state = { patienceMs: 100 }
  const expired: string[] = []
  const failed: Error[] = []
  const asked: string[] = []
  const inner = new IdleWatch<Named>({
    patienceMs: () => state.patienceMs,
    permit: ({ name }) => {
      asked.push(name)
      return permit(name)
    },
    failed: error => failed.push(error),
    expire: ({ name }) => expired.push(name),
  })
  const runners = new Map<string, Named>()
  const named = (name: string) => {
    const runner = runners.get(name) ?? new Named(name)
    runners.set(name, runner)
    return runner
  }
  const watch = {
    update: (name: string, idle: boolean) => inner.update(named(name), idle),
    delete: (name: string) => inner.delete(named(name)),
    refresh: () => inner.refresh(),
    stop: () => inner.stop(),
  }
  return { watch, expired, failed, asked, state }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe("IdleWatch", () => {
  it("#24 lets go of who was idle for long enough, each at its own time; work begins the time anew", async () => {
    const { watch, expired } = setUp()
    watch.update("a", true)
    await pass(60)
    watch.update("b", true)
    watch.update("c", true)
    await pass(39)
    expect(expired).toEqual([])
    await pass(1)
    expect(expired).toEqual(["a"])
    watch.update("b", false)
    watch.update("b", true)
    await pass(60)
    expect(expired).toEqual(["a", "c"])
    await pass(40)
    expect(expired).toEqual(["a", "c", "b"])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("#25 begins the time anew after a no, or an error, which is told", async () => {
    const answers: (() => boolean | Promise<boolean>)[] = [
      () => false,
      async () => false,
      () => {
        throw new Error("sync")
      },
      async () => {
        throw new Error("async")
      },
      async () => true,
    ]
    const { watch, expired, failed, asked } = setUp(() => answers.shift()!())
    watch.update("a", true)
    await pass(499)
    expect(expired).toEqual([])
    await pass(1)
    expect(expired).toEqual(["a"])
    expect(asked).toHaveLength(5)
    expect(failed.map(error => error.message)).toEqual(["sync", "async"])
  })

  it("does not take the answer for one that has worked, is gone, or is needed by now", async () => {
    const answers = new Map<string, (permitted: boolean) => void>()
    const { watch, expired, state, asked } = setUp(runner => new Promise(resolve => answers.set(runner, resolve)))
    for (const runner of ["worked", "gone", "needed"]) watch.update(runner, true)
    await pass(100)
    expect(asked).toEqual(["worked", "gone", "needed"])
    watch.update("worked", false)
    watch.update("worked", true)
    watch.delete("gone")
    state.patienceMs = 10_000 // it is one of `min` now
    for (const answer of answers.values()) answer(true)
    await pass(9_999)
    expect(expired).toEqual([])
  })

  it("a question that is never answered keeps nobody else waiting, and no timer", async () => {
    const { watch, expired } = setUp(runner => (runner === "a" ? new Promise(() => {}) : true))
    watch.update("a", true)
    watch.update("b", true)
    await pass(100)
    expect(expired).toEqual(["b"])
    expect(vi.getTimerCount()).toBe(0)
    watch.update("a", false) // it works, and is asked for anew
    watch.update("a", true)
    expect(vi.getTimerCount()).toBe(1)
  })

  it("has no timer while nobody may be let go, and looks again when that changes", async () => {
    const { watch, expired, state } = setUp()
    state.patienceMs = Number.POSITIVE_INFINITY
    watch.update("a", true)
    expect(vi.getTimerCount()).toBe(0)
    await pass(500)
    state.patienceMs = 100
    watch.refresh()
    await pass(1)
    expect(expired).toEqual(["a"])
  })

  it("looks no more when it was stopped", async () => {
    const { watch, expired } = setUp()
    watch.update("a", true)
    watch.stop()
    watch.update("b", true)
    await pass(1_000)
    expect(expired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})
