/** Streams over a real connection, as results and as arguments: order, flow control, endings, and what they leave behind. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Caller, deferred, type Link, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
let served: ReturnType<typeof serve>

const api: Record<string, (...args: any[]) => unknown> = { echo: (...args) => args }

beforeAll(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  served = serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterAll(() => hub.close())

const never = () => new Promise<never>(() => {})

const sizes = async () => {
  await caller.call("echo") // both sides have handled all that was sent before
  return [link.parent.session.size, link.runner.session.size]
}

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const item of stream) items.push(item)
  return items
}

async function* count(to: number) {
  for (let i = 0; i < to; i++) yield i
}

test("a generator's items arrive in order, with its return value, and end the call", async () => {
  api.items = async function* () {
    yield { a: 1 }
    yield new Float32Array([1, 2])
    return "end"
  }
  const { answer, done } = caller.track("items")
  const stream = await answer
  expect(await stream.next()).toEqual({ done: false, value: { a: 1 } })
  expect(served.open()).toBe(1) // a call whose stream goes on is not over
  expect(await stream.next()).toEqual({ done: false, value: new Float32Array([1, 2]) })
  expect(await stream.next()).toEqual({ done: true, value: "end" })
  expect(await stream.next()).toEqual({ done: true, value: undefined })
  await done
  expect(await sizes()).toEqual([2, 2])
  expect(served.open()).toBe(0)
})

test("several next() at once past the end are told that it is over", async () => {
  api.items = () => count(2)
  const { answer, done } = caller.track("items")
  const stream = await answer
  const steps = await Promise.all(Array.from({ length: 6 }, () => stream.next()))
  const over = { done: true, value: undefined }
  expect(steps).toEqual([{ done: false, value: 0 }, { done: false, value: 1 }, over, over, over, over])
  expect(await stream.next()).toEqual(over)
  await done
  expect(await sizes()).toEqual([2, 2])
})

test("several next() at once are answered in order, and run the producer one step at a time", async () => {
  const slow = deferred<IteratorResult<string>>()
  let asked = 0
  api.items = () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => (++asked === 1 ? slow.promise : Promise.resolve({ done: true, value: undefined })),
    }),
  })
  const stream = await caller.call("items")
  const order: string[] = []
  const [first, second] = [stream.next(), stream.next()]
  void first.then(() => order.push("first"))
  void second.then(() => order.push("second"))
  await caller.call("echo")
  expect(asked).toBe(1)
  slow.resolve({ done: false, value: "late" })
  expect(await first).toEqual({ done: false, value: "late" })
  expect(await second).toEqual({ done: true, value: undefined })
  expect(order).toEqual(["first", "second"])
  expect(await sizes()).toEqual([2, 2])
})

test("a stream that is left while an item is awaited ends both", async () => {
  const asked = deferred()
  api.items = () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        asked.resolve()
        return never()
      },
      return: async () => ({ done: true, value: undefined }),
    }),
  })
  const stream = await caller.call("items")
  const waiting = stream.next()
  await asked.promise
  expect(await stream.return("left")).toEqual({ done: true, value: undefined })
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(await sizes()).toEqual([2, 2])
})

function readable() {
  return new ReadableStream({
    start(controller) {
      for (const i of [1, 2, 3]) controller.enqueue(i)
      controller.close()
    },
  })
}

test.each<[string, () => object]>([
  ["a plain generator", () => [1, 2, 3].values()],
  ["a ReadableStream", readable],
  ["an async iterable", () => ({ [Symbol.asyncIterator]: () => [1, 2, 3].values() })],
])("%s is a stream", async (_name, make) => {
  api.make = make
  expect(await collect(await caller.call("make"))).toEqual([1, 2, 3])
  expect(await collect((await caller.call("echo", make()))[0])).toEqual([1, 2, 3]) // there and back again
  expect(await sizes()).toEqual([2, 2])
})

test("a stream among the arguments is read while the call runs", async () => {
  api.sum = async (numbers: AsyncIterable<number>) => {
    let total = 0
    for await (const n of numbers) total += n
    return total
  }
  expect(await caller.call("sum", count(100))).toBe(4950)
  expect(await sizes()).toEqual([2, 2])
})

test("leaving the loop runs the producer's finally before the loop is left", async () => {
  let finished = false
  api.endless = async function* () {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      finished = true
    }
  }
  const { answer, done } = caller.track("endless")
  for await (const i of await answer) if (i === 3) break
  expect(finished).toBe(true)
  await done
  expect(await sizes()).toEqual([2, 2])
})

test("an argument's producer that is left in the middle by its call's end runs its finally", async () => {
  const finished = deferred()
  async function* source() {
    try {
      for (;;) yield 1
    } finally {
      finished.resolve()
    }
  }
  api.one = async (stream: AsyncGenerator<number>) => (await stream.next()).value
  expect(await caller.call("one", source())).toBe(1)
  await finished.promise
  expect(await sizes()).toEqual([2, 2])
})

test("an error in the producer arrives as itself, once, and ends the stream", async () => {
  let returned = 0
  let steps = 0
  api.broken = () => ({
    async next() {
      if (steps++ < 1) return { done: false, value: "first" }
      throw Object.assign(new RangeError("broke"), { code: "E_BROKE" })
    },
    return: async () => ({ done: true, value: returned++ }),
    [Symbol.asyncIterator]() {
      return this
    },
  })
  const { answer, done } = caller.track("broken")
  const stream = await answer
  expect(await stream.next()).toEqual({ done: false, value: "first" })
  const error = await thrownBy(stream.next())
  expect(error).toBeInstanceOf(RangeError)
  expect(error).toMatchObject({ message: "broke", code: "E_BROKE" })
  expect(await stream.next()).toEqual({ done: true, value: undefined })
  await done
  expect(await sizes()).toEqual([2, 2])
  expect(returned).toBe(0) // an iterator that threw is over: nobody returns it
})

test("values and errors can be sent into a generator", async () => {
  api.talk = async function* () {
    const answers: unknown[] = []
    try {
      answers.push(yield "name?")
      yield answers
    } catch (error) {
      yield (error as Error).message
    }
  }
  const stream = await caller.call("talk")
  await stream.next()
  expect(await stream.next("Ada")).toEqual({ done: false, value: ["Ada"] })
  expect(await stream.throw(new Error("no more"))).toEqual({ done: false, value: "no more" })
  expect(await stream.return("bye")).toEqual({ done: true, value: "bye" })
  expect(await sizes()).toEqual([2, 2])
})

test("a slow consumer holds the producer back", async () => {
  let produced = 0
  api.eager = async function* () {
    for (; ; produced++) yield produced
  }
  const stream = await caller.call("eager")
  const stalled = async () => {
    for (let i = 0; i < 20; i++) await caller.call("echo") // time for a producer that nobody holds back
    return produced
  }
  expect(await stalled()).toBe(0)
  await stream.next()
  expect(await stalled()).toBe(0) // it stands at the item that was taken
  await stream.next()
  expect(await stalled()).toBe(3) // and two ahead
  await stream.return()
  expect(await sizes()).toEqual([2, 2])
})

test("an item that cannot cross rejects that step and ends the stream", async () => {
  const finished = deferred()
  api.bad = async function* () {
    try {
      yield { fn: () => 1 }
    } finally {
      finished.resolve()
    }
  }
  const stream = await caller.call("bad")
  expect(await thrownBy(stream.next())).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE", path: "result.value.fn" })
  await finished.promise
  expect(await sizes()).toEqual([2, 2])
})

test("what a producer's finally throws when nobody listens any more is reported where it lives", async () => {
  async function* source() {
    try {
      yield 1
      yield 2
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: the point of the test
      throw new Error("in finally")
    }
  }
  api.first = async (stream: AsyncGenerator<number>) => (await stream.next()).value
  expect(await caller.call("first", source())).toBe(1)
  await caller.call("echo")
  expect(link.parent.failures.splice(0)).toMatchObject([{ message: "in finally" }])
})

test("a stream that is collected unfinished runs the producer's finally and frees the call", async () => {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  let finished = false
  api.forgotten = async function* () {
    try {
      for (;;) yield new Uint8Array(1024)
    } finally {
      finished = true
    }
  }
  const begin = async () => expect(await (await caller.call("forgotten")).next()).toMatchObject({ done: false })
  await begin()
  while (!finished) {
    gc()
    await caller.call("echo")
  }
  expect(await sizes()).toEqual([2, 2])
  expect(served.open()).toBe(0)
})

test("1,000 streams leave no channel behind", async () => {
  api.count = count
  for (let round = 0; round < 20; round++) {
    const streams = await Promise.all(Array.from({ length: 50 }, () => caller.call("count", 3)))
    const items = await Promise.all(streams.map((s, i) => (i % 2 ? collect(s) : s.return())))
    expect(items[1]).toEqual([0, 1, 2])
  }
  expect(await sizes()).toEqual([2, 2])
  expect(served.open()).toBe(0)
  expect(caller.client.pending).toBe(0)
})
