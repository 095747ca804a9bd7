/** How a map ends before its items do: left, cancelled, by its input, by its pool. */
import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { CallAbortedError } from "../../src/shared/errors.ts"
import { FakeHost, mapOn, Numbers, quiet, read, watch } from "./map-fakes.ts"

const boom = new Error("boom")

describe("left with `break`, a map", () => {
  it("starts nothing more, aborts what runs, and goes on when that has ended", async () => {
    const host = new FakeHost(2)
    host.prompt = false
    const items = new Numbers(100)
    const leaving = watch(
      (async () => {
        for await (const _ of mapOn(host, items)) break
      })(),
    )
    await quiet()
    host.of(0).resolve(0)
    await quiet()
    expect([leaving.state, items.returned]).toEqual(["pending", 1])
    const running = [...host.running]
    expect(running.map(task => task.signal.aborted)).toEqual([true, true])
    running[0]!.resolve("late")
    await quiet()
    expect(leaving.state).toBe("pending")
    running[1]!.reject(boom) // belongs to what was left: nobody hears of it
    await quiet()
    expect([leaving.state, host.started]).toEqual(["resolved", 3])
  })

  it("does not tell a failure that comes after what was read", async () => {
    const host = new FakeHost(2)
    const iterator = mapOn(host, new Numbers(9))[Symbol.asyncIterator]()
    const first = iterator.next()
    await quiet()
    host.of(0).resolve(0)
    await first
    host.of(1).resolve(1) // and it does not read this one
    host.of(2).reject(boom)
    await quiet()
    expect(await iterator.return!()).toEqual({ done: true, value: undefined })
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  it("ends those who still wait in next()", async () => {
    const host = new FakeHost(2)
    const iterator = mapOn(host, [1, 2])[Symbol.asyncIterator]()
    const waits = iterator.next()
    await quiet()
    await Promise.all([iterator.return!(), iterator.return!()])
    expect(await waits).toEqual({ done: true, value: undefined })
  })

  it("is left, and not cancelled as well while it ends", async () => {
    const host = new FakeHost(2)
    host.prompt = false
    const stream = mapOn(host, [1, 2])
    const iterator = stream[Symbol.asyncIterator]()
    const waits = watch(iterator.next())
    await quiet()
    const leaving = watch(iterator.return!())
    stream.cancel(boom)
    for (const task of [...host.running]) task.resolve(0)
    await quiet()
    expect([leaving.state, waits.state]).toEqual(["resolved", "resolved"])
  })

  it("throws what the input's own end throws, as `for await` does", async () => {
    const host = new FakeHost(1)
    async function* items() {
      try {
        yield 1
        yield 2
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
        throw boom
      }
    }
    const iterator = mapOn(host, items())[Symbol.asyncIterator]()
    const first = iterator.next()
    await quiet()
    host.of(1).resolve(1)
    await first
    await quiet() // or it would be asked to end while it makes an item, and nobody would wait for that
    await expect(iterator.return!()).rejects.toBe(boom)
  })
})

describe("cancelled, a map", () => {
  const ways = [
    ["cancel()", (stream: { cancel(reason: unknown): void }) => stream.cancel(boom), /was cancelled \(2 of its items/],
    ["its signal", (_: unknown, control: AbortController) => control.abort(boom), /was aborted by its signal \(2 of/],
  ] as const
  it.each(ways)("by %s: who waits in next() gets the error, when nothing runs any more", async (_, cancel, message) => {
    const host = new FakeHost(2)
    host.prompt = false
    const control = new AbortController()
    const items = new Numbers(9)
    const stream = mapOn(host, items, { signal: control.signal })
    const waits = watch(stream[Symbol.asyncIterator]().next())
    await quiet()
    cancel(stream, control)
    await quiet()
    expect([waits.state, items.returned]).toEqual(["pending", 1])
    expect(host.running.map(task => task.signal.reason)).toEqual([boom, boom])
    for (const task of [...host.running]) task.resolve(0)
    await quiet()
    expect(waits.state).toBe("rejected")
    expect(waits.value).toBeInstanceOf(CallAbortedError)
    expect(waits.value).toMatchObject({ cause: boom, started: true, message: expect.stringMatching(message) })
    expect([host.started, getEventListeners(control.signal, "abort").length]).toEqual([2, 0])
  })

  it.each(ways)("by %s: who awaits it gets the error", async (_, cancel) => {
    const host = new FakeHost(2)
    const control = new AbortController()
    const stream = mapOn(host, new Numbers(9), { signal: control.signal })
    const all = watch(stream)
    await quiet()
    cancel(stream, control)
    await quiet()
    expect(all.value).toMatchObject({ name: "AbortError", cause: boom })
  })

  it("still yields what was complete", async () => {
    const host = new FakeHost(2)
    const stream = mapOn(host, new Numbers(9))
    const iterator = stream[Symbol.asyncIterator]()
    const first = iterator.next()
    await quiet()
    host.of(0).resolve(0)
    host.of(1).resolve(1)
    await first
    stream.cancel()
    expect(await iterator.next()).toEqual({ done: false, value: 1 })
    await expect(iterator.next()).rejects.toThrow(CallAbortedError)
  })

  it("before it is read: reads nothing, and says so when it is", async () => {
    const items = new Numbers(9)
    const host = new FakeHost()
    const stream = mapOn(host, items)
    stream.cancel(boom)
    await expect(stream).rejects.toMatchObject({ started: false, cause: boom })
    const aborted = mapOn(host, items, { signal: AbortSignal.abort(boom) })
    await expect(read(aborted)).rejects.toMatchObject({ started: false, cause: boom })
    expect([items.pulled, host.started]).toEqual([0, 0])
  })

  it("when it is over: nothing", async () => {
    const stream = mapOn(new FakeHost(), [])
    expect(await stream).toEqual([])
    stream.cancel(boom)
    expect(await stream).toEqual([])
  })

  it("while its input makes an item for ever: ends all the same", async () => {
    const host = new FakeHost(2)
    let ended = false
    const items = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: async () => {
          ended = true
          throw new Error("of nobody's interest")
        },
      }),
    }
    const stream = mapOn(host, items)
    const all = watch(stream)
    await quiet()
    stream.cancel()
    await quiet()
    expect([all.state, ended]).toEqual(["rejected", true])
  })

  it("drops the item that it was waiting for, where items are promises", async () => {
    const host = new FakeHost()
    let arrive!: (item: number) => void
    const stream = mapOn(host, [new Promise<number>(resolve => (arrive = resolve))])
    const all = watch(stream)
    await quiet()
    stream.cancel()
    arrive(1)
    await quiet()
    expect([all.state, host.started]).toEqual(["rejected", 0])
  })

  it("drops the item that its input was just making, and what became of it", async () => {
    for (const end of ["resolve", "reject"] as const) {
      let answer!: { resolve: (step: IteratorResult<number>) => void; reject: (error: unknown) => void }
      const asked = new Promise<IteratorResult<number>>((resolve, reject) => {
        answer = { resolve, reject }
      })
      const host = new FakeHost()
      const stream = mapOn(host, { [Symbol.asyncIterator]: () => ({ next: () => asked }) })
      const all = watch(stream)
      await quiet()
      stream.cancel()
      answer[end]({ done: false, value: 1 })
      await quiet()
      expect([all.state, host.started]).toEqual(["rejected", 0])
    }
  })
})

describe("an input that throws", () => {
  function* sync() {
    yield 0
    yield 1
    throw boom
  }
  async function* later() {
    yield* sync()
  }
  const promises = () => [0, 1].map(x => Promise.resolve(x)).concat(Promise.reject(boom))
  const kinds = [
    ["iterable", sync],
    ["async iterable", later],
    ["promise", promises],
  ] as const

  it.each(kinds)("(%s) ends the map with its error and aborts what runs", async (_, make) => {
    const host = new FakeHost(3)
    const all = watch(mapOn(host, make()))
    await quiet()
    expect(all).toEqual({ state: "rejected", value: boom })
    expect([host.started, host.running.length]).toEqual([2, 0])
  })

  it.each(kinds)("(%s) ends it after what runs, with 'settle'", async (_, make) => {
    const host = new FakeHost(3)
    const seen: unknown[] = []
    const reading = watch(read(mapOn(host, make(), { onError: "settle" }), seen))
    await quiet()
    host.of(1).resolve("b")
    host.of(0).resolve("a")
    await quiet()
    expect(seen).toMatchObject([{ value: "a" }, { value: "b" }])
    expect(reading).toEqual({ state: "rejected", value: boom })
  })

  it("or that has come to its end, is not asked to end", async () => {
    for (const next of [async () => ({ done: true, value: 0 }) as const, () => Promise.reject(boom)]) {
      let asked = 0
      const items = {
        [Symbol.asyncIterator]: () => ({ next, return: async () => ({ done: true, value: ++asked }) as const }),
      }
      await watch(mapOn(new FakeHost(), items))
      await quiet()
      expect(asked).toBe(0)
    }
  })

  it("when it is opened, or gives what is no step", async () => {
    const broken = {
      [Symbol.iterator](): Iterator<number> {
        throw boom
      },
    }
    await expect(mapOn(new FakeHost(), broken)).rejects.toBe(boom)
    const odd = { [Symbol.asyncIterator]: () => ({ next: async () => 5 as never }) }
    await expect(mapOn(new FakeHost(), odd)).rejects.toThrow(
      "the iterator's next() gave 5, which is no { done, value }",
    )
  })
})

describe("when nothing is admitted any more", () => {
  const closed = new Error("closed")

  it.each(["throw", "settle"] as const)("a map ends with that, after what runs (%s)", async onError => {
    const host = new FakeHost(2)
    const items = new Numbers(9)
    const seen: unknown[] = []
    const reading = watch(read(mapOn(host, items, { onError }), seen))
    await quiet()
    host.close(closed)
    await quiet()
    expect(items).toMatchObject({ pulled: 2, returned: 1 })
    expect(host.running.map(task => task.signal.aborted)).toEqual([false, false])
    host.of(0).resolve(0)
    host.of(1).resolve(1)
    await quiet()
    expect([seen.length, reading.state, reading.value, host.listeners.size]).toEqual([2, "rejected", closed, 0])
  })

  it("a map that has started everything is not concerned", async () => {
    const host = new FakeHost(2)
    const all = watch(mapOn(host, [1, 2]))
    await quiet()
    host.close(closed)
    host.of(1).resolve("a")
    host.of(2).resolve("b")
    await quiet()
    expect(all).toEqual({ state: "resolved", value: ["a", "b"] })
  })

  it("one that waits for its input ends as well, and one that is left says nothing of it", async () => {
    const host = new FakeHost(2)
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    const waits = watch(read(mapOn(host, never)))
    const left = mapOn(host, [1, 2, 3])[Symbol.asyncIterator]()
    const first = watch(left.next())
    await quiet()
    host.close(closed)
    await quiet()
    expect(waits).toEqual({ state: "rejected", value: closed })
    expect(await left.return!()).toEqual({ done: true, value: undefined })
    expect(first.value).toEqual({ done: true, value: undefined })
  })
})
