/** What unmodified Comlink does on a MessagePort it does on `runner.endpoint`: the same table, run over both. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { MessageChannel, type MessagePort } from "node:worker_threads"
import * as Comlink from "comlink"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { deferred, TestHub, thrownBy } from "./link.ts"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

type Ends = { here: Comlink.Endpoint; there: Comlink.Endpoint; close(): void; open(): number[] }

/** Node's ports are Comlink endpoints at run time, and none for the types. */
const asEndpoint = (port: MessagePort) => port as unknown as Comlink.Endpoint

const makers: [string, () => Promise<Ends>][] = [
  [
    "a MessagePort",
    async () => {
      const { port1, port2 } = new MessageChannel()
      return { here: asEndpoint(port1), there: asEndpoint(port2), close: () => port1.close(), open: () => [2, 2] }
    },
  ],
  [
    "runner.endpoint",
    async () => {
      const hub = await TestHub.open()
      const { parent, runner } = await hub.link()
      const port = (side: typeof parent) => new ComlinkPort(side.session.raw, true) as unknown as Comlink.Endpoint
      const open = () => [parent.session.size, runner.session.size]
      return { here: port(parent), there: port(runner), close: () => hub.close(), open }
    },
  ],
]

class Counter {
  static made = 0
  static make(n: number): Counter {
    return Comlink.proxy(new Counter(n))
  }
  constructor(public n = 0) {
    Counter.made += 1
  }
  add(by: number): number {
    this.n += by
    return this.n
  }
  get double(): number {
    return 2 * this.n
  }
  set double(value: number) {
    this.n = value / 2
  }
}

class Money {
  constructor(readonly cents: number) {}
}

const bytes = (n: number) => Uint8Array.from({ length: n }, (_, i) => i)

function exposed() {
  let secret = 1
  return {
    text: "text",
    list: [1, { deep: { value: new Date(3) } }] as any[],
    map: new Map([["k", 1n]]),
    nested: { twice: (n: number) => 2 * n, more: { name: "more" } as Record<string, any> },
    add: (a: number, b: number) => a + b,
    later: async (x: unknown) => x,
    me(this: { text: string }) {
      return this.text
    },
    get hidden() {
      return secret
    },
    set hidden(value: number) {
      secret = value
    },
    Counter,
    counter: () => Comlink.proxy(new Counter(1)),
    outer: () => Comlink.proxy({ inner: () => Comlink.proxy({ leaf: () => "leaf" }) }),
    call: (f: any, ...args: unknown[]) => f(...args),
    chain: async (f: any) => Comlink.proxy(await f(Comlink.proxy((n: number) => n + 1))),
    double: (m: Money) => new Money(2 * m.cents),
    size: (data: Uint8Array) => data.byteLength,
    sum: (data: Uint8Array) => data.reduce((a, b) => a + b, 0),
    give: (n: number) => {
      const data = bytes(n)
      given = data
      return Comlink.transfer(data, [data.buffer])
    },
    fail() {
      throw Object.assign(new RangeError("no"), { code: "E" })
    },
    fling() {
      throw { not: "an error" }
    },
    async reject() {
      throw new TypeError("later")
    },
    fn: () => () => 1,
    useF(this: any, n: number) {
      return this.f(n)
    },
    watched: () => Comlink.proxy({ n: 1, [Comlink.finalizer]: () => finalized.resolve() }),
    echo: <T>(x: T) => x,
  }
}

let given: Uint8Array
let finalized = deferred()

type Api = any
const table: [what: string, run: (api: Api) => Promise<unknown>, expected: unknown][] = [
  ["a property", api => api.text, "text"],
  ["a property inside of a property", api => api.nested.more.name, "more"],
  ["an element of a list, by its index", api => api.list[1].deep.value, new Date(3)],
  ["a whole object", api => api.nested.more, { name: "more" }],
  ["a Map", api => api.map, new Map([["k", 1n]])],
  ["a property that is not there", api => api.missing, undefined],
  ["a function", api => api.add(1, 2), 3],
  ["a function in an object", api => api.nested.twice(4), 8],
  ["an async function", api => api.later({ a: [1] }), { a: [1] }],
  ["a function and its `this`", api => api.me(), "text"],
  ["bind, which Comlink pretends did not happen", api => api.add.bind(null)(1, 2), 3],
  ["a getter", api => api.hidden, 1],
  [
    "a setter",
    async api => {
      api.hidden = 9
      return await api.hidden
    },
    9,
  ],
  [
    "an assignment",
    async api => {
      api.text = "other"
      return await api.text
    },
    "other",
  ],
  [
    "an assignment inside",
    async api => {
      api.nested.more.name = [1]
      return await api.nested.more.name
    },
    [1],
  ],
  [
    "a new property",
    async api => {
      api.fresh = { a: 1 }
      return await api.fresh.a
    },
    1,
  ],
  [
    "a proxied function that is assigned",
    async api => {
      api.f = Comlink.proxy((n: number) => n * n)
      return await api.useF(5)
    },
    25,
  ],
  ["a class: new, method", async api => await (await new api.Counter(40)).add(2), 42],
  ["a class: a field of an instance", async api => await (await new api.Counter(40)).n, 40],
  [
    "a class: getter and setter of an instance",
    async api => {
      const counter = await new api.Counter(4)
      const before = await counter.double
      counter.double = 20
      return [before, await counter.n]
    },
    [8, 10],
  ],
  ["a class: static method", async api => await (await api.Counter.make(5)).add(1), 6],
  ["a class: static field", async api => typeof (await api.Counter.made), "number"],
  ["proxy() in a result", async api => await (await api.counter()).add(1), 2],
  ["proxies out of proxies", async api => await (await (await api.outer()).inner()).leaf(), "leaf"],
  [
    "proxy() of a callback",
    api =>
      api.call(
        Comlink.proxy((a: number, b: string) => b.repeat(a)),
        3,
        "x",
      ),
    "xxx",
  ],
  [
    "a callback that is given a callback, and gives one",
    async api => {
      const f = await api.chain(Comlink.proxy(async (g: any) => Comlink.proxy(async (n: number) => 10 * (await g(n)))))
      return await f(1)
    },
    20,
  ],
  [
    "proxy() of an object as an argument",
    api => api.call(Comlink.proxy(new Counter(1).add.bind(new Counter(1))), 5),
    6,
  ],
  ["createEndpoint", async api => await Comlink.wrap<Api>(await api[Comlink.createEndpoint]()).add(1, 2), 3],
  [
    "createEndpoint of an endpoint",
    async api => {
      const second = Comlink.wrap<Api>(await api[Comlink.createEndpoint]())
      return await Comlink.wrap<Api>(await second[Comlink.createEndpoint]()).text
    },
    "text",
  ],
  ["a transfer handler of one's own", api => api.double(new Money(4)), new Money(8)],
  ["an error", async api => (({ name, message }) => [name, message])(await thrownBy(api.fail())), ["RangeError", "no"]],
  ["an error thrown later", async api => (await thrownBy(api.reject())).message, "later"],
  ["what is thrown and no error", api => thrownBy(api.fling()), { not: "an error" }],
  ["a function that is not there", async api => (await thrownBy(api.missing())) instanceof Error, true],
  ["a result that cannot cross", async api => (await thrownBy(api.fn())).message, "Unserializable return value"],
  [
    "transfer() in an argument: it arrives, and is gone here",
    async api => {
      const data = bytes(10)
      const sum = await api.sum(Comlink.transfer(data, [data.buffer]))
      return [sum, data.byteLength]
    },
    [45, 0],
  ],
  [
    "transfer() of much in an argument",
    async api => {
      const data = bytes(1_000_000)
      const size = await api.size(Comlink.transfer(data, [data.buffer]))
      return [size, data.byteLength]
    },
    [1_000_000, 0],
  ],
  [
    "transfer() in a result: it arrives, and is gone there",
    async api => [(await api.give(9)).length, given.length],
    [9, 0],
  ],
  [
    "without transfer() it stays",
    async api => {
      const data = bytes(10)
      return [await api.sum(data), data.byteLength]
    },
    [45, 10],
  ],
  [
    "typed arrays",
    api => api.echo([Float64Array.of(Number.NaN, -0), new DataView(new ArrayBuffer(2))]),
    [Float64Array.of(Number.NaN, -0), new DataView(new ArrayBuffer(2))],
  ],
]

describe.each(makers)("over %s", (_name, make) => {
  let ends: Ends
  let api: Api
  beforeEach(async () => {
    ends = await make()
    Comlink.transferHandlers.set("money", {
      canHandle: (v): v is Money => v instanceof Money,
      serialize: (m: Money) => [m.cents, []],
      deserialize: (cents: number) => new Money(cents),
    })
    Comlink.expose(exposed(), ends.there)
    api = Comlink.wrap<Api>(ends.here)
  })
  afterEach(() => {
    Comlink.transferHandlers.delete("money")
    ends.close()
  })

  test.each(table)("%s", async (_what, run, expected) => {
    expect(await run(api)).toEqual(expected)
  })

  test("a proxy that is released is of no more use, its finalizer runs, and nothing is left of it", async () => {
    finalized = deferred()
    const remote = await api.watched()
    expect(await remote.n).toBe(1)
    remote[Comlink.releaseProxy]()
    expect(() => remote.n).toThrow(/released/)
    await finalized.promise
    const second = Comlink.wrap<Api>(await api[Comlink.createEndpoint]())
    expect(await second.text).toBe("text")
    second[Comlink.releaseProxy]()
    while (ends.open().some(size => size !== 2)) await new Promise(setImmediate)
    expect(await api.text).toBe("text")
  })

  test("one that is collected, too", async () => {
    finalized = deferred()
    let over = false
    void finalized.promise.then(() => {
      over = true
    })
    await (async () => expect(await (await api.watched()).n).toBe(1))()
    while (!over || ends.open().some(size => size !== 2)) {
      gc()
      await new Promise(setImmediate)
    }
    expect(await api.text).toBe("text")
  })
})
