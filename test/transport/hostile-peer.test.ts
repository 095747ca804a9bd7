/** What the fuzz has found, one test each: a few bytes of a peer that once stopped, filled or ended this process. */
import { type Endpoint, expose } from "comlink"
import { expect, test } from "vitest"
import { ProtocolError } from "../../src/shared/errors.ts"
import { Channel } from "../../src/transport/channel.ts"
import { decode } from "../../src/transport/codec/index.ts"
import {
  asksForSymbol,
  isHarmless,
  portProblem,
  requestProblem,
  setProblem,
  wireProblem,
} from "../../src/transport/comlink-guard.ts"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { wordsOf } from "../../src/transport/error-shape.ts"
import { Inbox } from "../../src/transport/inbox.ts"
import { lowerError } from "../../src/transport/remote-error.ts"
import { Scope } from "../../src/transport/scope.ts"
import { StreamCredit } from "../../src/transport/stream-credit.ts"
import { MAX_CREDIT, readToSink } from "../../src/transport/stream-message.ts"
import { Victim } from "../fuzz/victim.ts"

const long = decode('["~v",4294967295]', true, []) as unknown[]
const remote = Object.assign(() => {}, {})

test("an array that only says that it is long is not walked", () => {
  const request = { id: 1, type: "APPLY", path: ["f"], argumentList: [] }
  expect(requestProblem({ ...request, path: long })).toBeInstanceOf(ProtocolError)
  expect(requestProblem({ ...request, argumentList: long })).toBeInstanceOf(ProtocolError)
  expect(isHarmless(long)).toBe(false)
  expect(portProblem({ id: 1, type: "RAW", path: long })).toBeInstanceOf(ProtocolError)
  expect(() => readToSink(["items", long])).toThrow(ProtocolError)
  const error = Object.assign(new Error("m"), { droppedFields: long })
  expect(lowerError(error)).toMatchObject({ isError: true })
  expect(wordsOf(error).message).toBe("m")
})

test("nothing of a message is asked of a peer's remote object", () => {
  expect(wireProblem({ type: "HANDLER", name: "throw", value: { isError: true, value: remote } })).toBeDefined()
  expect(
    wireProblem({ type: "HANDLER", name: "throw", value: { isError: true, value: { message: remote } } }),
  ).toBeDefined()
  expect(wireProblem({ type: "HANDLER", name: "throw", value: remote })).toBeDefined()
  expect(wireProblem({ type: "HANDLER", name: "throw", value: lowerError(new Error("m")) })).toBeUndefined()
  expect(wireProblem({ type: "HANDLER", name: "throw", value: lowerError(1) })).toBeUndefined()
  const fields = JSON.parse('{"message":"m","__proto__":{}}') as object
  expect(wireProblem({ type: "HANDLER", name: "throw", value: { isError: true, value: fields } })).toBeDefined()
  expect(isHarmless(remote)).toBe(false)
  expect(isHarmless([remote])).toBe(false)
  expect(isHarmless(["a"])).toBe(true)
  expect(asksForSymbol({ path: ["a", "Symbol(Symbol.toPrimitive)"] })).toBe(true)
  expect(asksForSymbol({ path: ["a", "Symbol"] })).toBe(false)
})

test("a message whose request lies in its prototype is not handed to Comlink, which would find it there", () => {
  const { served, deliver } = exposed()
  const request = '{"id":1,"type":"APPLY","path":["f"],"argumentList":[]}'
  deliver(JSON.parse(request))
  expect(served.calls).toBe(1)
  expect(() => deliver(JSON.parse(`{"__proto__":${request}}`))).toThrow(ProtocolError)
  expect(served.calls).toBe(1)
  expect(portProblem(JSON.parse(`{"__proto__":${request}}`))).toBeInstanceOf(ProtocolError)
})

test("an answer with a path is no request, and Comlink is not to answer it", () => {
  const { deliver } = exposed()
  expect(() => deliver({ id: { name: () => {} }, type: "HANDLER", path: ["__proto__", "x"] })).toThrow(ProtocolError)
})

/** An object behind real Comlink, and the channel that a hostile peer speaks on. */
function exposed() {
  const host = { transmit: () => undefined, transmitText() {}, abandon: () => false, retire() {} }
  const channel = new Channel(1, host)
  const served = {
    calls: 0,
    f() {
      served.calls += 1
    },
  }
  expose(served, new ComlinkPort(channel, true, served) as unknown as Endpoint)
  return { served, deliver: (message: unknown) => channel.deliver(message, new Scope(false)) }
}

test("a SET reaches what is the object's own, not methods that others inherit", () => {
  const served = { list: [1], inner: { x: 1 }, add: () => 1 }
  for (const path of [
    ["list", "push", "x"],
    ["add", "call", "x"],
    ["toString", "call"],
  ]) {
    expect(setProblem(served, path), path.join(".")).toBeInstanceOf(ProtocolError)
  }
  for (const path of [["list"], ["inner", "x"], ["add", "x"], ["none", "x"]])
    expect(setProblem(served, path)).toBeUndefined()
  expect(portProblem({ id: 1, type: "SET", path: ["add", "call", "x"], value: { type: "RAW" } })).toBeInstanceOf(
    ProtocolError,
  )
})

test("a stream owes no more steps than it can begin at once", () => {
  const victim = new Victim("parent")
  victim.ws.say('[0,4,["pull",0,9007199254740991],0,4,["return",9007199254740991,1]]')
  expect(victim.over).toBeInstanceOf(ProtocolError)
  expect(new StreamCredit().due(10 * MAX_CREDIT, 0, true)).toBe(MAX_CREDIT)
})

test("a function on a port, and messages that nobody reads, end the line in words of ours", () => {
  const one = new Victim("parent")
  one.ws.say('[1,10,["~f",{"live":"function","channel":3}]]')
  expect(one.over?.message).toMatch(/no port can carry/)
  const channel = new Channel(1, {} as never)
  const send = () => channel.deliver(1, undefined as never)
  for (let i = 0; i < 1_024; i++) send()
  expect(send).toThrow(ProtocolError)
})

test("nothing is set aside for the lengths of a message in pieces", () => {
  const inbox = new Inbox({ message() {}, close() {}, announce() {}, withdraw() {} })
  const before = process.memoryUsage().arrayBuffers
  inbox.text(`[3,0,[1,0,[${2 ** 31}],[]],3,0,[2,0,[1${",0".repeat(60_000)}],[]]]`)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6)
  expect(() => inbox.text(`[3,0,[3,0,[1${",0".repeat(70_000)}],[]]]`)).toThrow(ProtocolError)
})

test("what takes long to make is refused", () => {
  const many = JSON.stringify(["~r", "\\p{RGI_Emoji}".repeat(1_000), "v"])
  expect(() => decode(many, true, [])).toThrow(/Unicode properties/)
  expect(decode(JSON.stringify(["~r", "\\p{L}".repeat(100), "u"]), true, [])).toBeInstanceOf(RegExp)
  expect(() => decode(JSON.stringify("~lhttp://\u4e00/"), true, [])).toThrow(ProtocolError)
  expect(decode(JSON.stringify(`~l${new URL("http://\u4e00/\u4e00?\u4e00#\u4e00").href}`), true, [])).toBeInstanceOf(
    URL,
  )
})
