/**
 * Attacks on the open port by those who have no key, or somebody's old bytes: crowds, slow talkers, replays. All are refused
 * and told once, while 100 calls are in flight on another connection of the same listener.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { type TLSSocket, connect as tlsConnect } from "node:tls"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, test } from "vitest"
import { type DialOptions, dial } from "../../src/transport/dial.ts"
import type { AcceptedPeer } from "../../src/transport/listener.ts"
import { DATA_PATH } from "../../src/transport/protocol.ts"
import { newKey, pskClientOptions } from "../../src/transport/psk.ts"
import { busy, Caller, closed, closing, HOST, serve, TestHub, thrownBy } from "./link.ts"
import { challenged } from "./plain.ts"

let hub: TestHub
let finish: () => Promise<void>
const children: ChildProcess[] = []

async function open(options?: Parameters<typeof TestHub.open>[0]): Promise<void> {
  hub = await TestHub.open(options)
  finish = await busy(hub)
}

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL")
  await finish()
  expect(hub.refusals).toEqual([]) // each was reported once, and looked at
  hub.close()
})

describe("a crowd", () => {
  const CROWD = fileURLToPath(new URL("crowd.mjs", import.meta.url))
  const descriptors = Number(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" })) || 10_000
  const CHILDREN = 5
  /** Less than the accept queue holds: what overflows it is the kernel's to drop, and never gets as far as the listener. */
  const WAVE = 200
  /** 10,000 where processes may have 2,200 descriptors, as almost everywhere. */
  const waves = Math.floor(Math.min(10_000, CHILDREN * (descriptors - 200)) / WAVE)
  const all = waves * WAVE
  const cap = Math.min(1_024, Math.floor(descriptors / 4))

  test(`of ${all} sockets that say nothing: those over the cap are dropped at once, calls go on, room comes free`, async () => {
    const told = { crowd: 0, "hung-up": 0, other: 0 }
    let heard = () => {}
    const until = async (condition: () => boolean) => {
      while (!condition()) {
        await new Promise<void>(resolve => {
          heard = resolve
        })
      }
    }
    await open({
      maxHalfOpen: cap,
      handshakeMs: 600_000,
      refused: ({ reason }) => {
        told[reason === "crowd" || reason === "hung-up" ? reason : "other"] += 1
        heard()
      },
    })
    const link = await hub.link()
    serve(link.runner, { echo: x => x })
    const caller = new Caller(link.parent)
    for (let i = 0; i < CHILDREN; i++) {
      children.push(spawn(process.execPath, [CROWD, HOST, String(hub.port)], { stdio: "pipe" }))
    }
    for (let wave = 0; wave < waves; wave++) {
      const { stdin, stdout } = children[wave % CHILDREN]!
      stdin!.write(`${WAVE}\n`)
      await once(stdout!, "data")
      const here = (wave + 1) * WAVE
      if (here < cap)
        (await hub.link()).runner.ws.terminate() // came after them, so they have been taken as well
      else await until(() => told.crowd === here - cap)
      expect(await caller.call("echo", wave)).toBe(wave)
    }
    for (const child of children.splice(0)) child.kill("SIGKILL")
    await until(() => told["hung-up"] === cap)
    expect(told).toEqual({ crowd: all - cap, "hung-up": cap, other: 0 }) // each of them once
    const newcomer = await hub.link()
    expect(newcomer.parent.connection.open).toBe(true)
  }, 60_000)
})

describe("slow talkers, one byte at a time, are dropped at the deadline", () => {
  const MANY = 20
  /** Goes on until the other end has had enough. The pace is the attacker's; nothing here waits for it. */
  function drip(socket: Socket | TLSSocket, bytes: Buffer): Promise<void> {
    let at = 0
    const pace = setInterval(() => {
      if (at < bytes.length && socket.writable) socket.write(bytes.subarray(at, ++at))
    }, 5)
    return closed(socket).finally(() => clearInterval(pace))
  }

  const header = Buffer.from(`GET ${DATA_PATH} HTTP/1.1\r\nhost: x\r\n${"x-a: b\r\n".repeat(400)}`)

  test.each<[string, boolean, () => Promise<Socket | TLSSocket>, () => Promise<Buffer>]>([
    ["a TLS handshake", true, async () => connect(hub.port, HOST), clientHello],
    ["a header behind TLS", true, secure, async () => header],
    ["a header without TLS", false, async () => connect(hub.port, HOST), async () => header],
    ["a proof", false, answering, async () => Buffer.concat([Buffer.from([0x81, 0xfe, 4, 0]), Buffer.alloc(4_096)])],
  ])("%s", async (_what, tls, socket, bytes) => {
    await open({ tls, handshakeMs: 500 })
    const slow = await bytes()
    await Promise.all(Array.from({ length: MANY }, async () => drip(await socket(), slow)))
    for (let i = 0; i < MANY; i++) await hub.refusal("deadline")
  })

  async function secure(): Promise<TLSSocket> {
    const key = hub.keys.get("slow") ?? hub.admit("slow", () => expect.unreachable("it was accepted"))
    const socket = tlsConnect({ host: HOST, port: hub.port, ...pskClientOptions("slow", key) })
    await once(socket, "secureConnect")
    return socket
  }

  async function answering(): Promise<Socket> {
    const { ws } = await challenged(hub.port)
    return (ws as unknown as { _socket: Socket })._socket
  }

  /** The first bytes of a TLS client, as a server that never answers sees them. */
  async function clientHello(): Promise<Buffer> {
    const sink = createServer().listen(0, HOST)
    await once(sink, "listening")
    const { port } = sink.address() as AddressInfo
    const client = tlsConnect({ host: HOST, port, ...pskClientOptions("slow", newKey()) })
    client.on("error", () => {})
    const [server] = (await once(sink, "connection")) as [Socket]
    const [bytes] = await once(server, "data")
    client.destroy()
    sink.close()
    return bytes
  }
})

describe.each([true, false])("replays, tls: %s", tls => {
  const reason = tls ? "tls" : "proof"

  /** Relays one connection to the listener, and keeps what the client said, read by read. */
  async function recorder(): Promise<{ port: number; said: Buffer[] }> {
    const said: Buffer[] = []
    const relay = createServer(client => {
      const server = connect(hub.port, HOST)
      client.on("data", bytes => said.push(bytes)).pipe(server)
      server.pipe(client)
      for (const end of [client, server]) end.on("error", () => {})
      relay.close()
    }).listen(0, HOST)
    await once(relay, "listening")
    return { port: (relay.address() as AddressInfo).port, said }
  }

  /** An honest runner's first flight, recorded; and its connection, which is accepted. */
  async function flight() {
    await open({ tls })
    const accepted: AcceptedPeer[] = []
    const key = hub.admit("r", peer => void accepted.push(peer))
    const { port, said } = await recorder()
    const options: DialOptions = { host: HOST, port, kind: "data", identity: "r", key, tls }
    const ws = await dial(options)
    expect(accepted).toHaveLength(1)
    return { said, accepted, ws, options: { ...options, port: hub.port } }
  }

  async function replay(reads: readonly Buffer[]): Promise<void> {
    const socket = connect(hub.port, HOST)
    const over = closed(socket)
    let ended = false
    void over.then(() => {
      ended = true
    })
    for (const bytes of reads) {
      const answered = once(socket, "data").catch(() => {})
      socket.write(bytes)
      await Promise.race([answered, over])
      if (ended) break
    }
    socket.resume()
    await over
  }

  test("read by read, while the one it was taken from is still connected", async () => {
    const { said, accepted, ws } = await flight()
    await replay(said)
    expect(await hub.refusal(reason)).toMatch(tls ? /^TLS: / : /a replay/)
    expect(accepted).toHaveLength(1)
    expect(ws.readyState).toBe(ws.OPEN)
    ws.terminate()
  })

  test("in one piece, when it is gone", async () => {
    const { said, accepted, ws } = await flight()
    ws.terminate()
    await closing(ws)
    await replay([Buffer.concat(said)])
    await hub.refusal(reason)
    expect(accepted).toHaveLength(1)
  })

  test("when the key is revoked; what was accepted before is for its owner to end", async () => {
    const { said, accepted, ws, options } = await flight()
    hub.keys.delete("r")
    await replay(said)
    await hub.refusal(reason)
    expect(await thrownBy(dial(options))).toMatchObject({ code: "ERR_FLAME_HANDSHAKE" })
    await hub.refusal(reason)
    expect(accepted).toHaveLength(1)
    ws.ping()
    await once(ws, "pong")
    ws.terminate()
  })
})
