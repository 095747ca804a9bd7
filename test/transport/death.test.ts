/** The end of a connection, however it comes: everything that waits on it rejects, and nothing is thrown afterwards. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { MessageChannel, type MessagePort } from "node:worker_threads"
import { expose, wrap } from "comlink"
import { afterEach, beforeEach, expect, test } from "vitest"
import { ConnectionError, ProtocolError } from "../../src/shared/errors.ts"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { CloseCode, PROTOCOL_VERSION } from "../../src/transport/protocol.ts"
import { proxy } from "../../src/transport/proxy.ts"
import { Caller, deferred, type Link, type Side, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
const strays: unknown[] = []
const stray = (error: unknown) => strays.push(error)

beforeEach(async () => {
  hub = await TestHub.open()
  process.on("unhandledRejection", stray)
  process.on("uncaughtException", stray)
})
afterEach(async () => {
  hub.close()
  // Two turns of the event loop: what was rejected without a handler has been told by then.
  for (let i = 0; i < 2; i++) await new Promise(setImmediate)
  process.off("unhandledRejection", stray)
  process.off("uncaughtException", stray)
  expect(strays.splice(0)).toEqual([])
})

const never = () => new Promise<never>(() => {})
type Outcome = Promise<unknown>

/** One of everything that can wait for the other side, from both sides. */
async function everything({
  parent,
  runner,
}: Link): Promise<{ parent: Outcome[]; runner: Outcome[]; signal: AbortSignal }> {
  const onRunner: Outcome[] = []
  const reached = deferred()
  const api = {
    hang: never,
    stream: async function* () {
      yield 1
      await never()
    },
    object: () => proxy({ hang: never }),
    useAll: (callback: any, stream: AsyncGenerator, remote: any) => {
      void callback() // a progress report: nobody waits for its promise, and nobody hears of its end
      onRunner.push(thrownBy(callback()), thrownBy(stream.next()), thrownBy(remote.hang()))
      reached.resolve()
      return never()
    },
    take: (port: MessagePort) => void port,
  }
  const served = serve(runner, api as any)
  expose({ hang: never, quick: () => 1 }, new ComlinkPort(runner.session.raw, true) as any)
  const caller = new Caller(parent)
  const comlink = wrap<any>(new ComlinkPort(parent.session.raw, true) as any)
  const stream = await caller.call("stream")
  await stream.next()
  const object = await caller.call("object")
  const { port1, port2 } = new MessageChannel()
  await caller.call("take", port2)
  const endless = async function* () {
    await never()
    yield 0
  }
  const onParent: Outcome[] = [
    thrownBy(caller.call("hang")),
    thrownBy(caller.get("x").then(() => caller.call("hang"))),
    thrownBy(caller.call("useAll", never, endless(), proxy({ hang: never }))),
    thrownBy(stream.next()),
    thrownBy(object.hang()),
    thrownBy(comlink.hang()),
    once(port1, "close"),
  ]
  await reached.promise
  await comlink.quick()
  return { parent: onParent, runner: onRunner, signal: served.signals[0]! }
}

async function afterwards(side: Side): Promise<void> {
  const caller = new Caller(side)
  expect(await thrownBy(caller.call("late", () => 1))).toMatchObject({ code: expect.stringMatching(/^ERR_FLAME/) })
  const comlink = wrap<any>(new ComlinkPort(side.session.raw, true) as any)
  expect(await thrownBy(comlink.late())).toMatchObject({ code: expect.stringMatching(/^ERR_FLAME/) })
  side.connection.send("[2,1,0]")
  side.connection.send([Buffer.alloc(8), new Uint8Array(1)])
  side.connection.ping()
  side.line.send("[2,1,0]")
  side.line.together(() => side.line.send("[2,1,0]"))
  await side.line.drained()
  await side.line.delivered(60_000)
  await side.session.flushed()
  expect(side.line).toMatchObject({ over: true, up: false, credit: 0 })
  expect(side.session.size).toBe(0)
}

type Ending = [string, (link: Link) => void, parent: RegExp, runner: RegExp]
const endings: Ending[] = [
  ["the socket is cut by the parent", l => l.parent.ws.terminate(), /was cut/, /was cut/],
  ["the socket is cut by the runner", l => l.runner.ws.terminate(), /was cut/, /was cut/],
  [
    "the parent closes",
    l => l.parent.line.close(CloseCode.bye, new ConnectionError("enough")),
    /^enough$/,
    /closed the connection: enough \(code 4000\)/,
  ],
  [
    "the runner gives up at once",
    l => l.runner.line.detach(new ConnectionError("no answer to pings")),
    /was cut/,
    /^no answer to pings$/,
  ],
  [
    "the runner breaks the protocol",
    l => l.runner.ws.send(Buffer.from([1, 0, 0])),
    /shorter than its header/,
    /the peer closed: a frame of 3 bytes/,
  ],
]

test.each(endings)(
  "when %s, all that waits on either side rejects with the reason",
  async (_name, end, why, whyThere) => {
    const link = await hub.link()
    const waiting = await everything(link)
    end(link)
    const isReason = { code: expect.stringMatching(/^ERR_FLAME_(CONNECTION|PROTOCOL)$/) }
    const errors = await Promise.all(waiting.parent)
    expect(errors.pop()).toHaveLength(1) // the port's close event
    for (const error of errors) expect(error).toMatchObject({ ...isReason, message: expect.stringMatching(why) })
    for (const error of await Promise.all(waiting.runner)) {
      expect(error).toMatchObject({ ...isReason, message: expect.stringMatching(whyThere) })
    }
    expect((await link.parent.over).message).toMatch(why)
    expect((await link.runner.over).message).toMatch(whyThere)
    expect(waiting.signal.aborted).toBe(true)
    await afterwards(link.parent)
    await afterwards(link.runner)
  },
)

test("the end is told once, whatever follows", async () => {
  const { parent, runner } = await hub.link()
  const told: string[] = []
  parent.session.root.onClose(reason => told.push(reason.message))
  parent.line.close(CloseCode.bye, new ConnectionError("first"))
  parent.line.close(CloseCode.bye, new ConnectionError("second"))
  parent.line.fail(new ConnectionError("third"))
  parent.connection.close(CloseCode.bye, new ConnectionError("fourth"))
  parent.connection.abort(new ConnectionError("fifth"))
  parent.session.fail(new ProtocolError("sixth"))
  await runner.over
  expect(told).toEqual(["first"])
  expect(parent.connection.open).toBe(false)
})

test("a close reason of any length and alphabet fits into the close frame", async () => {
  const { parent, runner } = await hub.link()
  parent.line.close(CloseCode.bye, new ConnectionError("é€🙂".repeat(100)))
  expect((await runner.over).message).toMatch(/^the peer closed the connection: é€🙂/)
})

test("a peer process that is killed in the middle rejects everything, and another connection goes on", async () => {
  const other = await hub.link()
  serve(other.runner, { echo: x => x })
  const otherCaller = new Caller(other.parent)
  const accepted = deferred<Side>()
  const identity = "victim"
  const key = hub.admit(identity, peer => hub.acceptData(peer).then(accepted.resolve, accepted.reject))
  const child = fork(new URL("./mute-peer.mjs", import.meta.url), [
    JSON.stringify({ port: hub.port, identity, key: key.toString("base64") }),
  ])
  try {
    const [welcome] = await once(child, "message")
    expect(welcome).toMatchObject({ t: "welcome", v: PROTOCOL_VERSION })
    const side = await accepted.promise
    const caller = new Caller(side)
    const comlink = wrap<any>(new ComlinkPort(side.session.raw, true) as any)
    const heard = new Promise<any[]>(resolve => {
      const messages: any[] = []
      child.on("message", m => messages.push(m) === 2 && resolve(messages))
    })
    const waiting = [thrownBy(caller.call("work", () => 1)), thrownBy(comlink.hang())]
    const [call, apply] = await heard
    expect(call).toMatchObject({ kind: 1, channel: 0, message: { type: "APPLY", path: ["work"] } }) // rich: a callback
    expect(apply).toMatchObject({ kind: 0, channel: 1, message: { type: "APPLY", path: ["hang"] } })
    const quiet = Array.from({ length: 50 }, (_, i) => otherCaller.call("echo", i))
    child.kill("SIGKILL")
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: "ERR_FLAME_CONNECTION" })
    expect(await Promise.all(quiet)).toHaveLength(50)
    await afterwards(side)
    expect(await otherCaller.call("echo", "on")).toBe("on")
  } finally {
    child.kill("SIGKILL")
  }
})
