/** What somebody may send who has the key and has not said hello: little. The next table of the listener's refusals. */
import type { TLSSocket } from "node:tls"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { WebSocket } from "ws"
import { Connection } from "../../src/transport/connection.ts"
import { dial } from "../../src/transport/dial.ts"
import { CloseCode, MAX_HELLO_BYTES, MAX_PACKET_BYTES } from "../../src/transport/protocol.ts"
import { busy, Caller, closing, deferred, HOST, hello, serve, TestHub } from "./link.ts"

let hub: TestHub
let finish: () => Promise<void>

beforeEach(async () => {
  hub = await TestHub.open()
  finish = await busy(hub)
})
afterEach(async () => {
  await finish()
  expect(hub.refusals).toEqual([]) // each was reported once, and looked at
  hub.close()
})

describe("before the hello", () => {
  /** An upgraded socket whose peer is served as the parent serves it. */
  async function greeting(): Promise<{ ws: WebSocket; why: Promise<string> }> {
    const why = deferred<string>()
    const key = hub.admit("r", peer => {
      new Connection(peer.ws, false, {
        text: () => expect.unreachable("no message was to come through"),
        binary: () => expect.unreachable("no binary message was to come through"),
        closed: reason => why.resolve(reason.message),
      })
    })
    const ws = await dial({ host: HOST, port: hub.port, kind: "data", identity: "r", key })
    ws.on("error", () => {})
    return { ws, why: why.promise }
  }

  test("a binary first frame", async () => {
    const { ws, why } = await greeting()
    ws.send(Buffer.from("hello"))
    expect(await closing(ws)).toMatchObject({
      code: CloseCode.protocol,
      reason: expect.stringContaining("(binary)"),
    })
    expect(await why).toMatch(/the first message is not a hello/)
  })

  test("a text that is too long to be a hello", async () => {
    const { ws, why } = await greeting()
    ws.send("x".repeat(MAX_HELLO_BYTES + 1))
    // The count of bytes and the length of the message are looked at in turn; which is first depends on how TLS cuts it.
    expect([1006, CloseCode.protocol]).toContain((await closing(ws)).code)
    await hub.refusal(/more than 16384 bytes before the hello/)
    expect(await why).toMatch(/was cut|not a hello \(16385 bytes\)/)
  })

  test("many pings instead of a hello", async () => {
    const { ws } = await greeting()
    const over = closing(ws)
    for (let i = 0; i < 200; i++) ws.ping(Buffer.alloc(125))
    expect(await over).toMatchObject({ code: 1006 })
    await hub.refusal(/more than 16384 bytes before the hello/)
  })

  const header = (bytes: bigint) => {
    const frame = Buffer.alloc(14)
    frame[0] = 0x82
    frame[1] = 0xff
    frame.writeBigUInt64BE(bytes, 2)
    return frame
  }
  const socketOf = (ws: WebSocket) => (ws as unknown as { _socket: TLSSocket })._socket

  test("a frame that announces the most there may be, and starts to send it", async () => {
    const { ws } = await greeting()
    const before = process.memoryUsage().arrayBuffers
    socketOf(ws).write(Buffer.concat([header(BigInt(MAX_PACKET_BYTES)), Buffer.alloc(MAX_HELLO_BYTES)]))
    expect(await closing(ws)).toMatchObject({ code: 1006 })
    await hub.refusal(/more than 16384 bytes before the hello/)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20) // nothing was set aside for it
  })

  test.each([BigInt(MAX_PACKET_BYTES) + 1n, 2n ** 31n])("a frame that announces %i bytes", async bytes => {
    const { ws, why } = await greeting()
    socketOf(ws).write(header(bytes))
    expect(await closing(ws)).toMatchObject({ code: 1009 })
    expect(await why).toMatch(/Max payload size exceeded/)
  })

  test("a hello that cannot be welcomed is refused, and the peer hears why as a refusal", async () => {
    const key = hub.admit("r", peer => void hub.acceptData(peer).catch(() => {}))
    const ws = await dial({ host: HOST, port: hub.port, kind: "data", identity: "r", key })
    const over = deferred<unknown>()
    const ignore = () => {}
    new Connection(ws, true, { text: ignore, binary: ignore, closed: over.resolve }).tell({ ...hello, v: 99 })
    expect(await over.promise).toMatchObject({
      code: "ERR_FLAME_HANDSHAKE",
      message: "the peer refused: the runner speaks protocol 99",
    })
  })

  test("nothing of this binds a peer that was greeted", async () => {
    const link = await hub.link()
    serve(link.runner, { echo: x => x })
    const text = "x".repeat(4 * MAX_HELLO_BYTES)
    expect(await new Caller(link.parent).call("echo", text)).toBe(text)
    link.runner.ws.send(JSON.stringify({ ...hello, runnerId: text }))
    expect((await link.parent.over).message).toMatch(/a packet is not a list of messages/)
  })
})
