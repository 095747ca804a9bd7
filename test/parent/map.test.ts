/** What a map gives, in which order, and how much of it there is at a time. How it ends early is in map-end.test.ts. */
import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import type { MapItems } from "../../src/parent/map-input.ts"
import { CallAbortedError, StateError } from "../../src/shared/errors.ts"
import { FakeHost, mapOn, Numbers, quiet, read, watch } from "./map-fakes.ts"

const boom = new Error("boom")

describe("awaited, a map", () => {
  it.each([
    ["input", [10, 20, 30]],
    ["completion", [30, 10, 20]],
  ] as const)("gives an array in order of %s", async (order, expected) => {
    const host = new FakeHost(3)
    const all = watch(mapOn(host, [1, 2, 3], { order }))
    await quiet()
    for (const x of [3, 1, 2]) {
      host.of(x).resolve(x * 10)
      await quiet()
    }
    expect(all).toEqual({ state: "resolved", value: expected })
  })

  it("gives an empty array for no items", async () => {
    expect(await mapOn(new FakeHost(), [])).toEqual([])
    expect(await mapOn(new FakeHost(), new Numbers(0).later())).toEqual([])
  })

  it("does not wait for a slow head", async () => {
    const host = new FakeHost(2)
    const all = watch(mapOn(host, new Numbers(100)))
    await quiet()
    for (let x = 1; x < 100; x++) {
      host.of(x).resolve(x)
      await quiet()
    }
    expect(all.state).toBe("pending")
    host.of(0).resolve(0)
    await quiet()
    expect(all.value).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it("gives the same array again, and is a promise in every way", async () => {
    const host = new FakeHost()
    const stream = mapOn(host, [1])
    await quiet()
    const both = Promise.all([stream, stream])
    await quiet()
    host.of(1).resolve("one")
    const [first, second] = await both
    expect(first).toBe(second)
    expect(await stream.finally(() => {})).toBe(first)
    expect(await stream.catch(() => "not called")).toBe(first)
    expect(Object.prototype.toString.call(stream)).toBe("[object ResultStream]")
  })

  it("rejects with the first failure, when all others have been aborted and have ended", async () => {
    const host = new FakeHost(3)
    host.prompt = false
    const items = new Numbers(100)
    const all = watch(mapOn(host, items))
    await quiet()
    const [zero, one, two] = host.running
    one!.reject(boom)
    await quiet()
    expect(items).toMatchObject({ pulled: 3, returned: 1 })
    expect([zero!.signal.aborted, zero!.signal.reason.message]).toEqual([true, "pool.map ended: item 1 failed"])
    zero!.resolve("too late")
    await quiet()
    expect(all.state).toBe("pending")
    two!.reject(new Error("a second failure, of nobody's interest"))
    await quiet()
    expect(all).toEqual({ state: "rejected", value: boom })
    expect(host.started).toBe(3)
  })

  it("rejects with whatever was thrown", async () => {
    const host = new FakeHost()
    const all = watch(mapOn(host, [1]))
    await quiet()
    host.of(1).reject(undefined)
    await quiet()
    expect(all).toEqual({ state: "rejected", value: undefined })
  })

  it("shows in the error's stack who awaits it", async () => {
    const host = new FakeHost()
    async function whoAwaits() {
      await mapOn(host, [1]).catch(error => {
        throw error
      })
    }
    const waits = whoAwaits()
    await quiet()
    host.of(1).reject(new Error("deep"))
    await expect(waits).rejects.toThrow("deep")
    await waits.catch((error: Error) => expect(error.stack).toMatch(/-- awaited --\n.*whoAwaits/s))
  })
})

describe("a map that nobody reads", () => {
  it("does nothing, and cannot fail", async () => {
    const items = new Numbers(3)
    const { signal } = new AbortController()
    const host = new FakeHost()
    const stream = mapOn(host, items, { signal })
    await quiet()
    expect([items.pulled, host.started, getEventListeners(signal, "abort").length]).toEqual([0, 0, 0])
    stream.cancel(boom) // nobody hears of it, and the process goes on
    await quiet()
  })

  it("does nothing either when only its iterator is taken, and left", async () => {
    const host = new FakeHost()
    const items = new Numbers(3)
    const iterator = mapOn(host, items)[Symbol.asyncIterator]()
    await iterator.return!()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect([items.pulled, host.started]).toEqual([0, 0])
  })
})

describe("read a second time, a map", () => {
  it.each<[string, (s: ReturnType<typeof mapOn>) => unknown, (s: ReturnType<typeof mapOn>) => unknown, RegExp]>([
    [
      "awaited, then iterated",
      s => s.then(),
      s => s[Symbol.asyncIterator](),
      /are awaited already\n.*call map\(\) again/,
    ],
    ["iterated twice", s => s[Symbol.asyncIterator](), s => s[Symbol.asyncIterator](), /are iterated already/],
    ["iterated, then awaited", s => s[Symbol.asyncIterator](), s => s, /are iterated already/],
  ])("throws: %s", async (_, first, second, message) => {
    const stream = mapOn(new FakeHost(), [])
    first(stream)
    const again = (async () => await second(stream))()
    await expect(again).rejects.toThrow(StateError)
    await expect(again).rejects.toThrow(message)
  })
})

describe("at a time, a map runs", () => {
  it.each([
    ["an iterable", (n: Numbers) => n],
    ["an async iterable", (n: Numbers) => n.later()],
    ["an iterable of promises", (n: Numbers) => [...n].map(x => Promise.resolve(x))],
  ])("as many as `concurrency` says, of %s", async (_, make: (n: Numbers) => MapItems<number>) => {
    const host = new FakeHost(100)
    const all = watch(mapOn(host, make(new Numbers(20)), { concurrency: 3 }))
    await quiet()
    while (host.running.length > 0) {
      expect(host.running.length).toBe(Math.min(3, 20 - (host.started - host.running.length)))
      host.running[0]!.resolve(0)
      await quiet()
    }
    expect([host.most, host.started, all.state]).toEqual([3, 20, "resolved"])
  })

  it("as many as the pool can, where nothing is said, and hears when that changes", async () => {
    const host = new FakeHost(2)
    const stream = mapOn(host, new Numbers(100))
    const all = watch(stream)
    await quiet()
    expect(host.running.length).toBe(2)
    host.scale(5)
    expect(host.running.length).toBe(5)
    host.scale(1)
    for (let i = 0; i < 4; i++) {
      host.running[0]!.resolve(0)
      await quiet()
    }
    expect(host.running.length).toBe(1)
    host.running[0]!.resolve(0)
    await quiet()
    expect(host.running.length).toBe(1)
    stream.cancel()
    await quiet()
    expect([all.state, host.listeners.size]).toEqual(["rejected", 0])
  })

  it("no second item while its input makes one, even if that is what makes the pool grow", async () => {
    const host = new FakeHost(1)
    function* items() {
      host.scale(3)
      yield 1
      yield 2
      yield 3
    }
    const all = watch(mapOn(host, items()))
    await quiet()
    expect([host.ran, all.state]).toEqual([[1, 2, 3], "pending"])
  })

  it("no item before there is room for it: none is read that cannot be started", async () => {
    const items = new Numbers(100)
    const host = new FakeHost(2)
    mapOn(host, items).then()
    await quiet()
    expect(items.pulled).toBe(2)
    host.of(0).resolve(0)
    await quiet()
    expect(items.pulled).toBe(3)
  })
})

describe("iterated, a map", () => {
  it.each([
    ["input", [0, 1, 2, 3]],
    ["completion", [1, 0, 3, 2]],
  ] as const)("yields in order of %s", async (order, expected) => {
    const host = new FakeHost(2)
    const seen: unknown[] = []
    const reading = read(mapOn(host, new Numbers(4), { order }), seen)
    await quiet()
    for (const x of [1, 0, 3, 2]) {
      host.of(x).resolve(x)
      await quiet()
    }
    expect(await reading).toEqual(expected)
  })

  it("is slowed down by its reader: at most twice the concurrency is under way or unread", async () => {
    for (const order of ["input", "completion"] as const) {
      const items = new Numbers(1_000)
      const host = new FakeHost(3)
      const iterator = mapOn(host, items, { order })[Symbol.asyncIterator]()
      let taken = 0
      void iterator.next().then(() => taken++)
      for (let i = 0; i < 50; i++) {
        await quiet()
        host.running[0]?.resolve(i)
      }
      expect([taken, host.running.length, items.pulled]).toEqual([1, 0, 7])
      await iterator.next()
      expect(items.pulled).toBe(8)
      await iterator.return!()
    }
  })

  it("in input order, is slowed down by a slow head", async () => {
    const items = new Numbers(1_000)
    const host = new FakeHost(3)
    const reading = watch(read(mapOn(host, items)))
    await quiet()
    for (let x = 1; host.running.length > 1; x++) {
      host.of(x).resolve(x)
      await quiet()
    }
    expect(items.pulled).toBe(6)
    host.of(0).resolve(0)
    await quiet()
    expect(items.pulled).toBe(9)
    expect(reading.state).toBe("pending")
  })

  it("serves those who call next() without waiting, in their order, and all of them at the end", async () => {
    const host = new FakeHost(2)
    const iterator = mapOn(host, [1, 2])[Symbol.asyncIterator]()
    const four = Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()])
    await quiet()
    host.of(2).resolve("b")
    host.of(1).resolve("a")
    expect(await four).toEqual([
      { done: false, value: "a" },
      { done: false, value: "b" },
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
  })

  it("yields what was complete and in order before a failure, then throws once, then is over", async () => {
    const host = new FakeHost(4)
    const items = new Numbers(100)
    const iterator = mapOn(host, items)[Symbol.asyncIterator]()
    const first = iterator.next()
    await quiet()
    for (const x of [0, 1, 3]) host.of(x).resolve(x) // 2 is missing: 3 is not to be seen
    expect(await first).toEqual({ done: false, value: 0 })
    host.of(5).reject(boom)
    await quiet()
    expect(host.running).toEqual([])
    expect(items.returned).toBe(1)
    expect(await iterator.next()).toEqual({ done: false, value: 1 })
    await expect(iterator.next()).rejects.toBe(boom)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(await iterator.return!()).toEqual({ done: true, value: undefined })
  })

  it("in order of completion, yields all that was complete before a failure", async () => {
    const host = new FakeHost(3)
    const seen: unknown[] = []
    const reading = watch(read(mapOn(host, new Numbers(100), { order: "completion" }), seen))
    await quiet()
    host.of(2).resolve(2)
    host.of(0).resolve(0)
    host.of(1).reject(boom)
    await quiet()
    expect(seen).toEqual([2, 0])
    expect(reading).toEqual({ state: "rejected", value: boom })
  })

  it("tells all who wait in next() of its end, and one of them of the failure", async () => {
    const host = new FakeHost(1)
    const iterator = mapOn(host, [1, 2])[Symbol.asyncIterator]()
    const two = Promise.allSettled([iterator.next(), iterator.next()])
    await quiet()
    host.of(1).reject(boom)
    expect(await two).toEqual([
      { status: "rejected", reason: boom },
      { status: "fulfilled", value: { done: true, value: undefined } },
    ])
  })
})

describe("with onError 'settle', a map", () => {
  it("gives what became of every item, in order", async () => {
    const host = new FakeHost(2)
    const all = watch(mapOn(host, ["a", "b", "c"], { onError: "settle" }))
    await quiet()
    host.of("b").reject(boom)
    await quiet()
    host.of("a").resolve(1)
    host.of("c").reject(undefined)
    await quiet()
    expect(all.value).toEqual([
      { status: "fulfilled", value: 1, item: "a", index: 0 },
      { status: "rejected", reason: boom, item: "b", index: 1 },
      { status: "rejected", reason: undefined, item: "c", index: 2 },
    ])
  })

  it("throws all the same when it is cancelled", async () => {
    const host = new FakeHost(2)
    const stream = mapOn(host, new Numbers(9), { onError: "settle" })
    const all = watch(stream)
    await quiet()
    stream.cancel()
    await quiet()
    expect(all.value).toBeInstanceOf(CallAbortedError)
  })
})

describe("the function", () => {
  it("that its host cannot even start is a failed item", async () => {
    const host = new FakeHost()
    host.run = () => {
      throw boom
    }
    await expect(mapOn(host, [1])).rejects.toBe(boom)
    expect(await mapOn(host, [1], { onError: "settle" })).toMatchObject([{ reason: boom }])
  })

  it("is given the options of a call, and the map's own signal", async () => {
    const host = new FakeHost()
    const { signal } = new AbortController()
    const all = mapOn(host, [1], { timeout: "5m", signal, order: "completion" })
    all.then()
    await quiet()
    const { options } = host.of(1)
    expect(Object.keys(options).toSorted()).toEqual(["signal", "timeout"])
    expect(options.timeout).toBe("5m")
    expect(options.signal).not.toBe(signal)
    host.of(1).resolve(1)
    await all
  })
})

describe("progress", () => {
  it("tells how far it is", async () => {
    const host = new FakeHost(2)
    const stream = mapOn(host, [1, 2, 3, 4], { onError: "settle" })
    expect(stream.progress).toEqual({ total: 4, done: 0, failed: 0, running: 0 })
    const all = watch(stream)
    await quiet()
    expect(stream.progress).toEqual({ total: 4, done: 0, failed: 0, running: 2 })
    host.of(1).resolve(1)
    host.of(2).reject(boom)
    await quiet()
    expect(stream.progress).toEqual({ total: 4, done: 1, failed: 1, running: 2 })
    host.of(3).resolve(1)
    stream.cancel()
    await quiet()
    expect(stream.progress).toEqual({ total: 4, done: 1, failed: 1, running: 0 }) // what came after the end is in none
    expect(all.state).toBe("rejected")
  })

  it.each([
    ["an array", [1, 2], 2],
    ["a Set", new Set([1]), 1],
    ["a typed array", new Float64Array(3), 3],
    ["a generator", new Numbers(3)[Symbol.iterator](), undefined],
    ["a text, whose length is not the number of its characters", "a😀", undefined],
  ] as [string, MapItems<unknown>, number | undefined][])("knows the total of %s: %o", (_, items, total) => {
    expect(mapOn(new FakeHost(), items).progress.total).toBe(total)
  })
})

describe("a million items", () => {
  it("that are all refused at once let others have their turn", async () => {
    let refused = 0
    const host = new FakeHost(8)
    host.run = () => {
      refused += 1
      throw boom
    }
    const stream = mapOn(host, new Numbers(1_000_000), { onError: "settle" })
    setImmediate(() => stream.cancel())
    await expect(stream).rejects.toThrow(CallAbortedError)
    expect(refused).toBeLessThan(5_000)
  })

  it.each(["input", "completion"] as const)("are never more than twice the concurrency at a time (%s)", async order => {
    const COUNT = 1_000_000
    let pulled = 0
    let taken = 0
    let mostAlive = 0
    let running = 0
    let mostRunning = 0
    async function* items() {
      while (pulled < COUNT) {
        pulled += 1
        mostAlive = Math.max(mostAlive, pulled - taken)
        yield pulled
      }
    }
    const host = new FakeHost(8)
    host.run = async task => {
      running += 1
      mostRunning = Math.max(mostRunning, running)
      const value = task("api" as never) as number
      if (value % 3 === 0) await null // not all take the same time
      running -= 1
      return value
    }
    let sum = 0
    for await (const value of mapOn(host, items(), { order })) {
      taken += 1
      sum += value as number
    }
    expect([pulled, taken, sum]).toEqual([COUNT, COUNT, (COUNT * (COUNT + 1)) / 2])
    expect(mostRunning).toBeLessThanOrEqual(8)
    expect(mostAlive).toBeLessThanOrEqual(16)
  })
})
