/** Packets of honest sessions, recorded, and values of every kind the codec knows: what mutations begin with. */
import { MessageChannel } from "node:worker_threads"
import { encode } from "../../src/transport/codec/index.ts"
import type { Packet } from "../../src/transport/connection.ts"
import { proxy } from "../../src/transport/proxy.ts"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { Session } from "../../src/transport/session.ts"
import { registerClass, registerType } from "../../src/transport/types-registry.ts"
import type { Side } from "./grammar.ts"

class Point {
  x = 1
}
class Money {
  constructor(readonly cents: number) {}
}
registerClass(Point, "Point")
registerType<Money, number>("Money", {
  isApplicable: v => v instanceof Money,
  serialize: v => v.cents,
  deserialize: cents => new Money(cents),
})

export interface Encoded {
  readonly json: string
  readonly parts: readonly Uint8Array[]
}

function values(): unknown[] {
  const loop: Record<string, unknown> = { url: new URL("http://a/"), boxed: Object(1), point: new Point() }
  Object.assign(loop, { loop, list: [loop, Object.assign([], { 70000: loop })], money: new Money(5) })
  return [
    {
      a: new Date(1),
      b: Object.assign(new Array(4), [1n, undefined], { 3: -0 }),
      m: new Map<unknown, unknown>([["k", new Set([Number.NaN])]]),
      s: "~x",
    },
    [Float64Array.of(1, 2), Buffer.from("abc"), { v: new DataView(new ArrayBuffer(3)) }, new BigUint64Array(1)],
    Object.assign(new RangeError("m", { cause: new AggregateError([new Error("x")]) }), { code: "E", re: /x/gi }),
    loop,
    { f: () => 1, g: [() => 2, JSON.parse('{"__proto__":{"x":"~"},"constructor":1}')] },
  ]
}

/** Encoded values, every type of the codec among them. */
export function encodedValues(): readonly Encoded[] {
  let next = 3
  const lower = () => {
    next += 2
    return { live: "function", channel: next }
  }
  return values().map(value => {
    const { json, parts } = encode(value, lower)
    return { json, parts: parts.map(p => p.bytes) }
  })
}

const joined = (packet: Packet): string | Buffer =>
  typeof packet === "string" || Buffer.isBuffer(packet) ? packet : Buffer.concat([packet[0], packet[1]])

/** A parent and a worker joined by nothing but function calls. */
export function honestPair(heard: (from: Side, packet: string | Buffer) => void): { parent: Session; runner: Session } {
  const make = (side: Side, other: () => Session): Session =>
    new Session(
      side,
      {
        credit: 2 ** 20,
        together: fn => fn(),
        send: packet => {
          const whole = joined(packet)
          heard(side, whole)
          setImmediate(() => (typeof whole === "string" ? other().text(whole) : other().binary([whole])))
        },
      },
      () => {},
    )
  const parent: Session = make("parent", () => runner)
  const runner: Session = make("runner", () => parent)
  return { parent, runner }
}

/** What either side of an honest session says in a little of everything. */
export async function record(): Promise<Readonly<Record<Side, readonly (string | Buffer)[]>>> {
  const heard: Record<Side, (string | Buffer)[]> = { parent: [], runner: [] }
  const { parent, runner } = honestPair((from, packet) => heard[from].push(packet))
  async function* count() {
    for (let i = 0; i < 5; i++) yield i
  }
  const functions: Record<string, (...args: never[]) => unknown> = {
    echo: (...args: unknown[]) => args,
    later: async (f: (x: number) => unknown) => await f(1),
    read: async (stream: AsyncGenerator) => {
      for await (const _ of stream) break
      return 1
    },
    stream: () => count(),
    fail: () => Promise.reject(new RangeError("no")),
    held: () => proxy({ a: 1 }),
  }
  new RpcServer(runner.root, {
    apply: (path, args) => functions[path[0]!]!(...(args as never[])),
    get: path => path,
  })
  const client = new RpcClient(parent.root)
  const call = (name: string, ...args: unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      client.apply([name], args, { resolve, reject, done() {} })
    }).catch(() => undefined)
  for (const value of values().slice(0, 4)) await call("echo", value)
  await call("later", (x: number) => x)
  await call("read", count())
  const stream = (await call("stream")) as AsyncGenerator
  await stream.next()
  await stream.return(1)
  await call("fail")
  await call("held")
  const { port1, port2 } = new MessageChannel()
  await call("later", proxy(Object.assign(() => 1, { port2 })))
  port1.close()
  await call("later", AbortSignal.abort())
  await call("echo", new Uint8Array(300_000))
  parent.fail(new (class extends Error {})() as never)
  runner.fail(new (class extends Error {})() as never)
  return heard
}
