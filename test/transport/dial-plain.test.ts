/** The dialling end without TLS: what a program that took the parent's port may try, and that no message is lost on the way. */
import { once } from "node:events"
import type { AddressInfo, Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type WebSocket, WebSocketServer } from "ws"
import { macOf, newNonce, type Proof, readProof, type Transcript, writeMessage } from "../../src/transport/challenge.ts"
import { type DialOptions, dial, isRefused } from "../../src/transport/dial.ts"
import { newKey } from "../../src/transport/psk.ts"
import { closing, deferred, HOST, TestHub, thrownBy } from "./link.ts"

const key = newKey()
let server: WebSocketServer
let options: DialOptions

beforeEach(async () => {
  server = new WebSocketServer({ host: HOST, port: 0 })
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  options = { host: HOST, port, kind: "data", identity: "r", key, tls: false }
})
afterEach(() => {
  for (const ws of server.clients) ws.terminate()
  server.close()
})

/** What the runner sent, and how an honest parent would compute over it. */
interface Heard {
  readonly proof: Proof
  readonly about: Transcript
}

/** A parent that answers the proof with what the test says. */
function parent(answer: (heard: Heard, ws: WebSocket) => string | Buffer | undefined): void {
  server.once("connection", ws => {
    ws.on("error", () => {})
    const parentNonce = newNonce()
    ws.once("message", (data, isBinary) => {
      const proof = readProof(data as Buffer, isBinary)
      const about: Transcript = { kind: "data", identity: proof.identity, parentNonce, runnerNonce: proof.nonce }
      const said = answer({ proof, about }, ws)
      if (said !== undefined) ws.send(said)
    })
    ws.send(writeMessage({ t: "challenge", nonce: parentNonce }))
  })
}

const proven = (mac: Buffer) => writeMessage({ t: "proven", mac })

/** Until the other end has had enough: what came with the upgrade is not counted, and how much that is the kernel decides. */
function pingWithoutEnd(ws: WebSocket): void {
  if (ws.readyState !== ws.OPEN) return
  for (let i = 0; i < 200; i++) ws.ping(Buffer.alloc(125))
  setImmediate(pingWithoutEnd, ws)
}

describe("a program that has taken the parent's port is found out when", () => {
  test.each<[string, (heard: Heard, ws: WebSocket) => string | Buffer | undefined, RegExp]>([
    ["it has another key", ({ about }) => proven(macOf(newKey(), "parent", about)), /has not this runner's key/],
    ["it plays back the runner's own MAC", ({ proof }) => proven(proof.mac), /has not this runner's key/],
    ["its MAC is for the other path", h => proven(macOf(key, "parent", { ...h.about, kind: "control" })), /has not/],
    ["its MAC is for another runner", h => proven(macOf(key, "parent", { ...h.about, identity: "b" })), /has not/],
    ["it sends no MAC", () => JSON.stringify({ t: "proven" }), /"mac" is not 32 bytes in base64/],
    ["it welcomes at once", () => JSON.stringify({ t: "welcome", v: 1 }), /another message in place of the proven/],
    ["it sends a binary message", () => Buffer.alloc(32), /a binary message in place of the proven/],
    ["it sends too much", () => "x".repeat(20_000), /more than 16384 bytes|20000 bytes in place of the proven/],
    ["it refuses", (_, ws) => void ws.close(4001, "no valid proof"), /refused this runner: no valid proof/],
  ])("%s", async (_what, answer, message) => {
    parent(answer)
    const error = await thrownBy(dial(options))
    expect(error).toMatchObject({ code: "ERR_FLAME_HANDSHAKE", message: expect.stringMatching(message) })
    expect(isRefused(error)).toBe(false)
  })

  test("it hangs up, which may be the network's doing: it is worth another try", async () => {
    parent((_, ws) => void ws.terminate())
    expect(await thrownBy(dial(options))).toMatchObject({ code: "ERR_FLAME_HOST" })
  })

  test.each<[string, (ws: WebSocket) => void, RegExp]>([
    ["no challenge but a welcome", ws => ws.send(JSON.stringify({ t: "welcome" })), /another message/],
    ["a short nonce", ws => ws.send(JSON.stringify({ t: "challenge", nonce: "AAAA" })), /"nonce" is not/],
    [
      "a binary challenge",
      ws => ws.send(Buffer.from(writeMessage({ t: "challenge", nonce: newNonce() }))),
      /a binary message/,
    ],
    ["pings without end", pingWithoutEnd, /more than 16384 bytes/],
  ])("it begins with %s", async (_what, begin, why) => {
    let heard = 0
    server.once("connection", ws => {
      ws.on("error", () => {})
      ws.on("message", () => heard++)
      begin(ws)
    })
    expect(await thrownBy(dial(options))).toMatchObject({
      code: "ERR_FLAME_HANDSHAKE",
      message: expect.stringMatching(why),
    })
    expect(heard).toBe(0) // nothing was proved to it
  })

  test("it says nothing: the dial ends in time, as one to which nobody answered, and the socket is closed", async () => {
    const over = deferred<number>()
    server.once("connection", ws => void closing(ws).then(({ code }) => over.resolve(code)))
    const error = await thrownBy(dial({ ...options, timeoutMs: 100 }))
    expect(error).toMatchObject({ code: "ERR_FLAME_HOST", message: expect.stringContaining("did not answer in time") })
    expect(await over.promise).toBe(1006)
  })
})

describe("no message is lost between dial() and whoever takes over", () => {
  const three = ["one", "two", "three"]

  async function hear(ws: WebSocket): Promise<string[]> {
    for (let i = 0; i < 20; i++) await Promise.resolve() // as long as it takes through some async functions
    const heard: string[] = []
    await new Promise<void>(resolve => {
      ws.on("message", data => {
        heard.push(String(data))
        if (heard.length === three.length + 1) resolve()
      })
    })
    return heard
  }

  test("although it came in the same read as the parent's proof", async () => {
    parent(({ about }, ws) => {
      const socket = (ws as unknown as { _socket: Socket })._socket
      socket.cork()
      for (const message of [proven(macOf(key, "parent", about)), ...three]) ws.send(message)
      socket.uncork()
      ws.once("message", () => ws.send("and an answer"))
      return undefined
    })
    const ws = await dial(options)
    ws.send("now")
    expect(await hear(ws)).toEqual([...three, "and an answer"])
    ws.terminate()
  })

  test.each([true, false])("although it came right behind the upgrade, tls: %s", async tls => {
    const hub = await TestHub.open({ tls })
    const right = hub.admit("r", peer => {
      for (const message of three) peer.ws.send(message)
      peer.ws.once("message", () => peer.ws.send("and an answer"))
    })
    const ws = await dial({ ...options, port: hub.port, key: right, tls })
    ws.send("now")
    expect(await hear(ws)).toEqual([...three, "and an answer"])
    ws.terminate()
    hub.close()
  })
})
