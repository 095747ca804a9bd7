/** What a peer may not do. Each attack is refused, or ends its own connection with the reason; nothing else is disturbed. */
import { expose } from "comlink"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { WebSocket } from "ws"
import { awaitHello } from "../../src/parent/greeting.ts"
import { WorkerLine } from "../../src/parent/worker-line.ts"
import { ConnectionError, type FlameError } from "../../src/shared/errors.ts"
import { LIVE } from "../../src/transport/codec/tags.ts"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { dial } from "../../src/transport/dial.ts"
import { encodeFrame } from "../../src/transport/frame.ts"
import { Kind, PIECE } from "../../src/transport/packet.ts"
import { CloseCode } from "../../src/transport/protocol.ts"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { Caller, closing, deferred, HOST, hello, type Side, serve, TestHub, thrownBy } from "./link.ts"

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

/** One message in a packet of its own. */
const frame = (channel: number, message: unknown, rich = false) =>
  packet(rich ? Kind.rich : Kind.plain, channel, message)
const packet = (...list: unknown[]) => ws.send(JSON.stringify(list))
const close = (channel: unknown) => packet(Kind.close, channel, 0)
/** Calls `heard` with the entries of each packet that the parent sends: kind, channel, payload. */
function entries(heard: (kind: number, channel: number, payload: any) => void): void {
  ws.on("message", (data: Buffer, isBinary) => {
    const text = data.toString()
    if (isBinary || !text.startsWith("[")) return
    const list = JSON.parse(text)
    for (let i = 0; i < list.length; i += 3) heard(list[i], list[i + 1], list[i + 2])
  })
}
/** The messages that come back on a channel. */
function replies(channel: number, count: number): Promise<any[]> {
  const got: any[] = []
  return new Promise(resolve => {
    entries((_kind, on, message) => {
      if (on === channel && got.push(message) === count) resolve(got)
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
      {
        type: "APPLY",
        path: ["secret"],
        argumentList: [
          { type: "HANDLER", name: "throw", value: { isError: true, value: { name: "E", message: "m", stack: "" } } },
        ],
      },
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

  test.each<[string, unknown[], RegExp]>([
    ["no id", [null, ["a"]], /a request has no id/],
    ["a list for an id", [[1], ["a"], 1], /a request has no id/],
    ["a path that is no list", [1, "a"], /a request has no path/],
    ["a path of numbers", [1, [1]], /a request has no path/],
    ["a path without end", [1, new Array(33).fill("a")], /a request has no path/],
  ])("a call in short with %s ends the connection", async (_name, payload, why) => {
    packet(Kind.call, 0, payload)
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

  test.each<[string, unknown[]]>([
    ["an id nobody waits for", [99, 1]],
    ["no id", [null, 1]],
    ["a list for an id", [[1]]],
  ])("a result in short with %s ends the connection, and the call that was open rejects", async (_name, payload) => {
    const caller = new Caller(parent)
    const open = thrownBy(caller.call("x"))
    packet(Kind.result, 0, payload)
    await expectClosed(/an answer to request .*, which is not open/)
    expect(await open).toMatchObject({ code: "ERR_FLAME_PROTOCOL" })
  })

  test("a call in short where an answer must be rejects the call alone", async () => {
    const caller = new Caller(parent)
    const open = thrownBy(caller.call("x"))
    packet(Kind.call, 0, [caller.lastId, ["x"], 1])
    expect(await open).toMatchObject({
      code: "ERR_FLAME_PROTOCOL",
      message: expect.stringMatching(/malformed wire value/),
    })
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
    ["the end of a channel that never was", () => close(9), /channel 9, which never was/],
    ["the end of half a channel", () => close(2.5), /a message for no channel/],
    ["the end of a channel below all", () => close(-1), /a message for no channel/],
    ["the end of the root", () => close(0), /channel 0 cannot be closed/],
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
    entries((kind, channel) => {
      if (kind === Kind.close && closes.push(channel) === 2) second.resolve()
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
    expect(closes).toEqual([2, 3])
    expect(parent.session.size).toBe(2)
    expect(parent.connection.open).toBe(true)
  })
})

describe("packets", () => {
  const head = (...head: unknown[]) => packet(Kind.begin, 0, head)
  const piece = (id: number, bytes: number, first = PIECE) => {
    const data = Buffer.alloc(8 + bytes)
    data[0] = first
    data.writeUInt32LE(id, 4)
    ws.send(data)
  }
  const odd = (at: number) => ws.send(Buffer.from([PIECE, 0, 0, 0, 1, 0, 0, 0]).fill(1, at, at + 1))
  const huge = 4 * 2 ** 30
  test.each<[string, () => void, RegExp]>([
    ["no JSON", () => ws.send("[0,0"), /a packet is not JSON/],
    ["an empty text", () => ws.send(""), /a packet is not JSON/],
    ["null", () => ws.send("null"), /not a list of messages/],
    ["a control message", () => ws.send(JSON.stringify({ t: "close", channel: 1 })), /not a list of messages/],
    ["half a message", () => packet(Kind.plain, 0), /not a list of messages/],
    ["a message of no kind", () => packet(7, 0, []), /a message of kind 7/],
    ["a call in short that is no list", () => packet(Kind.call, 0, {}), /a malformed call/],
    ["a call in short without a path", () => packet(Kind.call, 0, [1]), /a malformed call/],
    ["a result in short that is no list", () => packet(Kind.result, 0, "x"), /a malformed result/],
    ["a result in short that is empty", () => packet(Kind.result, 0, []), /a malformed result/],
    ["a result in short of two values", () => packet(Kind.result, 0, [1, 2, 3]), /a malformed result/],
    ["a call in short on a channel that never was", () => packet(Kind.call, 7, [1, ["f"]]), /which never was/],
    ["a result in short on a channel that never was", () => packet(Kind.result, 7, [1]), /which never was/],
    ["a kind that is none", () => packet("0", 0, {}), /a message of kind string/],
    ["a channel that is no number", () => packet(Kind.plain, "0", {}), /a message for no channel/],
    ["binary of an unknown type", () => ws.send(Buffer.from([3])), /a packet of type 3/],
    ["binary of nothing", () => ws.send(Buffer.alloc(0)), /a packet of type nothing/],
    ["a frame cut short", () => ws.send(Buffer.from([1, 0, 0])), /a frame of 3 bytes is shorter/],
    ["a frame whose text is no JSON", () => ws.send(encodeFrame(0, "{", false, [])), /a message is not JSON/],
    ["a head that is no list", () => packet(Kind.begin, 0, 1), /head of a message in pieces is malformed/],
    ["a head without lengths", () => head(1, 0, [], []), /malformed/],
    ["a head with a length below 0", () => head(1, 0, [9, -1], []), /malformed/],
    ["a head with half a byte", () => head(1, 0, [0.5], []), /malformed/],
    ["a head with another flag", () => head(1, 2, [9], []), /malformed/],
    ["a head whose channels are texts", () => head(1, 0, [9], ["3"]), /malformed/],
    ["a head with one field more", () => head(1, 0, [9], [], 0), /malformed/],
    ["a message in pieces of nothing", () => head(1, 0, [0], []), /a message of 0 bytes in pieces/],
    ["a message of more than 4 GiB", () => head(1, 0, [1, huge], []), /a message of 4294967297 bytes in pieces/],
    ["a message that names a channel of ours", () => head(1, 0, [9], [4]), /channel 4, which is not a new one/],
    ["a message that names a channel twice", () => head(1, 0, [9], [3, 3]), /channel 3, which is not a new one/],
    ["the number 0", () => head(0, 0, [9], []), /message 0 in pieces is not a new one/],
    ["a number that has no room", () => head(2 ** 32, 0, [9], []), /is not a new one/],
    [
      "a number that is in use",
      () => {
        head(1, 0, [9], [])
        head(1, 0, [9], [])
      },
      /message 1 in pieces is not a new one/,
    ],
    ["a piece of no message", () => piece(1, 4), /a piece of message 1, which is not on its way/],
    ["a piece without its header", () => ws.send(Buffer.from([PIECE, 0, 0])), /a piece without its header/],
    ["a piece with a flag", () => odd(1), /a piece with an unknown header/],
    ["a piece with another flag", () => odd(3), /a piece with an unknown header/],
    [
      "more bytes than were announced",
      () => {
        head(1, 0, [2, 2], [])
        piece(1, 5)
      },
      /more pieces of a message than it has bytes/,
    ],
    [
      "pieces that make no JSON",
      () => {
        head(1, 0, [2], [])
        piece(1, 2)
      },
      /a message is not JSON/,
    ],
    ["the end of a message that is not coming", () => packet(Kind.abandon, 0, 1), /the end of a message that is not/],
    [
      "a piece of a message that was given up",
      () => {
        head(1, 0, [9], [])
        packet(Kind.abandon, 0, 1)
        piece(1, 9)
      },
      /a piece of message 1, which is not on its way/,
    ],
    ["an acknowledgement of what was not sent", () => ws.send("A1"), /acknowledges 1 packets; 0 to 0 would be right/],
    ["an acknowledgement below what was", () => ws.send("A-1"), /acknowledges -1 packets/],
    ["an acknowledgement of no number", () => ws.send("Ax"), /acknowledges NaN packets/],
  ])("%s ends the connection", async (_name, attack, why) => {
    attack()
    await expectClosed(why)
  })

  test("more messages in pieces than anybody sends at a time end the connection", async () => {
    for (let id = 1; id <= 4_097; id++) head(id, 0, [1], [])
    await expectClosed(/4097 messages of 4097 bytes at a time/)
  })

  test("a message in pieces is taken however it is cut, and so are small ones in between", async () => {
    new RpcServer(parent.session.root, { apply: (path, args) => ({ path, args }), get: path => path })
    const answers = replies(0, 2)
    const json = Buffer.from(JSON.stringify({ id: 1, type: "GET", path: ["large"] }))
    head(1, 0, [json.length], [])
    for (const byte of json) {
      if (byte === "t".charCodeAt(0)) frame(0, { id: 2, type: "GET", path: ["small"] })
      const data = Buffer.alloc(9)
      data[0] = PIECE
      data.writeUInt32LE(1, 4)
      data[8] = byte
      ws.send(data)
      if (byte === "t".charCodeAt(0)) break
    }
    const rest = Buffer.concat([Buffer.from([PIECE, 0, 0, 0, 1, 0, 0, 0]), json.subarray(json.indexOf("t") + 1)])
    ws.send(rest)
    expect(await answers).toEqual([
      { id: 2, type: "RAW", value: ["small"] },
      { id: 1, type: "RAW", value: ["large"] },
    ])
  })
})

describe("control messages", () => {
  /** A worker's line as the parent has it, whose peer the test plays. */
  beforeEach(async () => {
    const greeted = deferred()
    const over = deferred<FlameError>()
    const worker = new WorkerLine(0, {
      message: () => expect.unreachable("no message was to come through"),
      cut: over.resolve,
      stalled() {},
      closed: over.resolve,
      callbackFailed() {},
    })
    const key = hub.admit("r", peer => {
      awaitHello(peer, "r", {
        hello(_hello, connection, greet) {
          greet()
          worker.welcome(connection, {
            module: "m",
            source: "m",
            maxConcurrency: 1,
            poolName: "p",
            heartbeatMs: 5_000,
            reconnectMs: 0,
          })
          greeted.resolve()
        },
        refused: why => over.resolve(new ConnectionError(why)),
        over() {},
      })
    })
    ws = await dial({ host: HOST, port: hub.port, kind: "data", identity: "r", key })
    ws.on("error", () => {})
    ws.send(JSON.stringify(hello))
    await greeted.promise
    parent = { ...parent, over: over.promise }
  })

  test.each<[string, string, RegExp]>([
    ["no JSON", "{", /not JSON/],
    ["no type", '{"v":2}', /has no type/],
    ["an unknown type", '{"t":"toString"}', /unknown control message "toString"/],
    ["a type of Object.prototype", '{"t":"__proto__"}', /unknown control message "__proto__"/],
    ["a type of version 1", '{"t":"close","channel":1}', /unknown control message "close"/],
    ["a type of the other socket", '{"t":"deadline","leftMs":1}', /unknown control message "deadline"/],
    ["a field of the wrong kind", '{"t":"ready","exports":"f"}', /field "exports" is not a strings/],
    ["a missing field", '{"t":"ready"}', /field "exports" is not a strings/],
    ["a resumption that is none", JSON.stringify({ ...hello, resume: { line: 1, received: 0 } }), /field "resume"/],
    ["a resumption below 0", JSON.stringify({ ...hello, resume: { line: "l", received: -1 } }), /field "resume"/],
    ["a second hello", JSON.stringify(hello), /a second hello/],
  ])("%s ends the connection", async (_name, message, why) => {
    ws.send(message)
    await expectClosed(why)
  })
})
