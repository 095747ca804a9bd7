/**
 * The contract with unmodified Comlink 4.4.2: its client against our server, our client against its server, and both of its
 * own ends over our port. A new version of Comlink that speaks differently fails here.
 */
import { createRequire } from "node:module"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Comlink from "comlink"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { Kind } from "../../src/transport/packet.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { Caller, deferred, type Link, type Side, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
})
afterEach(() => hub.close())

const rootPort = (side: Side) => new ComlinkPort(side.session.root, true) as unknown as Comlink.Endpoint
const rawPort = (side: Side) => new ComlinkPort(side.session.raw, true) as unknown as Comlink.Endpoint

class Counter {
  constructor(public n: number) {}
  add(by: number) {
    this.n += by
    return this.n
  }
}

test("this is the version that is pinned", () => {
  const require = createRequire(import.meta.url)
  const { version } = require(require.resolve("comlink").replace(/dist.*$/, "package.json"))
  expect(version).toBe("4.4.2")
  expect(require("../../package.json").dependencies.comlink).toBe(version)
})

/** What crosses in short form, where it does. */
const PRIMITIVES = [0, 1.5, -2, "", "text", "Größe 🎉", "\ud83c", true, false, null]

describe("Comlink's client, our server", () => {
  let refusals: string[][]
  /** Keeps a remote function from being collected, and its channel from being closed, before the test has looked. */
  let kept: unknown
  beforeEach(() => {
    refusals = []
    new RpcServer(link.runner.session.root, {
      apply(path, args) {
        if (path[0] === "fail") throw Object.assign(new RangeError("no"), { code: "E_NO" })
        if (path[0] === "fling") throw { not: "an error" }
        if (path[0] === "use") {
          kept = args[0]
          return (kept as (n: number) => unknown)(20)
        }
        if (path[0] === "counter") return Comlink.proxy(new Counter(1))
        if (path[0] === "first") return args[0]
        return { path, args }
      },
      get: path => {
        refusals.push([...path])
        return path.length
      },
    })
  })

  test("APPLY, GET, nested paths and typed arrays", async () => {
    const api = Comlink.wrap<any>(rootPort(link.parent))
    expect(await api.deep.name("a", new Uint8Array([1]))).toEqual({
      path: ["deep", "name"],
      args: ["a", new Uint8Array([1])],
    })
    expect(await api.some.property).toBe(2)
  })

  test("results in short form", async () => {
    const short = vi.spyOn(link.runner.session.root, "sendText")
    const api = Comlink.wrap<any>(rootPort(link.parent))
    for (const value of [...PRIMITIVES, undefined]) expect(await api.first(value)).toBe(value)
    expect(short.mock.calls.map(([, kind]) => kind)).toEqual([...PRIMITIVES, undefined].map(() => Kind.result))
    // And what has no short form, beside them.
    for (const value of [Number.NaN, -0, 5n, "~u", [1]]) expect(await api.first(value)).toEqual(value)
    expect(short).toHaveBeenCalledTimes(PRIMITIVES.length + 1)
  })

  test("what was thrown, an error or not", async () => {
    const api = Comlink.wrap<any>(rootPort(link.parent))
    expect(await thrownBy(api.fail())).toMatchObject({ name: "RangeError", message: "no", code: "E_NO" })
    expect(await thrownBy(api.fling())).toEqual({ not: "an error" })
  })

  test("proxies as arguments and as results", async () => {
    const api = Comlink.wrap<any>(rootPort(link.parent))
    expect(await api.use(Comlink.proxy((n: number) => n + 1))).toBe(21)
    const counter = await api.counter()
    expect(await counter.add(4)).toBe(5)
    counter[Comlink.releaseProxy]()
    await api.x()
    expect(kept).toBeTypeOf("function")
    expect(link.runner.session.size).toBe(3) // the argument's proxy lives until it is collected or released
  })

  test("SET, CONSTRUCT and ENDPOINT are refused; RELEASE is answered and ends nothing", async () => {
    const api = Comlink.wrap<any>(rootPort(link.parent))
    expect(await thrownBy(new api.Thing(1))).toMatchObject({ message: "CONSTRUCT is not allowed here" })
    expect(await thrownBy(api[Comlink.createEndpoint]())).toMatchObject({ message: "ENDPOINT is not allowed here" })
    const answers: any[] = []
    const port = rootPort(link.parent)
    port.addEventListener("message", ((event: { data: unknown }) => answers.push(event.data)) as any)
    port.postMessage({ id: "set", type: "SET", path: ["x"], value: { type: "RAW", value: 1 } })
    link.parent.session.root.send({ id: "free", type: "RELEASE" })
    expect(await Comlink.wrap<any>(port).after()).toEqual({ path: ["after"], args: [] })
    expect(answers.slice(0, 2)).toMatchObject([
      { id: "set", type: "HANDLER", name: "throw", value: { value: { message: "SET is not allowed here" } } },
      { id: "free", type: "RAW", value: undefined },
    ])
    expect(refusals).toEqual([])
  })
})

describe("our client, Comlink's server", () => {
  let caller: Caller
  const api: Record<string, any> = {
    version: "1",
    deep: { echo: (...args: unknown[]) => args },
    fail() {
      throw Object.assign(new RangeError("no"), { code: "E_NO" })
    },
    async fling() {
      throw { not: "an error" }
    },
    counter: () => Comlink.proxy(new Counter(1)),
    call: async (callback: any) => (await callback(2)) + 1,
    give: () => Comlink.transfer(new Uint8Array([1, 2]).buffer, []),
    bad: () => Symbol("s"),
  }
  beforeEach(() => {
    Comlink.expose(api, rootPort(link.runner))
    caller = new Caller(link.parent)
  })

  test("APPLY, GET, errors and what is no error", async () => {
    expect(await caller.call("deep.echo", 1, { a: new Date(0) })).toEqual([1, { a: new Date(0) }])
    expect(await caller.get("version")).toBe("1")
    const error = await thrownBy(caller.call("fail"))
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: "no" })
    expect(await thrownBy(caller.call("fling"))).toEqual({ not: "an error" })
    expect(await thrownBy(caller.call("missing"))).toBeInstanceOf(TypeError)
    expect(await thrownBy(caller.call("bad"))).toMatchObject({ message: "Unserializable return value" })
  })

  test("calls in short form", async () => {
    const short = vi.spyOn(link.parent.session.root, "sendText")
    expect(await caller.call("deep.echo", ...PRIMITIVES)).toEqual(PRIMITIVES)
    expect(await caller.call("deep.echo")).toEqual([])
    expect(short.mock.calls.map(([, kind]) => kind)).toEqual([Kind.call, Kind.call])
    const others = [undefined, Number.NaN, -0, 5n, "~u", [1]]
    expect(await caller.call("deep.echo", ...others)).toEqual(others)
    expect(short).toHaveBeenCalledTimes(2)
    const error = await thrownBy(caller.call("fail", 1))
    expect(error).toBeInstanceOf(RangeError)
  })

  test("proxies, callbacks and buffers", async () => {
    const counter = await caller.call("counter")
    expect(await counter.add(4)).toBe(5)
    expect(await caller.call("call", (n: number) => n * 10)).toBe(21)
    expect(new Uint8Array(await caller.call("give"))).toEqual(new Uint8Array([1, 2]))
  })

  test("CANCEL, which Comlink does not know, harms nothing", async () => {
    const gate = deferred<string>()
    api.gate = () => gate.promise
    const { answer, id } = caller.track("gate")
    caller.client.cancel(id, "why")
    gate.resolve("through")
    expect(await answer).toBe("through")
  })
})

describe("Comlink on both ends of the raw channel", () => {
  test("APPLY, GET, SET, CONSTRUCT, ENDPOINT, proxies and errors work", async () => {
    const object: Record<string, any> = {
      n: 1,
      Counter,
      call: (f: any) => f(4),
      fail() {
        throw new TypeError("no")
      },
    }
    Comlink.expose(object, rawPort(link.runner))
    const api = Comlink.wrap<any>(rawPort(link.parent))
    expect(await api.n).toBe(1)
    api.n = 2
    expect(await api.n).toBe(2)
    const counter = await new api.Counter(40)
    expect(await counter.add(2)).toBe(42)
    expect(await api.call(Comlink.proxy((n: number) => n * n))).toBe(16)
    expect(await thrownBy(api.fail())).toMatchObject({ name: "TypeError", message: "no" })
    const second = Comlink.wrap<any>(await api[Comlink.createEndpoint]())
    expect(await second.n).toBe(2)
    expect(await thrownBy((second as any).constructor.name)).toMatchObject({
      message: expect.stringContaining("constructor"),
    })
  })

  test("a user's own transfer handler is used; one that only the sender has rejects the call", async () => {
    class Money {
      constructor(readonly cents: number) {}
    }
    Comlink.transferHandlers.set("money", {
      canHandle: (v): v is Money => v instanceof Money,
      serialize: (m: Money) => [m.cents, []],
      deserialize: (cents: number) => new Money(cents),
    })
    try {
      Comlink.expose({ double: (m: Money) => new Money(m.cents * 2) }, rawPort(link.runner))
      const api = Comlink.wrap<any>(rawPort(link.parent))
      expect(await api.double(new Money(4))).toEqual(new Money(8))
      const late = api.double(new Money(4))
      Comlink.transferHandlers.delete("money")
      expect(await thrownBy(late)).toMatchObject({
        message: 'no Comlink transfer handler "money" is registered on this side',
      })
    } finally {
      Comlink.transferHandlers.delete("money")
    }
  })

  test("a root proxy that is collected, or released by hand, leaves the endpoint in service", async () => {
    setFlagsFromString("--expose-gc")
    const gc = runInNewContext("gc") as () => void
    Comlink.expose({ n: 1 }, rawPort(link.runner))
    const port = new ComlinkPort(link.parent.session.raw, true)
    let released = 0
    const post = port.postMessage.bind(port)
    port.postMessage = (message: any, transfer) => {
      if (message.type === "RELEASE") released += 1
      post(message, transfer)
    }
    await (async () => expect(await Comlink.wrap<any>(port as any).n).toBe(1))()
    while (released === 0) {
      gc()
      await new Promise(setImmediate)
    }
    const again = Comlink.wrap<any>(port as any)
    expect(await again.n).toBe(1)
    again[Comlink.releaseProxy]()
    expect(await Comlink.wrap<any>(port as any).n).toBe(1)
    // A peer that is real Comlink to the last sends its RELEASE over the wire.
    link.parent.session.raw.send({ id: "free", type: "RELEASE" })
    expect(await Comlink.wrap<any>(port as any).n).toBe(1)
  })
})
