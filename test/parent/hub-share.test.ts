import { once } from "node:events"
import { connect } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import { type HubSeat, HubShare, type PortUser } from "../../src/parent/hub-share.ts"
import { silentLogger } from "../../src/parent/logger.ts"
import { dial } from "../../src/transport/dial.ts"
import type { AcceptedPeer } from "../../src/transport/listener.ts"
import { newKey } from "../../src/transport/psk.ts"
import type { Refusal } from "../../src/transport/strangers.ts"

const HOST = "127.0.0.1"
const seats: HubSeat[] = []
const share = new HubShare()
afterEach(() => {
  for (const seat of seats.splice(0)) seat.close()
})

/** A pool's end of a port. */
function user(logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } as PortUser["logger"]) {
  const told: Refusal[] = []
  let closing = false
  return {
    logger,
    told,
    refused: (event: Refusal) => void told.push(event),
    closing: () => closing,
    close: () => (closing = true),
  }
}

async function join(one: PortUser = user(), tls = false, ...hosts: string[]): Promise<HubSeat> {
  const seat = await share.join(hosts.length > 0 ? hosts : [HOST], tls, one)
  seats.push(seat)
  return seat
}

const portOf = (seat: HubSeat | undefined): number => seat!.addresses[0]!.port

/** Connects, says what no runner would, and resolves when it has been turned away. */
async function strange(port: number): Promise<void> {
  const socket = connect(port, HOST)
  socket.on("error", () => {})
  socket.end("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
  socket.resume()
  await once(socket, "close")
}

const isOpen = (port: number) =>
  new Promise<boolean>(resolve => {
    const socket = connect(port, HOST)
    socket.once("error", () => resolve(false))
    socket.once("connect", () => resolve(true)).once("connect", () => socket.destroy())
  })

describe("HubShare", () => {
  it("opens one port for all that listen on one address, and another where TLS or the address differ", async () => {
    const [a, b, c] = await Promise.all([join(), join(), join(user(), true)])
    const d = await join(user(), false, "127.0.0.2")
    expect(portOf(a)).toBe(portOf(b))
    expect(portOf(c)).not.toBe(portOf(a))
    expect([a!.tls, c!.tls, a!.addresses[0]!.host, d.addresses[0]!.host]).toEqual([false, true, HOST, "127.0.0.2"])
  })

  it.each([false, true])(
    "tells of a runner that comes too late its own pool alone, and nobody once that has left; tls %s",
    async tls => {
      const [mine, others] = [user(), user()]
      const [a] = await Promise.all([join(mine, tls), join(others, tls)])
      const key = newKey()
      const late = () =>
        dial({ host: HOST, port: portOf(a), tls, kind: "control", identity: "r-1", key, timeoutMs: 5_000 })
      a!.admit("r-1", key, () => {})() // and revoked at once
      await expect(late()).rejects.toThrow()
      expect([mine.told.map(r => r.claimed), others.told]).toEqual([["r-1"], []])
      a!.close()
      await expect(late()).rejects.toThrow()
      expect([mine.told.length, others.told]).toEqual([1, []])
    },
  )

  it("closes it with the last of them; the next one opens another", async () => {
    const [a, b] = await Promise.all([join(), join()])
    const port = portOf(a)
    a!.close()
    a!.close()
    expect(await isOpen(port)).toBe(true)
    b!.close()
    expect(await isOpen(port)).toBe(false)
    const next = await join()
    b!.close() // again: not the port that others have opened since
    expect(portOf(await join())).toBe(portOf(next))
    expect(await isOpen(portOf(next))).toBe(true)
  })

  it("hands each runner to the pool it belongs to, and knows no key of a pool that left", async () => {
    const [a, b] = await Promise.all([join(), join()])
    const keys = { a: newKey(), b: newKey() }
    const accepted: string[] = []
    const peers: AcceptedPeer[] = []
    const take = (name: string) => (peer: AcceptedPeer) => {
      accepted.push(`${name}: ${peer.identity}`)
      peers.push(peer)
    }
    a!.admit("a-1", keys.a, take("a"))
    b!.admit("b-1", keys.b, take("b"))
    expect(() => b!.admit("a-1", newKey(), take("b"))).toThrow(/a-1 is admitted already/)
    const dialled = (identity: string, key: Buffer) =>
      dial({ host: HOST, port: portOf(b), kind: "data", identity, key, tls: false })
    const sockets = [await dialled("a-1", keys.a), await dialled("b-1", keys.b)]
    await vi.waitFor(() => expect(accepted.sort()).toEqual(["a: a-1", "b: b-1"]))
    a!.close()
    await expect(dialled("a-1", keys.a)).rejects.toMatchObject({ code: "ERR_FLAME_HANDSHAKE" })
    sockets.push(await dialled("b-1", keys.b))
    for (const ws of [...sockets, ...peers.map(({ ws }) => ws)]) ws.terminate()
  })

  it("tells every pool of a stranger, once, and one log", async () => {
    const [first, second, silent] = [user(), user(), user(silentLogger)]
    const seat = await join(silent)
    await Promise.all([join(first), join(second)])
    await strange(portOf(seat))
    await vi.waitFor(() => expect(second.told).toHaveLength(1))
    expect([silent.told, first.told, second.told].map(([event]) => event?.reason)).toEqual(["http", "http", "http"])
    expect(first.logger.warn).toHaveBeenCalledTimes(1)
    expect(second.logger.warn).not.toHaveBeenCalled()

    first.close()
    await strange(portOf(seat))
    await vi.waitFor(() => expect(second.told).toHaveLength(2))
    expect(first.told).toHaveLength(1)
    expect(first.logger.warn).toHaveBeenCalledTimes(1)
    expect(second.logger.warn).toHaveBeenCalledTimes(1)
  })

  it("opens a port at each of several addresses, in their order, and shares those that others have", async () => {
    const alone = await join()
    const both = await join(user(), false, "127.0.0.2", HOST)
    expect(both.addresses.map(({ host }) => host)).toEqual(["127.0.0.2", HOST])
    expect(both.addresses[1]).toEqual(alone.addresses[0])
    const key = newKey()
    const ways: string[] = []
    const revoke = both.admit("r-2", key, ({ ws, localAddress }) => {
      ways.push(localAddress)
      ws.terminate()
    })
    for (const address of both.addresses)
      (await dial({ ...address, kind: "data", identity: "r-2", key, tls: false })).terminate()
    await vi.waitFor(() => expect(ways).toEqual(["127.0.0.2", HOST]))
    revoke()
    for (const address of both.addresses)
      await expect(dial({ ...address, kind: "data", identity: "r-2", key, tls: false })).rejects.toThrow(/refused/)
    both.close()
    expect(await isOpen(portOf(alone))).toBe(true)
    await expect(dial({ ...both.addresses[0]!, kind: "data", identity: "r-2", key, tls: false })).rejects.toThrow(
      /nobody/,
    )
  })

  it("leaves out an address that cannot be bound, with a warning, and refuses when there is no other", async () => {
    const nowhere = "192.0.2.1" // of no machine
    const one = user()
    const seat = await join(one, false, nowhere, HOST)
    expect(seat.addresses.map(({ host }) => host)).toEqual([HOST])
    expect(one.logger.warn).toHaveBeenCalledExactlyOnceWith(
      { error: expect.objectContaining({ message: expect.stringContaining(`cannot listen on ${nowhere}`) }) },
      expect.stringContaining("left out"),
    )
    await expect(join(user(), false, nowhere, "192.0.2.77")).rejects.toMatchObject({
      code: "ERR_FLAME_HOST",
      message: expect.stringMatching(/none of the 2 addresses .*\n.*192\.0\.2\.1:0: EADDRNOTAVAIL\n.*192\.0\.2\.77/),
    })
  })

  it("tries an address anew that could not be bound", async () => {
    const nowhere = "192.0.2.1" // of no machine
    await expect(join(user(), false, nowhere)).rejects.toMatchObject({ code: "ERR_FLAME_HOST" })
    await expect(join(user(), false, nowhere)).rejects.toMatchObject({ code: "ERR_FLAME_HOST" })
  })
})
