/** Several addresses of one parent, some of which lead nowhere: in which order they are tried, and what is said of them. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import type { WebSocket } from "ws"
import { Hub } from "../../src/parent/hub.ts"
import { Routes } from "../../src/runner/routes.ts"
import type { Endpoint } from "../../src/shared/address.ts"
import { isRefused } from "../../src/transport/dial.ts"
import { newKey } from "../../src/transport/psk.ts"
import type { Refusal } from "../../src/transport/strangers.ts"

const KEY = newKey()
const GREETING = { kind: "control", identity: "r-1", key: KEY, tls: true } as const

const hubs: Hub[] = []
const sockets: (WebSocket | Socket)[] = []
const servers: Server[] = []
const children: ChildProcess[] = []
afterEach(() => {
  for (const hub of hubs.splice(0)) hub.close()
  for (const one of sockets.splice(0)) "terminate" in one ? one.terminate() : one.destroy()
  for (const server of servers.splice(0)) server.close()
  for (const child of children.splice(0)) child.kill("SIGKILL")
})

/** A parent that admits the runner; `came` counts those who proved the key. */
async function parent(key = KEY) {
  const refused: Refusal[] = []
  const hub = await Hub.open("127.0.0.1", event => refused.push(event))
  hubs.push(hub)
  const seen = { address: hub.addresses[0], came: 0, refused }
  hub.admit("r-1", key, ({ ws }) => {
    seen.came += 1
    sockets.push(ws)
  })
  return seen
}

/** An address at which nobody listens: a port that was just given back. */
async function nobody(): Promise<Endpoint> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, "close")
  return { host: "127.0.0.1", port }
}

/** A host that takes connections and says nothing, as a parent does whose loop is blocked. */
async function silent() {
  let came = 0
  const server = createServer(socket => {
    came += 1
    sockets.push(socket.on("error", () => {}))
  }).listen(0, "127.0.0.1")
  servers.push(server)
  await once(server, "listening")
  return { address: { host: "127.0.0.1", port: (server.address() as { port: number }).port }, came: () => came }
}

/** An address from which no packet comes back: a listener that stands still, whose queue is full. Linux drops what comes then. */
async function blackHole(): Promise<Endpoint> {
  const program =
    "const s = require('net').createServer().listen({ host: '127.0.0.2', port: 0, backlog: 1 }, () => console.log(s.address().port))"
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] })
  children.push(child)
  const [line] = await once(child.stdout!, "data")
  child.kill("SIGSTOP")
  const address = { host: "127.0.0.2", port: Number(line) }
  for (;;) {
    const socket = connect(address.port, address.host).on("error", () => {})
    sockets.push(socket)
    const full = new Promise<boolean>(resolve => {
      socket.once("connect", () => resolve(false))
      setTimeout(resolve, 500, true) // what is not dropped on loopback is there in a millisecond
    })
    if (await full) return address
  }
}

async function dial(routes: Routes, timeoutMs = 10_000): Promise<WebSocket> {
  const ws = await routes.dial({ ...GREETING, timeoutMs })
  sockets.push(ws)
  return ws
}

const failure = async (routes: Routes, timeoutMs?: number): Promise<Error> =>
  await dial(routes, timeoutMs).then(
    () => expect.fail("it was reached"),
    error => error,
  )

const show = ({ host, port }: Endpoint) => `${host}:${port}`

describe("Routes", () => {
  it("takes the first address that leads there, and that one first from then on", async () => {
    const [no, a, b] = [await nobody(), await parent(), await parent()]
    const routes = new Routes([no, a.address, b.address], [])
    await dial(routes)
    expect(routes.addresses).toEqual([a.address, no, b.address])
    await dial(routes)
    expect([a.came, b.came]).toEqual([2, 0])
  })

  it("does not wait for an address from which nothing comes back as long as an attempt may take", async () => {
    const [hole, there] = [await blackHole(), await parent()]
    const routes = new Routes([hole, there.address], [])
    const began = performance.now()
    await dial(routes)
    const took = performance.now() - began
    expect(took).toBeGreaterThan(2_000) // a lost packet is sent again: the better network has a moment for it
    expect(took).toBeLessThan(8_000)
    expect(routes.addresses).toEqual([there.address, hole])
  })

  it("goes back to the others when the one that worked is dead", async () => {
    const [first, second] = [await parent(), await parent()]
    const routes = new Routes([first.address, second.address], [])
    await dial(routes)
    hubs[0]!.close()
    await dial(routes)
    expect([first.came, second.came]).toEqual([1, 1])
    hubs[1]!.close()
    expect(isRefused(await failure(routes))).toBe(true)
  })

  it("waits for a host that took the connection: a parent that is busy is no reason to take the slower network", async () => {
    const [busy, there] = [await silent(), await parent()]
    const routes = new Routes([busy.address, there.address], [])
    const attempt = dial(routes, 4_000)
    await new Promise(resolve => setTimeout(resolve, 3_200))
    expect([busy.came(), there.came]).toEqual([1, 0])
    await attempt // when that attempt has taken its time, the other is tried
    expect(there.came).toBe(1)
  })

  it("passes by another machine that has the parent's address in its own network", async () => {
    const [other, there] = [await parent(newKey()), await parent()]
    await dial(new Routes([other.address, there.address], []))
    expect([other.came, there.came]).toEqual([0, 1])
  })

  it("tells what became of each address when none leads there", async () => {
    const [hole, no, busy] = [await blackHole(), await nobody(), await silent()]
    const error = await failure(new Routes([hole, no, busy.address], []), 3_000)
    expect(error).toMatchObject({ code: "ERR_FLAME_HOST" })
    expect(error.message.split("\n").slice(0, 4)).toEqual([
      "cannot reach the parent at any of its 3 addresses:",
      `  - ${show(hole)}: no answer within 3s`,
      `  - ${show(no)}: refused: nobody listens there (ECONNREFUSED)`,
      `  - ${show(busy.address)}: no answer within 3s`,
    ])
    expect(isRefused(error)).toBe(false) // it may be worth another try
  })

  it("is sure that the parent is gone when nobody listens at any address, or all refuse", async () => {
    const refused = await failure(new Routes([await nobody(), await nobody()], []))
    expect(refused).toMatchObject({ code: "ERR_FLAME_HOST", message: expect.stringMatching(/any of its 2 addresses/) })
    expect(isRefused(refused)).toBe(true)
    const [a, b] = [await parent(newKey()), await parent(newKey())]
    expect(await failure(new Routes([a.address, b.address], []))).toMatchObject({
      code: "ERR_FLAME_HANDSHAKE",
      message: expect.stringMatching(/any of its 2 addresses:(\n {2}- the parent at \S+ refused this runner.*){2}/),
    })
    expect(isRefused(await failure(new Routes([a.address, await nobody()], [])))).toBe(true)
  })

  it("says of a single address what it always said", async () => {
    const no = await nobody()
    expect((await failure(new Routes([no], []))).message).toMatch(
      new RegExp(`^cannot reach the parent at ${show(no)}: refused: nobody listens there`),
    )
  })

  it("dials IPv6 from the address of its network", async () => {
    const hub = await Hub.open("::1", () => {})
    hubs.push(hub)
    hub.admit("r-1", KEY, ({ ws, remoteAddress }) => {
      sockets.push(ws)
      expect(remoteAddress).toBe("::1")
    })
    const { addresses } = hub
    await dial(new Routes(addresses, ["127.0.0.1", "::1"]))
    hub.close()
    expect((await failure(new Routes(addresses, ["::1"]))).message).toContain(`[::1]:${addresses[0].port} from ::1`)
  })
})
