/**
 * Order across messages that differ in size: what is large goes in pieces, and nothing that belongs behind it may be ahead of
 * it. Each test sends something large and then, at once, something small that would win a race.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { INLINE_BYTES } from "../../src/transport/packet.ts"
import { proxy } from "../../src/transport/proxy.ts"
import { Caller, deferred, type Link, type Side, serve, TestHub } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
const api: Record<string, (...args: any[]) => unknown> = {}

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterEach(() => hub.close())

/** 8 MiB, many pieces and more than the window; and a text that goes in pieces as well. */
const array = () => new Float64Array(2 ** 20).fill(1)
const text = () => "x".repeat(4 * INLINE_BYTES)
const large: [string, () => any][] = [
  ["an array", array],
  ["a text", text],
]
const size = (value: any): number => value?.length ?? value

const rawPort = (side: Side) => new ComlinkPort(side.session.raw, true)

/** The first `n` messages that `listen` hears. */
function heard(n: number, listen: (on: (message: any) => void) => void): Promise<any[]> {
  return new Promise(resolve => {
    const messages: any[] = []
    listen(message => {
      if (messages.push(message) === n) resolve(messages)
    })
  })
}

describe.each(large)("%s that is large", (_name, make) => {
  test("given to a callback that nobody awaits arrives before the result, and before the error", async () => {
    api.report = (callback: any, fail: boolean) => {
      void callback(make())
      void callback("small")
      if (fail) throw new Error("after it")
      return "result"
    }
    const events: unknown[] = []
    const note = (value: any) => void events.push(size(value))
    events.push(await caller.call("report", note, false))
    events.push(await caller.call("report", note, true).catch(error => error.message))
    const n = make().length
    expect(events).toEqual([n, 5, "result", n, 5, "after it"])
  })

  test("given to a callback is followed by the result also where several callbacks had some", async () => {
    api.report = (a: any, b: any) => {
      void a(make())
      void b(make())
      return 0
    }
    const events: unknown[] = []
    await caller.call(
      "report",
      () => void events.push("a"),
      () => void events.push("b"),
    )
    expect(events.toSorted()).toEqual(["a", "b"])
  })

  test("as an item of a stream stays in its place, in both directions", async () => {
    async function* items() {
      yield 1
      yield make()
      yield 2
      yield 3
      yield make()
      return 4
    }
    const read = async (stream: any) => {
      const seen: number[] = []
      for (;;) {
        const { done, value } = await stream.next()
        seen.push(size(value))
        if (done) return seen
      }
    }
    const n = make().length
    api.give = items
    expect(await read(await caller.call("give"))).toEqual([1, n, 2, 3, n, 4])
    api.take = read
    expect(await caller.call("take", items())).toEqual([1, n, 2, 3, n, 4])
  })

  test("posted on the raw endpoint is not overtaken, in both directions", async () => {
    for (const [from, to] of [
      [link.parent, link.runner],
      [link.runner, link.parent],
    ] as const) {
      const port = rawPort(from)
      const messages = heard(5, on => rawPort(to).addEventListener("message", ({ data }) => on(data)))
      for (const message of [0, make(), 1, make(), { two: 2 }]) port.postMessage(message)
      expect((await messages).map(size)).toEqual([0, make().length, 1, make().length, { two: 2 }])
    }
  })

  test("posted on a port that was passed on is not overtaken, in both directions", async () => {
    const { port1, port2 } = new MessageChannel()
    const there = deferred<MessagePort>()
    api.keep = port => void there.resolve(port)
    await caller.call("keep", port2)
    for (const [from, to] of [
      [port1, await there.promise],
      [await there.promise, port1],
    ] as const) {
      const messages = heard(4, on => to.on("message", on))
      for (const message of [make(), 1, make(), 2]) from.postMessage(message)
      expect((await messages).map(size)).toEqual([make().length, 1, make().length, 2])
      to.removeAllListeners("message")
    }
    port1.close()
  })

  test("and last, before its port is closed, still arrives", async () => {
    const { port1, port2 } = new MessageChannel()
    api.read = (port: MessagePort) =>
      new Promise(resolve => {
        const seen: number[] = []
        port.on("message", message => seen.push(size(message)))
        port.on("close", () => resolve(seen))
      })
    const answer = caller.call("read", port2)
    for (const message of [1, make(), 2]) port1.postMessage(message)
    port1.close()
    expect(await answer).toEqual([1, make().length, 2])
  })

  test("in a call of a proxied object is not overtaken by the next call", async () => {
    const seen: number[] = []
    api.make = () => proxy({ take: (value: any) => void seen.push(size(value)) })
    const remote = await caller.call("make")
    await Promise.all([remote.take(make()), remote.take(1), remote.take(make()), remote.take(2)])
    expect(seen).toEqual([make().length, 1, make().length, 2])
  })
})

test("calls at the root overtake a large one, and so do their answers", async () => {
  const order: string[] = []
  api.take = value => size(value)
  api.give = () => new Float64Array(2 ** 22)
  const big = caller.call("take", new Float64Array(2 ** 22)).then(n => order.push(`large ${n}`))
  const small = caller.call("take", 1).then(() => order.push("small"))
  await Promise.all([big, small])
  const answers = [
    caller.call("give").then(() => order.push("large")),
    caller.call("take", 1).then(() => order.push("small")),
  ]
  await Promise.all(answers)
  expect(order).toEqual(["small", `large ${2 ** 22}`, "small", "large"])
})

describe("what a large message names is there when it is", () => {
  test("in a call: callbacks, signals, streams, proxies and ports, used at once on both sides", async () => {
    const controller = new AbortController()
    const { port1, port2 } = new MessageChannel()
    async function* stream() {
      yield "item"
    }
    const done = deferred<unknown>()
    api.use = async (_large: unknown, all: any) => {
      const fromPort = new Promise(resolve => all.port.on("message", resolve))
      all.port.postMessage("to the parent")
      const aborted = new Promise(resolve => {
        if (all.signal.aborted) resolve("aborted")
        else all.signal.addEventListener("abort", () => resolve("aborted"))
      })
      const [item] = await Promise.all([all.stream.next(), aborted])
      return [await all.callback(20), await all.remote.n, item.value, await aborted, await fromPort]
    }
    const all = {
      callback: (n: number) => n + 1,
      remote: proxy({ n: 7 }),
      signal: controller.signal,
      stream: stream(),
      port: port2,
    }
    const answer = caller.call("use", array(), all)
    // Its 8 MiB are on their way: what is said on these channels now has to wait for them.
    controller.abort()
    port1.postMessage("to the runner")
    port1.once("message", done.resolve)
    expect(await answer).toEqual([21, 7, "item", "aborted", "to the runner"])
    expect(await done.promise).toBe("to the parent")
    port1.close()
  })

  test("in a result: proxies, streams and ports", async () => {
    api.give = () => {
      const { port1, port2 } = new MessageChannel()
      port1.postMessage("early")
      return { large: array(), remote: proxy({ n: 7 }), stream: [1, 2][Symbol.iterator](), port: port2 }
    }
    const all = await caller.call("give")
    const message = deferred<unknown>()
    all.port.once("message", message.resolve)
    expect(await message.promise).toBe("early")
    expect(await all.remote.n).toBe(7)
    expect(await all.stream.next()).toEqual({ done: false, value: 1 })
    await all.stream.return()
    all.port.close()
  })
})
