/**
 * Who does not get in. Every stranger is refused and reported once, while 100 calls are in flight on another connection of
 * the same listener and complete undisturbed.
 */
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { request } from "node:http"
import { type AddressInfo, connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { connect as tlsConnect } from "node:tls"
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest"
import { dial, isRefused } from "../../src/transport/dial.ts"
import type { AcceptedPeer } from "../../src/transport/listener.ts"
import { Listener } from "../../src/transport/listener.ts"
import { DATA_PATH, SUBPROTOCOL } from "../../src/transport/protocol.ts"
import { newKey, pskClientOptions } from "../../src/transport/psk.ts"
import { busy, closed, deferred, HOST, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let finish: () => Promise<void>

async function open(options?: Parameters<typeof TestHub.open>[0]): Promise<void> {
  hub = await TestHub.open(options)
  finish = await busy(hub)
}

afterEach(async () => {
  await finish()
  expect(hub.refusals).toEqual([]) // each was reported once, and looked at
  hub.close()
})

/** Upgrades by hand, so that every header can be wrong. Resolves with the status line. */
async function upgrade(
  identity: string,
  key: Buffer,
  headers: Record<string, string>,
  at = DATA_PATH,
): Promise<string> {
  const socket = tlsConnect({ host: HOST, port: hub.port, ...pskClientOptions(identity, key) })
  await once(socket, "secureConnect")
  const all = {
    host: HOST,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    "sec-websocket-protocol": SUBPROTOCOL,
    ...headers,
  }
  const lines = Object.entries(all).filter(([, value]) => value !== "")
  socket.write(`GET ${at} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join("")}\r\n`)
  let answer = ""
  socket.on("data", data => {
    answer += data
  })
  await closed(socket)
  return answer.split("\r\n", 1)[0]!
}

describe("before HTTP", () => {
  beforeEach(() => open())

  const never = () => expect.unreachable("it was accepted")

  test("a wrong key", async () => {
    hub.admit("known", never)
    const error = await thrownBy(dial({ host: HOST, port: hub.port, kind: "data", identity: "known", key: newKey() }))
    expect(error).toMatchObject({ code: "ERR_FLAME_HANDSHAKE", hint: expect.stringContaining("revoked") })
    expect(isRefused(error)).toBe(false)
    await hub.refusal(/^TLS: /)
  })

  test("an unknown identity", async () => {
    const error = await thrownBy(dial({ host: HOST, port: hub.port, kind: "data", identity: "who?", key: newKey() }))
    expect(error).toMatchObject({ code: "ERR_FLAME_HANDSHAKE" })
    await hub.refusal(/^TLS: /)
  })

  test("a revoked key", async () => {
    const accepted = deferred<AcceptedPeer>()
    const key = hub.admit("r", accepted.resolve)
    const options = { host: HOST, port: hub.port, kind: "data", identity: "r", key } as const
    const ws = await dial(options)
    await accepted.promise
    hub.keys.delete("r")
    expect(await thrownBy(dial(options))).toMatchObject({ code: "ERR_FLAME_HANDSHAKE" })
    await hub.refusal(/^TLS: /)
    ws.terminate()
  })

  test("plain HTTP", async () => {
    const http = request({ host: HOST, port: hub.port, path: DATA_PATH, headers: { connection: "upgrade" } }).end()
    const [response] = await once(http, "response")
    expect(response.statusCode).toBe(426) // in the clear, so that a runner without TLS can say what is wrong
    await closed(http.socket!)
    await hub.refusal("tls")
  })

  test("plain noise", async () => {
    const socket = connect(hub.port, HOST)
    socket.on("error", () => {})
    socket.write(randomBytes(4096))
    await closed(socket)
    await hub.refusal(/^TLS: /)
  })

  test("somebody who hangs up in the middle of the handshake", async () => {
    const socket = connect(hub.port, HOST)
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]), () => socket.resetAndDestroy())
    await hub.refusal(/^it hung up before it was accepted$/)
  })

  describe("with a certificate", () => {
    const dir = mkdtempSync(path.join(tmpdir(), "flame-cert-"))
    afterAll(() => rmSync(dir, { recursive: true }))
    const file = (name: string) => path.join(dir, name)

    test.each(["TLSv1.2", "TLSv1.3"] as const)("TLS without our key, %s", async version => {
      const subject = ["-subj", "/CN=stranger", "-days", "1", "-nodes", "-keyout", file("k"), "-out", file("c")]
      execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", ...subject], {
        stdio: "ignore",
      })
      const tls = { key: readFileSync(file("k")), cert: readFileSync(file("c")), rejectUnauthorized: false }
      const socket = tlsConnect({ host: HOST, port: hub.port, minVersion: version, maxVersion: version, ...tls })
      const [error] = await once(socket, "error")
      expect(error.code).toMatch(/^ERR_SSL|ECONNRESET/)
      await hub.refusal(/^TLS: /)
    })
  })
})

describe("before the upgrade", () => {
  let key: Buffer
  beforeEach(async () => {
    await open()
    key = hub.admit("r", () => expect.unreachable("it was accepted"))
  })

  test.each<[string, Record<string, string>, string, RegExp, RegExp]>([
    ["an Origin", { origin: "https://example.org" }, DATA_PATH, /403/, /^Origin https:\/\/example\.org$/],
    ["an empty Origin", { origin: " " }, DATA_PATH, /403/, /^Origin $/],
    ["another path", {}, "/", /404/, /^unknown path \/$/],
    ["a path that looks like ours", {}, "/v1/data/", /404/, /^unknown path/],
    ["another subprotocol", { "sec-websocket-protocol": "chat" }, DATA_PATH, /400/, /^subprotocol chat$/],
    ["no subprotocol", { "sec-websocket-protocol": "" }, DATA_PATH, /400/, /^subprotocol missing$/],
  ])("%s", async (_name, headers, at, status, why) => {
    expect(await upgrade("r", key, headers, at)).toMatch(status)
    await hub.refusal(why)
  })

  test("a plain request", async () => {
    expect(await upgrade("r", key, { connection: "close", upgrade: "" })).toMatch(/426/)
    await hub.refusal(/^not a WebSocket: GET/)
  })

  test("a WebSocket without its headers", async () => {
    expect(await upgrade("r", key, { "sec-websocket-key": "short" })).toMatch(/400/)
    await hub.refusal(/^bad upgrade/)
  })

  test("a header without end", async () => {
    expect(await upgrade("r", key, { "x-much": "x".repeat(8192) })).toBe("")
    await hub.refusal(/^HTTP: HPE_HEADER_OVERFLOW/)
  })

  test("a key that was revoked between the handshake and the upgrade", async () => {
    const socket = tlsConnect({ host: HOST, port: hub.port, ...pskClientOptions("r", key) })
    await once(socket, "secureConnect")
    hub.keys.delete("r")
    socket.write(`GET ${DATA_PATH} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`)
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 401/)
    await hub.refusal(/^revoked key of r$/)
  })

  test("a TLS session that was resumed, so that nobody proved the key", async () => {
    const first = tlsConnect({ host: HOST, port: hub.port, ...pskClientOptions("r", key) })
    const [session] = await once(first, "session")
    first.destroy()
    await hub.refusal(/^it hung up/)
    const socket = tlsConnect({
      host: HOST,
      port: hub.port,
      ...pskClientOptions("r", key),
      pskCallback: undefined,
      session,
    } as any)
    const outcome = await Promise.race([
      once(socket, "secureConnect").then(() => "resumed"),
      closed(socket).then(() => "refused"),
    ])
    if (outcome === "resumed") {
      socket.write(`GET ${DATA_PATH} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`)
      expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 401/)
      await hub.refusal(/^a socket without a proven identity$/)
    } else await hub.refusal(/^TLS: /)
  })

  test("somebody who is gone before the refusal can be sent", async () => {
    const raw = connect(hub.port, HOST)
    const socket = tlsConnect({ socket: raw, ...pskClientOptions("r", key) })
    socket.on("error", () => {})
    await once(socket, "secureConnect")
    const head = "GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"
    socket.write(head, () => raw.resetAndDestroy())
    await hub.refusal(/^unknown path|^it hung up/)
  })
})

describe("strangers that only take up room", () => {
  test("a socket that sends nothing is dropped after the deadline, before and after TLS", async () => {
    await open({ handshakeMs: 150 })
    const silent = connect(hub.port, HOST)
    await closed(silent)
    await hub.refusal(/^no handshake within 150 ms$/)
    const key = hub.admit("r", () => expect.unreachable("it was accepted"))
    const secure = tlsConnect({ host: HOST, port: hub.port, ...pskClientOptions("r", key) })
    await once(secure, "secureConnect")
    await closed(secure)
    await hub.refusal(/^no handshake within 150 ms$/)
    const slow = tlsConnect({ host: HOST, port: hub.port, ...pskClientOptions("r", key) })
    slow.write(`GET ${DATA_PATH} HTTP/1.1\r\n`)
    await closed(slow)
    await hub.refusal(/^no handshake within 150 ms$/)
  })

  test("over the cap they are dropped at once; accepted ones do not count, and room comes free again", async () => {
    await open({ maxHalfOpen: 3 })
    const waiting = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const socket = connect(hub.port, HOST)
        await once(socket, "connect")
        return socket
      }),
    )
    const fourth = connect(hub.port, HOST)
    await closed(fourth)
    await hub.refusal(/^more than 3 connections wait for a handshake$/)
    for (const socket of waiting) {
      socket.destroy()
      await hub.refusal(/^it hung up before it was accepted$/)
    }
    const links = [await hub.link(), await hub.link(), await hub.link(), await hub.link()]
    for (const link of links) expect(link.parent.connection.open).toBe(true)
  })
})

test("an accepted line is TLS 1.3, and its keys are of this connection alone", async () => {
  await open()
  const key = hub.admit("r", () => {})
  const socket = tlsConnect({ host: HOST, port: hub.port, ...pskClientOptions("r", key) })
  await once(socket, "secureConnect")
  expect(socket.getProtocol()).toBe("TLSv1.3")
  expect(socket.getCipher().name).toBe("TLS_AES_128_GCM_SHA256")
  socket.destroy()
  await hub.refusal("hung-up")
  // The client offers a pre-shared key with an ephemeral exchange only (psk_dhe_ke), so there is no other way.
  const sink = createServer().listen(0, HOST)
  await once(sink, "listening")
  const { port } = sink.address() as AddressInfo
  const caller = tlsConnect({ host: HOST, port, ...pskClientOptions("r", key) })
  caller.on("error", () => {})
  const [taken] = await once(sink, "connection")
  const [clientHello] = await once(taken, "data")
  expect((clientHello as Buffer).includes(Buffer.from([0x00, 0x2d, 0x00, 0x02, 0x01, 0x01]))).toBe(true)
  caller.destroy()
  sink.close()
})

test("an address that is not ours, and a port that is taken, are errors that say what to do", async () => {
  await open()
  const options = { keyOf: () => undefined, accept() {}, refused() {} }
  expect(await thrownBy(Listener.listen({ ...options, host: "192.0.2.1" }))).toMatchObject({
    code: "ERR_FLAME_HOST",
    hint: expect.stringContaining("not an address of this machine"),
  })
  expect(await thrownBy(Listener.listen({ ...options, host: HOST, port: hub.port }))).toMatchObject({
    code: "ERR_FLAME_HOST",
    message: expect.stringContaining("EADDRINUSE"),
  })
})

test("dialling where nobody listens is told apart from a refusal", async () => {
  await open()
  const gone = await TestHub.open()
  const { port } = gone
  gone.close()
  const error = await thrownBy(dial({ host: HOST, port, kind: "data", identity: "r", key: newKey() }))
  expect(error).toMatchObject({ code: "ERR_FLAME_HOST" })
  expect(isRefused(error)).toBe(true)
})
