/**
 * A listener without TLS: who gets in by the challenge and who does not, while 100 calls are in flight on another connection
 * of the same listener. The dialling end has its own tests in dial-plain.test.ts.
 */
import { once } from "node:events"
import type { Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { WebSocket } from "ws"
import { MAX_CHALLENGE_BYTES, macOf, readProven } from "../../src/transport/challenge.ts"
import { dial } from "../../src/transport/dial.ts"
import type { AcceptedPeer } from "../../src/transport/listener.ts"
import { CloseCode, CONTROL_PATH, DATA_PATH, MAX_PACKET_BYTES, SUBPROTOCOL } from "../../src/transport/protocol.ts"
import { newKey } from "../../src/transport/psk.ts"
import type { RefusalReason } from "../../src/transport/strangers.ts"
import { busy, closing, deferred, HOST, TestHub, thrownBy } from "./link.ts"
import { type Caught, challenged, proofOf } from "./plain.ts"

let hub: TestHub
let key: Buffer
let finish: () => Promise<void>

async function open(options: Parameters<typeof TestHub.open>[0] = {}): Promise<void> {
  hub = await TestHub.open({ tls: false, ...options })
  finish = await busy(hub)
  key = hub.admit("r", () => expect.unreachable("it was accepted"))
}

beforeEach(() => open())
afterEach(async () => {
  await finish()
  expect(hub.refusals).toEqual([]) // each was reported once, and looked at
  hub.close()
})

const base64 = (bytes: Buffer) => bytes.toString("base64")

describe("with the key of a live runner", () => {
  test.each(["control", "data"] as const)("a %s connection is accepted as that runner's", async kind => {
    const accepted = deferred<AcceptedPeer>()
    const right = hub.admit("mine", accepted.resolve)
    const ws = await dial({ host: HOST, port: hub.port, kind, identity: "mine", key: right, tls: false })
    const peer = await accepted.promise
    expect(peer).toMatchObject({ identity: "mine", kind, localAddress: HOST, remoteAddress: HOST })
    peer.ws.send("welcome")
    expect(String((await once(ws, "message"))[0])).toBe("welcome")
  })

  test("the parent proves the key as well", async () => {
    const right = hub.admit("mine", () => {})
    const { ws, about } = await challenged(hub.port, { identity: "mine" })
    ws.send(proofOf(right, about))
    const [data, isBinary] = await once(ws, "message")
    expect(readProven(data, isBinary).mac).toEqual(macOf(right, "parent", about))
  })

  test("what comes in the same read as the proof reaches whoever accepts", async () => {
    const heard: string[] = []
    const all = deferred()
    const right = hub.admit("mine", peer => {
      peer.ws.on("message", data => {
        heard.push(String(data))
        if (heard.length === 3) all.resolve()
      })
    })
    const { ws, about } = await challenged(hub.port, { identity: "mine" })
    const socket = socketOf(ws)
    socket.cork()
    for (const message of [proofOf(right, about), "one", "two", "three"]) ws.send(message)
    socket.uncork()
    await all.promise
    expect(heard).toEqual(["one", "two", "three"])
  })

  test("every connection gets a nonce of its own", async () => {
    const caught = await Promise.all(Array.from({ length: 20 }, () => challenged(hub.port)))
    expect(new Set(caught.map(({ about }) => base64(about.parentNonce))).size).toBe(20)
    for (const { ws } of caught) {
      ws.terminate()
      await hub.refusal("hung-up")
    }
  })
})

const socketOf = (ws: WebSocket) => (ws as unknown as { _socket: Socket })._socket

describe("refused, in words that tell a stranger nothing", () => {
  const reflected = ({ about }: Caught) => proofOf(key, about, { mac: base64(macOf(key, "parent", about)) })

  const rows: [what: string, proof: (caught: Caught) => string | Buffer, why: RegExp][] = [
    ["a wrong key", ({ about }) => proofOf(newKey(), about), /^wrong proof for "r"/],
    ["an unknown identity", ({ about }) => proofOf(key, { ...about, identity: "who?" }), /^wrong proof for "who\?"/],
    ["the key of one runner for another", ({ about }) => proofOf(other(), about), /^wrong proof for "r"/],
    ["a proof for one, in the name of another", c => proofOf(other(), c.about, { identity: "other" }), /"other"/],
    ["a key that was revoked before", ({ about }) => revoked(about), /^wrong proof for "r"/],
    ["the parent's own MAC, played back", reflected, /^wrong proof for "r"/],
    ["a proof for the other path", ({ about }) => proofOf(key, { ...about, kind: "control" }), /^wrong proof/],
    ["a proof for another nonce", c => proofOf(key, { ...c.about, parentNonce: c.about.runnerNonce }), /^wrong proof/],
    ["the nonces the wrong way round", c => proofOf(key, swapped(c)), /^wrong proof/],
    ["another nonce than was signed", c => proofOf(key, c.about, { nonce: base64(newKey()) }), /^wrong proof/],
    ["one bit of the MAC changed", ({ about }) => proofOf(key, about, { mac: flipped(about) }), /^wrong proof/],
    [
      "a name for a terminal",
      c => proofOf(key, { ...c.about, identity: "\u009b2J\u202e\n" }),
      /^wrong proof for "[^\p{C}]+"/u,
    ],
    ["a MAC that is too short", ({ about }) => proofOf(key, about, { mac: "AAAA" }), /"mac" is not 32 bytes/],
    ["an empty MAC", ({ about }) => proofOf(key, about, { mac: "" }), /"mac" is not 32 bytes/],
    ["no MAC", ({ about }) => proofOf(key, about, { mac: undefined }), /"mac" is not 32 bytes/],
    ["a MAC that is a list", ({ about }) => proofOf(key, about, { mac: [1] }), /"mac" is not 32 bytes/],
    ["a nonce in other base64", c => proofOf(key, c.about, { nonce: `${base64(c.about.runnerNonce)}=` }), /"nonce" is/],
    [
      "an identity that is no text",
      ({ about }) => proofOf(key, about, { identity: { length: 1 } }),
      /not a short text/,
    ],
    ["an identity that is too long", c => proofOf(key, { ...c.about, identity: "x".repeat(257) }), /not a short text/],
    ["a message that is too long", c => proofOf(key, c.about, { x: "x".repeat(MAX_CHALLENGE_BYTES) }), /^\d+ bytes in/],
    ["a binary message", ({ about }) => Buffer.from(proofOf(key, about)), /^a binary message in place of the proof/],
    ["a hello", () => JSON.stringify({ t: "hello", v: 1 }), /^another message in place of the proof/],
    ["the challenge, sent back", ({ about }) => challengeAgain(about), /^another message in place of the proof/],
    ["null", () => "null", /^another message in place of the proof/],
    ["no JSON", () => "{", /^the proof is not JSON/],
    ["an empty message", () => "", /^the proof is not JSON/],
  ]
  const other = () => hub.admit("other", () => expect.unreachable("it was accepted"))
  const swapped = ({ about }: Caught) => ({
    ...about,
    parentNonce: about.runnerNonce,
    runnerNonce: about.parentNonce,
  })
  const flipped = (about: Caught["about"]) => {
    const mac = macOf(key, "runner", about)
    mac[31]! ^= 1
    return base64(mac)
  }
  const revoked = (about: Caught["about"]) => {
    hub.keys.delete("r")
    return proofOf(key, about)
  }
  const challengeAgain = (about: Caught["about"]) =>
    JSON.stringify({ t: "challenge", nonce: base64(about.parentNonce) })

  test.each(rows)("%s", async (_what, proof, why) => {
    const caught = await challenged(hub.port)
    caught.ws.on("message", () => expect.unreachable("the parent proved itself to a stranger"))
    caught.ws.send(proof(caught))
    expect(await closing(caught.ws)).toEqual({
      code: CloseCode.refused,
      reason: "no valid proof of a runner's key",
    })
    expect(await hub.refusal("proof")).toMatch(why)
  })

  test("a key that is revoked while the runner makes its proof", async () => {
    const { ws, about } = await challenged(hub.port)
    const proof = proofOf(key, about)
    hub.keys.delete("r")
    ws.send(proof)
    expect(await closing(ws)).toMatchObject({ code: CloseCode.refused })
    await hub.refusal("proof")
  })

  test("a proof that is good on another connection that is still open", async () => {
    const first = await challenged(hub.port)
    const proof = proofOf(key, first.about)
    const second = await challenged(hub.port)
    second.ws.send(proof)
    expect(await closing(second.ws)).toMatchObject({ code: CloseCode.refused })
    expect(await hub.refusal("proof")).toMatch(/a replay/)
    first.ws.terminate()
    await hub.refusal("hung-up")
  })

  test("frames that are none", async () => {
    const { ws } = await challenged(hub.port)
    socketOf(ws).write(Buffer.from([0x83, 0x80, 0, 0, 0, 0])) // an opcode that nobody has given a meaning to
    expect((await closing(ws)).code).toBeGreaterThan(1000)
    expect(await hub.refusal("proof")).toMatch(/^bad frame/)
  })
})

describe("before the challenge", () => {
  const wss = (headers: Record<string, string>, path: string, protocols: string[]) =>
    new WebSocket(`ws://${HOST}:${hub.port}${path}`, protocols, { headers })

  test.each<[string, Record<string, string>, string, string[], number, RefusalReason]>([
    ["an Origin", { origin: "https://example.org" }, DATA_PATH, [SUBPROTOCOL], 403, "origin"],
    ["another path", {}, "/", [SUBPROTOCOL], 404, "path"],
    ["another subprotocol", {}, CONTROL_PATH, ["chat"], 400, "subprotocol"],
  ])("%s is refused", async (_what, headers, path, protocols, status, reason) => {
    const ws = wss(headers, path, protocols)
    const [error] = await once(ws, "error")
    expect(error.message).toBe(`Unexpected server response: ${status}`)
    await hub.refusal(reason)
  })

  test("a client that speaks TLS is told so at once, and so is one that does not where TLS is wanted", async () => {
    const says = { code: "ERR_FLAME_HANDSHAKE", message: expect.stringContaining("speaks TLS and the other does not") }
    const options = { host: HOST, kind: "data", identity: "r", key } as const
    expect(await thrownBy(dial({ ...options, port: hub.port, tls: true }))).toMatchObject(says)
    expect(await hub.refusal("http")).toMatch(/this port speaks none/)
    const secure = await TestHub.open()
    expect(await thrownBy(dial({ ...options, port: secure.port, tls: false }))).toMatchObject(says)
    await secure.refusal("tls")
    secure.close()
  })
})

describe("before the proof", () => {
  const announces = (bytes: bigint) => {
    const frame = Buffer.alloc(14)
    frame[0] = 0x81
    frame[1] = 0xff
    frame.writeBigUInt64BE(bytes, 2)
    return frame
  }

  test("a frame that announces the most there may be gets 16 KiB", async () => {
    const { ws } = await challenged(hub.port)
    const before = process.memoryUsage().arrayBuffers
    socketOf(ws).write(Buffer.concat([announces(BigInt(MAX_PACKET_BYTES)), Buffer.alloc(16 * 1024)]))
    expect(await closing(ws)).toMatchObject({ code: 1006 })
    await hub.refusal("flood")
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20) // nothing was set aside for it
  })

  test("so do pings", async () => {
    const { ws } = await challenged(hub.port)
    const over = closing(ws)
    for (let i = 0; i < 200; i++) ws.ping(Buffer.alloc(125))
    expect(await over).toMatchObject({ code: 1006 })
    await hub.refusal("flood")
  })

  test("the bytes of the challenge are part of what may come before the hello", async () => {
    const right = hub.admit("mine", peer => peer.ws.on("error", () => {}))
    const { ws, about } = await challenged(hub.port, { identity: "mine" })
    const over = closing(ws)
    for (let i = 0; i < 120; i++) ws.ping(Buffer.alloc(125)) // less than 16 KiB
    ws.send(proofOf(right, about))
    for (let i = 0; i < 10; i++) ws.ping(Buffer.alloc(125)) // together more
    expect(await over).toMatchObject({ code: 1006 })
    await hub.refusal("flood")
  })

  test("silence is borne until the deadline, and takes a place under the cap", async () => {
    await finish()
    hub.close()
    await open({ handshakeMs: 300, maxHalfOpen: 2 })
    const silent = [await challenged(hub.port), await challenged(hub.port)]
    const third = new WebSocket(`ws://${HOST}:${hub.port}${DATA_PATH}`, [SUBPROTOCOL])
    await once(third, "error")
    await hub.refusal("crowd")
    await Promise.all(silent.map(({ ws }) => closing(ws)))
    await hub.refusal("deadline")
    await hub.refusal("deadline")
  })
})
