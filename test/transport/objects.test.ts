/** Objects held by reference over a real connection: what can be reached, when they are over, and what a hostile holder can do. */
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { ConnectionError } from "../../src/shared/errors.ts"
import { LIVE } from "../../src/transport/codec/tags.ts"
import type { Held } from "../../src/transport/held.ts"
import { Kind } from "../../src/transport/packet.ts"
import type { Marks } from "../../src/transport/protocol.ts"
import { RemoteObject } from "../../src/transport/remote-object.ts"
import type { RpcRequest } from "../../src/transport/rpc-request.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { Caller, closing, deferred, type Link, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
const api: Record<string, (...args: any[]) => unknown> = {}
/** What the serving side heard, in order. */
let news: string[]
let held: readonly Held[]
let requests: RpcRequest[]

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  news = []
  held = []
  requests = []
  new RpcServer(link.runner.session.root, {
    begin: request => void requests.push(request),
    holds: (_request, objects) => {
      held = objects
      news.push("holds")
    },
    end: () => void news.push("end"),
    apply: (path, args) => api[path[0]!]!(...args),
    get: () => undefined,
  })
  caller = new Caller(link.parent)
})
afterEach(() => hub.close())

/** Calls with marks; `over` resolves when the slot would be free. */
function call(name: string, marks: Marks, ...args: unknown[]) {
  const over = deferred()
  const holds = deferred<readonly Held[]>()
  let id = 0
  const answer = new Promise<any>((resolve, reject) => {
    const waiter = { resolve, reject, holds: holds.resolve, done: over.resolve }
    id = caller.client.apply([name], args, waiter, marks)
  })
  return { answer, over: over.promise, holds: holds.promise, id }
}

/** A method of a held object, by any path. */
const method = (object: RemoteObject, path: string[], ...args: unknown[]): Promise<any> =>
  new Promise((resolve, reject) => object.client.apply(path, args, { resolve, reject, done() {} }))
const read = (object: RemoteObject, path: string[]): Promise<any> =>
  new Promise((resolve, reject) => object.client.get(path, { resolve, reject, done() {} }))
const settle = () => caller.call("nothing")
api.nothing = () => undefined

class Base {
  fromBase() {
    return "base"
  }
}
class Thing extends Base {
  disposed = 0
  data = { deep: { n: 1, twice: (n: number) => n * 2 }, date: new Date(0) }
  own = () => "own"
  "#odd" = () => "odd"
  #secret = 1
  get secret() {
    return this.#secret
  }
  set(n: number) {
    this.#secret = n
    return this
  }
  fail() {
    throw Object.assign(new RangeError("no"), { code: "E_NO" })
  }
  async [Symbol.asyncDispose]() {
    this.disposed += 1
  }
}

describe("what can be reached", () => {
  test("its own members, those of its classes, and plain objects among them", async () => {
    api.make = () => new Thing()
    const object: RemoteObject = await call("make", { place: true }).answer
    expect(object).toBeInstanceOf(RemoteObject)
    expect(await method(object, ["own"])).toBe("own")
    expect(await method(object, ["fromBase"])).toBe("base")
    expect(await read(object, ["secret"])).toBe(1)
    expect(await method(object, ["data", "deep", "twice"], 4)).toBe(8)
    expect(await read(object, ["data", "deep", "n"])).toBe(1)
    expect(await read(object, ["data", "date"])).toEqual(new Date(0))
    // Not itself again, by way of a result.
    expect(await thrownBy(method(object, ["set"], 2))).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE" })
    const error = await thrownBy(method(object, ["fail"]))
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: "no", code: "E_NO" })
  })

  const hostile = [
    ["constructor"],
    ["constructor", "constructor"],
    ["__proto__"],
    ["__proto__", "polluted"],
    ["prototype"],
    ["then"],
    ["toString"],
    ["valueOf"],
    ["hasOwnProperty"],
    ["__defineGetter__"],
    ["__lookupGetter__"],
    ["#odd"],
    ["#secret"],
    ["own", "constructor"],
    ["own", "call"],
    ["own", "name"],
    ["data", "constructor"],
    ["data", "__proto__", "polluted"],
    ["data", "toString"],
    ["data", "deep", "twice", "bind"],
    ["data", "date", "getTime"],
    ["Symbol.asyncDispose"],
    ["nothing"],
  ]
  test.each(hostile)("never %s %s %s %s", async (...path) => {
    api.make = () => new Thing()
    const object: RemoteObject = await call("make", { place: true }).answer
    const names = path.filter(name => name !== undefined)
    expect(await thrownBy(method(object, names, "return process"))).toMatchObject({ code: "ERR_FLAME_NO_EXPORT" })
    expect(await thrownBy(read(object, names))).toMatchObject({ code: "ERR_FLAME_NO_EXPORT" })
    expect(await method(object, ["own"])).toBe("own")
  })

  test("nothing at all of an object without a prototype but its own", async () => {
    api.make = () => Object.assign(Object.create(null), { own: () => 1 })
    const object: RemoteObject = await call("make", { place: true }).answer
    expect(await method(object, ["own"])).toBe(1)
    expect(await thrownBy(method(object, ["toString"]))).toMatchObject({ code: "ERR_FLAME_NO_EXPORT" })
  })

  test.each([["SET"], ["CONSTRUCT"], ["ENDPOINT"], ["nonsense"]])("%s is answered with an error", async type => {
    api.make = () => new Thing()
    const { parent, ws } = await hub.stranger()
    // The stranger is a runner here: it is the parent that serves, and is asked.
    const thing = new Thing()
    new RpcServer(parent.session.root, { apply: () => thing, get() {} })
    const answers = new Promise<any>(resolve => {
      ws.on("message", (data: Buffer, isBinary) => {
        const text = data.toString()
        if (isBinary || !text.startsWith("[")) return
        const list = JSON.parse(text)
        for (let i = 0; i < list.length; i += 3) {
          const [kind, channel, message] = list.slice(i, i + 3)
          if (channel === 0 && kind === Kind.rich) {
            const [marker, ref] = message.value
            expect([marker, ref.live]).toEqual([LIVE, "object"])
            ws.send(JSON.stringify([0, ref.channel, { id: 1, type, path: ["own"], value: { type: "RAW", value: 1 } }]))
          } else if (message?.id === 1 && channel !== 0) resolve(message)
        }
      })
    })
    ws.send(JSON.stringify([0, 0, { id: 1, type: "APPLY", path: ["make"], argumentList: [], place: true }]))
    expect(await answers).toMatchObject({ type: "HANDLER", name: "throw", value: { isError: true } })
    expect(thing.own()).toBe("own")
    ws.terminate()
  })

  test("a mark that is not true is none", async () => {
    api.make = () => ({ a: 1 })
    expect(await call("make", { place: 1, track: "yes", unlinked: {} } as unknown as Marks).answer).toEqual({ a: 1 })
    expect(requests[0]!.marks).toEqual({})
  })
})

describe("its end", () => {
  test("release() runs its disposal once; the slot is free with it, on both sides", async () => {
    const thing = new Thing()
    api.make = () => thing
    const { answer, over } = call("make", { place: true })
    const object: RemoteObject = await answer
    await settle()
    expect(news).toEqual(["holds", "end"]) // the second is of the empty call
    await Promise.all([object.release(), object.release(), object.letGo()])
    await Promise.all([over, object.closed])
    expect(thing.disposed).toBe(1)
    expect(news).toEqual(["holds", "end", "end"])
    await settle()
    expect([link.parent.session.size, link.runner.session.size]).toEqual([2, 2])
    expect(await thrownBy(method(object, ["own"]))).toMatchObject({ code: "ERR_FLAME_RELEASED" })
  })

  test("with a disposal that is slow: the slot is free when it is done, and calls are refused from its beginning", async () => {
    const [entered, let_] = [deferred(), deferred()]
    api.make = () => ({
      own: () => 1,
      async [Symbol.asyncDispose]() {
        entered.resolve()
        await let_.promise
      },
    })
    const { answer, over } = call("make", { place: true })
    const object: RemoteObject = await answer
    let free = false
    void over.then(() => {
      free = true
    })
    const released = object.release()
    await entered.promise
    expect(await thrownBy(method(object, ["own"]))).toMatchObject({ code: "ERR_FLAME_RELEASED" })
    expect(free).toBe(false)
    let_.resolve()
    await Promise.all([released, over])
  })

  test("with a disposal that throws: who released it hears, the other side too, and it is over", async () => {
    api.make = () => ({
      [Symbol.dispose]() {
        throw new RangeError("stuck")
      },
    })
    const { answer, over } = call("make", { place: true })
    const object: RemoteObject = await answer
    expect(await thrownBy(object.release())).toMatchObject({ name: "RangeError", message: "stuck" })
    await Promise.all([over, object.closed])
    expect(link.runner.failures).toMatchObject([{ message: "stuck" }])
  })

  test.each([["resolves"], ["rejects"]])("by itself, when its `closed` %s: it is not disposed of", async how => {
    const closed = deferred()
    let disposed = 0
    const dispose = () => void disposed++
    api.make = () => ({ closed: closed.promise, own: () => 1, [Symbol.dispose]: dispose })
    const { answer, over } = call("make", { place: true })
    const object: RemoteObject = await answer
    if (how === "rejects") closed.reject(new RangeError("burnt"))
    else closed.resolve()
    await over
    if (how === "rejects") expect(await thrownBy(object.closed)).toMatchObject({ name: "RangeError", message: "burnt" })
    else await object.closed
    expect(await thrownBy(method(object, ["own"]))).toMatchObject({ message: /ended by itself/ })
    await object.release()
    await settle()
    expect([disposed, link.runner.session.size]).toEqual([0, 2])
  })

  test("that came before it had arrived", async () => {
    api.make = () => ({ closed: Promise.reject(new RangeError("at once")) })
    const { answer, over } = call("make", { place: true })
    const object: RemoteObject = await answer
    expect(await thrownBy(object.closed)).toMatchObject({ message: "at once" })
    await over
  })

  test("with the line: its holder hears why, what is linked is disposed of, and what is kept is not", async () => {
    const [linked, kept] = [new Thing(), new Thing()]
    api.make = thing => (thing === 1 ? linked : kept)
    const first = call("make", { place: true }, 1)
    const second = call("make", { place: true, unlinked: true }, 2)
    const object: RemoteObject = await first.answer
    expect((await second.answer).kept).toBe(true)
    link.parent.session.fail(new ConnectionError("gone"))
    link.runner.session.fail(new ConnectionError("gone"))
    expect(await thrownBy(object.closed)).toMatchObject({ message: "gone" })
    await Promise.all([first.over, second.over])
    expect([linked.disposed, kept.disposed]).toEqual([1, 0])
    expect(news).toEqual(["holds", "holds", "end"])
    await Promise.all(held.map(it => it.letGo()))
    expect(kept.disposed).toBe(1)
    expect(news.at(-1)).toBe("end")
    expect(news).toHaveLength(4)
  })

  test("when this side leaves: methods that run finish, and no others begin", async () => {
    const [started, until] = [deferred(), deferred()]
    const thing = new Thing()
    api.make = () =>
      Object.assign(thing, {
        closed: new Promise(() => {}),
        async work() {
          started.resolve()
          await until.promise
          return "worked"
        },
      })
    const object: RemoteObject = await call("make", { place: true }).answer
    const work = method(object, ["work"])
    await started.promise
    const gone = Promise.all(held.map(it => it.letGo()))
    expect(await thrownBy(method(object, ["own"]))).toMatchObject({ code: "ERR_FLAME_RELEASED" })
    expect(thing.disposed).toBe(0)
    until.resolve()
    await gone
    expect(await work).toBe("worked")
    expect(thing.disposed).toBe(1)
  })

  test("when it comes for a call that was given up: it is disposed of", async () => {
    const until = deferred()
    const thing = new Thing()
    api.make = () => until.promise.then(() => thing)
    const { over, id } = call("make", { place: true })
    caller.client.cancel(id, "enough")
    until.resolve()
    await over
    expect(thing.disposed).toBe(1)
  })

  test("when the message that names it cannot be sent", async () => {
    const thing = new Thing()
    api.make = () => [thing, Symbol("x")]
    const { answer, over } = call("make", { track: true })
    expect(await thrownBy(answer)).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE", path: "result[1]" })
    await over
    expect([thing.disposed, link.runner.session.size]).toEqual([1, 2])
  })
})

describe("tracked", () => {
  test("resources are objects, streams stay streams, and one that is met twice is one", async () => {
    const thing = new Thing()
    const items = {
      async *[Symbol.asyncIterator]() {
        yield 1
      },
      async [Symbol.asyncDispose]() {}, // as generators have it in newer Nodes
    }
    api.make = () => ({ thing, again: [thing], items, plain: { a: 1 }, web: new ReadableStream() })
    const { answer, over, holds } = call("make", { track: true })
    const result = await answer
    expect(result.thing).toBeInstanceOf(RemoteObject)
    expect(result.again[0]).toBe(result.thing)
    expect(result.plain).toEqual({ a: 1 })
    for await (const item of result.items) expect(item).toBe(1)
    await result.web.return()
    expect(await holds).toEqual([result.thing])
    let free = false
    void over.then(() => {
      free = true
    })
    await settle()
    expect(free).toBe(false)
    await result.thing.release()
    await over
  })

  test("two of one call: it is over with the second", async () => {
    api.make = () => [new Thing(), new Thing()]
    const { answer, over } = call("make", { track: true })
    const [one, two] = await answer
    let free = false
    void over.then(() => {
      free = true
    })
    await one.release()
    await settle()
    expect(free).toBe(false)
    await two.release()
    await over
  })

  test("are refused without the mark", async () => {
    api.make = () => [new Thing()]
    expect(await thrownBy(caller.call("make"))).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE" })
  })

  test("callbacks of the call live as long as what it returned", async () => {
    api.make = tell => ({ ring: () => tell("ring"), [Symbol.dispose]() {} })
    const heard: string[] = []
    const { answer, over } = call("make", { track: true }, (what: string) => heard.push(what))
    const object: RemoteObject = await answer
    await method(object, ["ring"])
    expect(heard).toEqual(["ring"])
    await object.release()
    await over
    await settle()
    expect([link.parent.session.size, link.runner.session.size]).toEqual([2, 2])
  })
})

test("an unlinked request is not aborted with its line, others are", async () => {
  api.wait = () => new Promise(() => {})
  for (const marks of [{ unlinked: true }, {}] as Marks[]) void call("wait", marks).answer.catch(() => {})
  await settle()
  link.runner.session.fail(new ConnectionError("gone"))
  expect(requests.slice(0, 2).map(request => request.signal.aborted)).toEqual([false, true])
})

test("a handle's channel that a hostile parent closes is a release, however many times it asks", async () => {
  const { parent, ws } = await hub.stranger()
  const thing = new Thing()
  const over = deferred()
  new RpcServer(parent.session.root, { apply: () => thing, get() {}, end: () => over.resolve() })
  ws.on("message", (data: Buffer) => {
    const list = JSON.parse(data.toString().startsWith("[") ? data.toString() : "[]")
    for (let i = 0; i < list.length; i += 3) {
      const ref = list[i + 2]?.value?.[1]
      if (ref?.live !== "object") continue
      const release = (id: number) => [0, ref.channel, { id, type: "RELEASE" }]
      ws.send(JSON.stringify([...release(1), ...release(1), ...release(2), Kind.close, ref.channel, 0, ...release(3)]))
    }
  })
  ws.send(JSON.stringify([0, 0, { id: 1, type: "APPLY", path: ["make"], argumentList: [], place: true }]))
  await over.promise
  expect(thing.disposed).toBe(1)
  const closed = closing(ws)
  ws.close()
  await closed
})
