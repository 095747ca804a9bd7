/** What a peer may not do. Each attack is refused, or ends its own connection with the reason; nothing else is disturbed. */
import { expose } from "comlink"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { WebSocket } from "ws"
import { LIVE } from "../../src/transport/codec/tags.ts"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { encodeFrame } from "../../src/transport/frame.ts"
import { CloseCode } from "../../src/transport/protocol.ts"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { Caller, closing, deferred, type Side, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let parent: Side
let ws: WebSocket
let bystander: Caller
const strays: unknown[] = []
const stray = (error: unknown) => strays.push(error)

beforeEach(async () => {
  process.on("unhandledRejection", stray)
  process.on("uncaughtException", stray)
  hub = await TestHub.open()
  const other = await hub.link()
  serve(other.runner, { echo: x => x })
  bystander = new Caller(other.parent)
  ;({ parent, ws } = await hub.stranger())
})
afterEach(async () => {
  // Whatever the test did to its own connection, its neighbour works and this process is as it was.
  expect(await bystander.call("echo", "undisturbed")).toBe("undisturbed")
  expect(({} as any).polluted).toBe(undefined)
  expect(Object.keys(Object.prototype)).toEqual([])
  hub.close()
  for (let i = 0; i < 2; i++) await new Promise(setImmediate)
  process.off("unhandledRejection", stray)
  process.off("uncaughtException", stray)
  expect(strays.splice(0)).toEqual([])
})

const frame = (channel: number, message: unknown, rich = false) =>
  ws.send(encodeFrame(channel, JSON.stringify(message), rich, []))
const control = (message: unknown) => ws.send(typeof message === "string" ? message : JSON.stringify(message))
/** The messages that come back on a channel. */
function replies(channel: number, count: number): Promise<any[]> {
  const got: any[] = []
  return new Promise(resolve => {
    ws.on("message", (data: Buffer, isBinary) => {
      if (!isBinary || data.readUInt32LE(4) !== channel) return
      got.push(JSON.parse(data.toString("utf8", 16, 16 + data.readUInt32LE(8))))
      if (got.length === count) resolve(got)
    })
  })
}

async function expectClosed(why: RegExp): Promise<void> {
  const { code, reason } = await closing(ws)
  expect({ code, reason }).toEqual({ code: CloseCode.protocol, reason: expect.stringMatching(why) })
  expect(await parent.over).toMatchObject({ code: "ERR_FLAME_PROTOCOL", message: expect.stringMatching(why) })
}

class Base {
  inherited = () => "inherited"
}
class Served extends Base {
  own = { deep: 1 }
  secret() {
    return 1
  }
}

describe("paths through Comlink", () => {
  const forbidden = ["__proto__", "constructor", "prototype", "__lookupGetter__", "__defineSetter__"]
  const requests = [
    ...forbidden.map(name => ({ type: "GET", path: [name] })),
    ...forbidden.map(name => ({ type: "APPLY", path: ["secret", name, "x"], argumentList: [] })),
    { type: "SET", path: ["own", "__proto__", "polluted"], value: { type: "RAW", value: 1 } },
    { type: "SET", path: ["constructor", "prototype", "polluted"], value: { type: "RAW", value: 1 } },
    { type: "CONSTRUCT", path: ["constructor", "constructor"], argumentList: [{ type: "RAW", value: "return 1" }] },
    { type: "APPLY", path: ["secret", "constructor"], argumentList: [{ type: "RAW", value: "process.exit(3)" }] },
  ]
  test.each(requests)("$type $path is refused, and the next request is served", async request => {
    expose(new Served(), new ComlinkPort(parent.session.raw, true) as any)
    const answers = replies(1, 2)
    frame(1, { id: 1, ...request })
    frame(1, { id: 2, type: "GET", path: ["own", "deep"] })
    const [refused, served] = await answers
    expect(refused).toMatchObject({ id: 1, type: "HANDLER", name: "throw", value: { isError: true } })
    expect(refused.value.value.message).toMatch(/cannot be reached from another process/)
    expect(served).toMatchObject({ id: 2, type: "RAW", value: 1 })
  })

  test.each(requests.filter(r => r.type === "SET"))("$type $path without an id is no way around", async request => {
    expose({ own: {} }, new ComlinkPort(parent.session.raw, true) as any)
    frame(1, request)
    await expectClosed(/a request has no id/)
  })

  const malformed: [string, object, RegExp][] = [
    ["a path that is no list", { type: "GET", path: "own" }, /malformed path/],
    ["a path of something else", { type: "GET", path: [["__proto__"]] }, /malformed path/],
    ["arguments that are no list", { type: "APPLY", path: ["secret"], argumentList: 1 }, /malformed argument list/],
    ["null among the arguments", { type: "APPLY", path: ["secret"], argumentList: [null] }, /malformed wire value/],
    [
      "an unknown handler",
      { type: "APPLY", path: ["secret"], argumentList: [{ type: "HANDLER", name: "toString", value: 1 }] },
      /no Comlink transfer handler "toString"/,
    ],
    [
      "a proxy that is no port",
      { type: "APPLY", path: ["secret"], argumentList: [{ type: "HANDLER", name: "proxy", value: {} }] },
      /a proxy that is no port/,
    ],
    [
      "an error as an argument",
      { type: "APPLY", path: ["secret"], argumentList: [{ type: "HANDLER", name: "throw", value: {} }] },
      /an error where a value must be/,
    ],
    ["SET without a value", { type: "SET", path: ["own"] }, /malformed wire value/],
    ["SET with bad arguments", { type: "SET", path: ["own"], argumentList: { map: 1 } }, /malformed argument list/],
  ]
  test.each(malformed)("%s is answered with an error", async (_name, request, why) => {
    expose(new Served(), new ComlinkPort(parent.session.raw, true) as any)
    const answers = replies(1, 1)
    frame(1, { id: "x", ...request })
    expect((await answers)[0]).toMatchObject({
      id: "x",
      name: "throw",
      value: { value: { message: expect.stringMatching(why) } },
    })
  })

  test.each<[string, unknown, boolean, RegExp]>([
    ["arguments outside of a request", { argumentList: [null] }, false, /arguments outside of a request/],
    ["a remote object as a message", [LIVE, { live: "proxy", channel: 3 }], true, /where a message must be/],
    ["a callback as a message", [LIVE, { live: "function", channel: 3 }], true, /where a message must be/],
  ])("%s ends the connection", async (_name, message, rich, why) => {
    expose(new Served(), new ComlinkPort(parent.session.raw, true) as any)
    frame(1, message, rich)
    await expectClosed(why)
  })
})

describe("requests on the guarded root", () => {
  beforeEach(() => {
    new RpcServer(parent.session.root, {
      apply: (path, args) => (path[0] === "hang" ? new Promise(() => {}) : { path, args }),
      get: path => path,
    })
  })

  test.each<[string, object, RegExp]>([
    ["an unknown type", { type: "EVAL" }, /^EVAL is not allowed here/],
    ["no type", {}, /^a request without a type is not allowed here/],
    ["a type that is no text", { type: { toString: 1 } }, /^a request without a type/],
    ["no arguments", { type: "APPLY", path: ["f"] }, /no argument list/],
    ["a malformed argument", { type: "APPLY", path: ["f"], argumentList: [null] }, /malformed wire value/],
    [
      "an unknown handler",
      { type: "APPLY", path: ["f"], argumentList: [{ type: "HANDLER", name: "__proto__", value: 1 }] },
      /no Comlink transfer handler "__proto__"/,
    ],
    [
      "a handler without a name",
      { type: "APPLY", path: ["f"], argumentList: [{ type: "HANDLER", value: 1 }] },
      /malformed wire value/,
    ],
  ])("%s is answered with an error, and the next request is served", async (_name, request, why) => {
    const answers = replies(0, 2)
    frame(0, { id: 5, ...request })
    const [refused] = await Promise.all([answers, frame(0, { id: 6, type: "GET", path: ["a"] })]).then(([a]) =>
      a.sort((x: any, y: any) => x.id - y.id),
    )
    expect(refused).toMatchObject({ id: 5, name: "throw", value: { value: { message: expect.stringMatching(why) } } })
  })

  test.each<[string, unknown, RegExp]>([
    ["no id", { type: "GET", path: ["a"] }, /a request has no id/],
    ["null", null, /a request has no id/],
    ["a number", 3, /a request has no id/],
    ["no path", { id: 1, type: "GET" }, /a request has no path/],
    ["a path of numbers", { id: 1, type: "APPLY", path: [1], argumentList: [] }, /a request has no path/],
    ["a path without end", { id: 1, type: "GET", path: new Array(33).fill("a") }, /a request has no path/],
  ])("%s ends the connection", async (_name, message, why) => {
    frame(0, message)
    await expectClosed(why)
  })

  test("an id that is in use ends the connection", async () => {
    frame(0, { id: 1, type: "APPLY", path: ["hang"], argumentList: [] })
    frame(0, { id: 1, type: "APPLY", path: ["hang"], argumentList: [] })
    await expectClosed(/request 1 is open already/)
  })
})

describe("answers", () => {
  test.each<[string, unknown, boolean]>([
    ["an id nobody waits for", { id: 99, type: "RAW", value: 1 }, false],
    ["no id", { type: "RAW", value: 1 }, false],
    ["null", null, false],
    ["a remote object", [LIVE, { live: "proxy", channel: 3 }], true],
  ])("%s ends the connection, and the call that was open rejects", async (_name, message, rich) => {
    const caller = new Caller(parent)
    const open = thrownBy(caller.call("x"))
    frame(0, message, rich)
    await expectClosed(/an answer to request .*, which is not open/)
    expect(await open).toMatchObject({ code: "ERR_FLAME_PROTOCOL" })
  })

  test.each<[string, object, RegExp]>([
    ["neither RAW nor HANDLER", { type: "OTHER" }, /malformed wire value/],
    ["an unknown handler", { type: "HANDLER", name: "constructor", value: 1 }, /no Comlink transfer handler/],
    ["a proxy that is no port", { type: "HANDLER", name: "proxy", value: "x" }, /a proxy that is no port/],
    ["an error that is none", { type: "HANDLER", name: "throw", value: 3 }, /malformed error/],
  ])("%s rejects that call alone", async (_name, answer, why) => {
    const caller = new Caller(parent)
    const [first, second] = [thrownBy(caller.call("x")), caller.call("y")]
    frame(0, { id: 1, ...answer })
    frame(0, { id: 2, type: "RAW", value: "fine" })
    expect(await first).toMatchObject({ message: expect.stringMatching(why) })
    expect(await second).toBe("fine")
  })
})

describe("channels", () => {
  const live = (ref: unknown) => ({ id: 1, type: "RAW", value: [LIVE, ref] })
  test.each<[string, () => void, RegExp]>([
    ["a frame on a channel that never was", () => frame(7, 1), /channel 7, which never was/],
    ["a frame on one of ours that never was", () => frame(8, 1), /channel 8, which never was/],
    ["the end of a channel that never was", () => control({ t: "close", channel: 9 }), /channel 9, which never was/],
    ["the end of half a channel", () => control({ t: "close", channel: 2.5 }), /channel 2.5, which never was/],
    ["the end of the root", () => control({ t: "close", channel: 0 }), /channel 0 cannot be closed/],
    ["a channel of our kind", () => frame(0, live({ live: "function", channel: 4 }), true), /not a new one/],
    ["the raw channel", () => frame(0, live({ live: "function", channel: 1 }), true), /not a new one/],
    ["a channel that is no number", () => frame(0, live({ live: "function", channel: "3" }), true), /not a new one/],
    ["an unknown kind", () => frame(0, live({ live: "toString", channel: 3 }), true), /unknown kind of live reference/],
    ["a reference that is none", () => frame(0, live([3]), true), /malformed live reference/],
    [
      "an abort that is none",
      () => {
        frame(0, live({ live: "signal", channel: 3 }), true)
        frame(3, 5)
      },
      /malformed error/,
    ],
  ])("%s ends the connection", async (_name, attack, why) => {
    new RpcClient(parent.session.root).apply(["x"], [], { resolve() {}, reject() {}, done() {} })
    attack()
    await expectClosed(why)
  })

  test("the same channel named twice ends the connection", async () => {
    new RpcClient(parent.session.root).apply(["x"], [], { resolve() {}, reject() {}, done() {} })
    const ref = [LIVE, { live: "function", channel: 3 }]
    frame(0, { id: 1, type: "RAW", value: [ref, ref] }, true)
    await expectClosed(/not a new one/)
  })

  test("a frame on a channel that is closed is ignored, and what it brings is closed", async () => {
    const caller = new Caller(parent)
    const answer = caller.call("x", () => 1) // our channel 2
    const closes: unknown[] = []
    const second = deferred()
    ws.on("message", (data: Buffer, isBinary) => {
      const message = isBinary ? undefined : JSON.parse(data.toString())
      if (message?.t === "close" && closes.push(message) === 2) second.resolve()
    })
    frame(0, { id: 1, type: "RAW", value: "done" })
    frame(
      2,
      { id: 1, type: "APPLY", path: [], argumentList: [{ type: "RAW", value: [LIVE, { live: "port", channel: 3 }] }] },
      true,
    )
    frame(3, "said to a channel that nobody adopted")
    expect(await answer).toBe("done")
    await second.promise
    expect(closes).toEqual([
      { t: "close", channel: 2 },
      { t: "close", channel: 3 },
    ])
    expect(parent.session.size).toBe(2)
    expect(parent.connection.open).toBe(true)
  })
})

describe("control messages", () => {
  test.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /not JSON/],
    ["no type", { v: 1 }, /has no type/],
    ["null", "null", /has no type/],
    ["an unknown type", { t: "toString" }, /unknown control message "toString"/],
    ["a type of Object.prototype", { t: "__proto__" }, /unknown control message "__proto__"/],
    ["a type of the other socket", { t: "bye", reason: "idle", cut: false }, /unknown control message "bye"/],
    ["a field of the wrong kind", { t: "close", channel: "1" }, /field "channel" is not a number/],
    ["a missing field", { t: "ready" }, /field "exports" is not a strings/],
    ["a second hello", { t: "hello", v: 1, runnerId: "r", pid: 1, generation: 0 }, /"hello" out of order/],
  ])("%s ends the connection", async (_name, message, why) => {
    control(message)
    await expectClosed(why)
  })
})
