/** The flow control of streams over a real connection: how far a producer runs ahead, and what a peer may not say. */
import { Readable } from "node:stream"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { ConnectionError } from "../../src/shared/errors.ts"
import { registerType } from "../../src/transport/codec/index.ts"
import { proxy } from "../../src/transport/proxy.ts"
import { Caller, deferred, type Link, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
let served: ReturnType<typeof serve>
let api: Record<string, (...args: any[]) => unknown>

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  api = { echo: (...args) => args }
  served = serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterEach(() => hub.close())

/** Both sides have handled all that was sent before, several times over. */
const settled = async () => {
  for (let i = 0; i < 20; i++) await caller.call("echo")
}
const sizes = async () => {
  await settled()
  return [link.parent.session.size, link.runner.session.size]
}

const MIB = 2 ** 20

/** An endless producer that counts its items. */
function endless(make: (i: number) => unknown) {
  const state = { made: 0, finished: deferred() }
  async function* produce() {
    try {
      for (;;) yield make(state.made++)
    } finally {
      state.finished.resolve()
    }
  }
  return { state, produce }
}

async function take(stream: AsyncGenerator<unknown>, count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect((await stream.next()).done).toBe(false)
}

/** `use` reads a stream of `produce` whose producer lives on the other side: in the runner, and in the caller. */
const directions: [string, (produce: () => object, use: (stream: any) => Promise<void>) => Promise<void>][] = [
  [
    "from the runner",
    async (produce, use) => {
      api.produce = produce
      await use(await caller.call("produce"))
    },
  ],
  [
    "to the runner",
    async (produce, use) => {
      api.use = use
      await caller.call("use", produce())
    },
  ],
]

describe.each(directions)("%s", (_name, across) => {
  test.each([0, 1, 2, 3, 10, 500])("a consumer that stalls after %i items stops the producer", async count => {
    const { state, produce } = endless(i => i)
    await across(produce, async stream => {
      await take(stream, count)
      await settled()
      // The window is 1, then doubles with each step that had to wait: 1, 2, 4, to 64.
      const window = count <= 1 ? 0 : Math.min(64, 2 ** (count - 1))
      expect(state.made - count).toBeLessThanOrEqual(window)
      expect(state.made).toBeGreaterThanOrEqual(count)
      await stream.return()
      if (count > 0) await state.finished.promise
    })
    expect(await sizes()).toEqual([2, 2])
  })

  test.each<[string, () => unknown]>([
    ["arrays", () => new Float64Array(MIB / 8)],
    ["objects with an array", () => ({ epoch: 1, weights: { w: new Uint8Array(MIB) } })],
    ["strings", () => "x".repeat(MIB)],
    ["lists", () => Array.from({ length: MIB / 8 }, (_, i) => i)],
  ])("%s of 1 MiB do not pile up", async (_what, make) => {
    const { state, produce } = endless(i => (i < 300 ? i : make())) // the small ones open the window
    await across(produce, async stream => {
      await take(stream, 300)
      for (let taken = 300; taken < 310; taken += 5) {
        await settled()
        expect(state.made - taken).toBeLessThanOrEqual(2) // about 1 MiB, and one more
        expect(state.made).toBeGreaterThan(taken)
        await take(stream, 5)
      }
      await stream.return()
    })
  })

  test("a consumer that keeps up sends far fewer messages than it reads items", async () => {
    const { produce } = endless(i => i)
    const sent = [link.parent, link.runner].map(side => vi.spyOn(side.line, "send"))
    await across(produce, async stream => {
      await take(stream, 5_000)
      await stream.return()
    })
    for (const { mock } of sent) {
      const messages = mock.calls.reduce((sum, [packet]) => sum + JSON.parse(String(packet)).length / 3, 0)
      expect(messages).toBeGreaterThan(10)
      expect(messages).toBeLessThan(1_000)
    }
  })
})

test("items are what they were when they were yielded", async () => {
  api.same = async function* () {
    const state = { step: 0, list: [0] }
    for (let i = 0; i < 100; i++) {
      state.step = i
      state.list[0] = i
      yield state
    }
  }
  let i = 0
  for await (const { step, list } of await caller.call("same")) expect([step, list]).toEqual([i, [i++]])
  expect(i).toBe(100)
})

test("a producer that never waits for anything gives its event loop turns: a return or an abort is heard", async () => {
  let turn = 0
  let running = true
  const tick = () => {
    turn += 1
    if (running) setImmediate(tick)
  }
  tick()
  const turns: number[] = []
  api.busy = async function* () {
    for (;;) {
      const until = performance.now() + 2
      while (performance.now() < until);
      turns.push(turn)
      yield turns.length
    }
  }
  const stream = await caller.call("busy")
  await take(stream, 200) // the window is as large as it gets
  await stream.return()
  running = false
  const inOneTurn = turns.map(which => turns.filter(other => other === which).length)
  expect(Math.max(...inOneTurn)).toBeLessThan(8) // and not half of the window
})

test("steps with a value reach the generator one by one, in order", async () => {
  api.talk = async function* (): AsyncGenerator<string, void, unknown> {
    let said: unknown = "nothing"
    for (;;) said = yield `heard ${said}`
  }
  const stream = await caller.call("talk")
  expect((await stream.next()).value).toBe("heard nothing")
  for (let i = 0; i < 100; i++) expect((await stream.next(i)).value).toBe(`heard ${i}`)
  const together = await Promise.all(["a", "b", "c"].map(value => stream.next(value)))
  expect(together.map(step => step.value)).toEqual(["heard a", "heard b", "heard c"])
  expect((await stream.next()).value).toBe("heard undefined")
  await stream.return()

  // Items that were made ahead come first; the value goes to the first step that is not made yet.
  const late = await caller.call("talk")
  await take(late, 2)
  await settled()
  expect((await late.next("x")).value).toBe("heard undefined")
  expect((await late.next("y")).value).toBe("heard undefined")
  expect((await late.next()).value).toBe("heard x")
  expect((await late.next()).value).toBe("heard y")
  expect((await late.next("z")).value).toBe("heard z")
  await late.return()
  expect(await sizes()).toEqual([2, 2])
})

test("a consumer to which items look small acknowledges large ones, also where it goes step by step", async () => {
  class Handle {
    constructor(readonly cache = new Uint8Array(MIB)) {}
  }
  registerType("stream-flow.Handle", {
    isApplicable: (value): value is Handle => value instanceof Handle,
    serialize: () => 0,
    deserialize: () => new Handle(new Uint8Array(0)),
  })
  api.handles = async function* () {
    for (let i = 0; ; i++) yield i < 300 ? i : new Handle()
  }
  const stream = await caller.call("handles")
  await take(stream, 320)
  await settled()
  await stream.next("a value")
  await take(stream, 80)
  await stream.return()
})

test("callbacks in a value live until its step is answered", async () => {
  api.ask = async function* (): AsyncGenerator<unknown, void, any> {
    let ask = yield "first"
    for (;;) ask = yield await ask()
  }
  const stream = await caller.call("ask")
  await stream.next()
  for (let i = 0; i < 20; i++) expect(await stream.next(() => i)).toEqual({ done: false, value: i })
  expect(await sizes()).toEqual([3, 3]) // the stream's own
  expect(await thrownBy(stream.next({ bad: Symbol("x") }))).toMatchObject({ path: "arguments[0].bad" })
  expect(await stream.next(() => "goes on")).toEqual({ done: false, value: "goes on" })
  await stream.return()
  expect(await sizes()).toEqual([2, 2])
})

test("return() after next()s that nobody awaited is answered after them", async () => {
  api.count = async function* () {
    for (let i = 0; ; i++) yield i
  }
  const stream = await caller.call("count")
  const steps = [stream.next(), stream.next(), stream.next(), stream.return("bye"), stream.next()]
  expect((await Promise.all(steps)).map(({ done, value }) => [done, value])).toEqual([
    [false, 0],
    [false, 1],
    [false, 2],
    [true, "bye"],
    [true, undefined],
  ])
  expect(await sizes()).toEqual([2, 2])
})

test.each<[string, (i: number) => unknown]>([
  ["small", i => i],
  ["large", () => new Uint8Array(MIB)],
])("a throw() that is caught drops %s items that were made ahead, and the stream goes on", async (_what, make) => {
  api.stubborn = async function* () {
    for (let i = 0; ; i++) {
      try {
        yield i < 100 ? i : make(i)
      } catch (error) {
        yield (error as Error).message
      }
    }
  }
  const stream = await caller.call("stubborn")
  await take(stream, 100)
  for (const reason of ["one", "two"]) {
    await settled()
    expect(await stream.throw(new Error(reason))).toEqual({ done: false, value: reason })
    await take(stream, 20)
  }
  await stream.return()
  expect(await sizes()).toEqual([2, 2])
})

test.each([false, true])(
  "an error ahead of a consumer that leaves is not thrown at it (arrived: %s)",
  async arrived => {
    const thrown = deferred()
    api.fragile = async function* () {
      for (let i = 0; i < 3; i++) yield i
      thrown.resolve()
      throw new RangeError("too far", { cause: new Error("why") })
    }
    const left = await caller.call("fragile")
    await take(left, 3)
    await thrown.promise
    if (arrived) await settled()
    expect(await left.return("enough")).toEqual({ done: true, value: "enough" })
    expect(await left.next()).toEqual({ done: true, value: undefined })
    const read = await caller.call("fragile")
    await take(read, 3)
    const error = await thrownBy(read.next())
    expect(error).toBeInstanceOf(RangeError)
    expect(error.cause.message).toBe("why")
    expect(await read.next()).toEqual({ done: true, value: undefined })
  },
)

test("what items that nobody read refer to is closed", async () => {
  api.nested = async function* () {
    for (let i = 0; i < 50; i++) yield { object: proxy({ i }), stream: [i].values() }
  }
  const stream = await caller.call("nested")
  const kept = []
  for (let i = 0; i < 4; i++) kept.push((await stream.next()).value)
  await settled()
  expect(link.parent.session.size).toBeGreaterThan(3 + 2 * kept.length)
  await stream.return()
  expect(await kept[1].object.i).toBe(1)
  expect((await kept[3].stream.next()).value).toBe(3)
  expect(await kept[3].stream.next()).toEqual({ done: true, value: undefined })
  expect(await sizes()).toEqual([2 + 7, 2 + 7])
})

describe("a source that nobody has begun to read", () => {
  const unread: [string, (told: () => void) => object][] = [
    ["a ReadableStream is cancelled", told => new ReadableStream({ cancel: told })],
    [
      "a Readable of Node's is destroyed",
      told => new Readable({ read() {}, destroy: (_, done) => done(null) }).once("close", told),
    ],
  ]
  test.each(unread)("%s with its call", async (_name, make) => {
    const told = deferred()
    api.ignore = () => "done"
    expect(await caller.call("ignore", make(told.resolve))).toBe("done")
    await told.promise
    expect(await sizes()).toEqual([2, 2])
  })
  test.each(unread)("%s by return()", async (_name, make) => {
    const told = deferred()
    api.make = () => make(told.resolve)
    const stream = await caller.call("make")
    expect(await stream.return("x")).toMatchObject({ done: true })
    await told.promise
    expect(await sizes()).toEqual([2, 2])
  })
})

test("a ReadableStream that is locked is an error of the first step", async () => {
  api.locked = () => {
    const stream = new ReadableStream()
    stream.getReader()
    return stream
  }
  expect(await thrownBy((await caller.call("locked")).next())).toBeInstanceOf(TypeError)
  expect(await sizes()).toEqual([2, 2])
})

test("a stream whose call is cancelled rejects, and holds its call until the producer has ended", async () => {
  const waiting = deferred()
  const release = deferred()
  api.slow = async function* () {
    try {
      yield 1
      waiting.resolve()
      await release.promise
      yield 2
    } finally {
      yield "not read by anybody"
    }
  }
  const { answer, done, id } = caller.track("slow")
  const stream = await answer
  await stream.next()
  const pending = thrownBy(stream.next())
  await waiting.promise
  const error = new ConnectionError("enough")
  caller.client.cancel(id, "why", error)
  expect(await pending).toBe(error)
  expect(await thrownBy(stream.next())).toBe(error)
  expect(await stream.return("x")).toEqual({ done: true, value: "x" })
  await settled()
  expect(served.signals[0]).toMatchObject({ aborted: true, reason: "why" })
  expect(served.open()).toBe(1)
  release.resolve()
  await done
  expect(await sizes()).toEqual([2, 2])
  expect(served.open()).toBe(0)
})

test("a stream that comes as the answer to a call that was given up is ended", async () => {
  const asked = deferred()
  const gate = deferred()
  const { state, produce } = endless(i => i)
  api.late = async () => {
    asked.resolve()
    await gate.promise
    return produce()
  }
  const { answer, done, id } = caller.track("late")
  await asked.promise
  caller.client.cancel(id, "too late")
  gate.resolve()
  expect(await thrownBy((await answer).next())).toMatchObject({ message: "the call was given up" })
  await done
  expect(state.made).toBe(0)
  expect(await sizes()).toEqual([2, 2])
})

test("items that came before the line was cut are still read, then its reason", async () => {
  api.count = async function* () {
    for (let i = 0; ; i++) yield i
  }
  const stream = await caller.call("count")
  await take(stream, 3)
  await settled()
  link.runner.ws.terminate()
  await link.parent.over
  const read: unknown[] = []
  const error = await thrownBy((async () => void (await collectInto(read, stream)))())
  expect(error).toMatchObject({ code: "ERR_FLAME_CONNECTION" })
  expect(read[0]).toBe(3)
  expect(read).toEqual(read.map((_, i) => i + 3))
})

async function collectInto(items: unknown[], stream: AsyncIterable<unknown>): Promise<void> {
  for await (const item of stream) items.push(item)
}

describe("a peer's message that is none of a stream's closes the line", () => {
  const atProducer = [
    ...['"pull"', "null", "{}", "[]", '["pull"]', '["pull",0]', '["pull",0,-1]', '["pull",0,1.5]', '["pull",0,"1"]'],
    ...['["pull",1,1]', '["pull",0,1,1]', '["next",0]', '["next",1,0]', '["return",0]', '["return","a",0]'],
    ...['["throw",0,null]', '["throw",0,{"isError":true,"value":3}]', '["leave",1]', '["items",[]]', '["toString"]'],
  ]
  test.each(atProducer)("to a producer: %s", async json => {
    api.count = () => [1, 2].values()
    const stream = await caller.call("count")
    link.parent.line.send(`[0,3,${json}]`)
    const why = await link.runner.over
    expect(why).toMatchObject({ code: "ERR_FLAME_PROTOCOL", message: expect.not.stringContaining("the peer closed") })
    expect(await thrownBy(stream.next())).toMatchObject({ code: "ERR_FLAME_PROTOCOL" })
  })

  const atConsumer = [
    ...['"items"', "7", '["items"]', '["items",1]', '["items",[1]]', '["items",[],1]', '["pull",0,1]', '["end"]'],
    ...[
      '["error",null]',
      '["threw",{"isError":false,"value":1}]',
      '["answer",true,1]',
      '["answer",1,1]',
      '["__proto__"]',
    ],
  ]
  test.each(atConsumer)("to a consumer: %s", async json => {
    api.count = () => [1, 2].values()
    await caller.call("count")
    link.runner.line.send(`[0,3,${json}]`)
    const why = await link.parent.over
    expect(why).toMatchObject({ code: "ERR_FLAME_PROTOCOL", message: expect.not.stringContaining("the peer closed") })
  })
})
