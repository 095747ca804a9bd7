/** Shaping the cluster's fast network: that the delay and the rate are on the wire, whoever sends, and that nothing stays of them. */

import { once } from "node:events"
import { createServer, type Server, type Socket } from "node:net"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { mustRun, run } from "./command.ts"
import { cluster, inNode, LOGIN_ADDRESS, NODES, onCluster } from "./harness.ts"

/** Dials the test from the node and says back whatever it hears; of what follows an "N" line, only that N bytes have come. */
const ECHO = `
  const [host, port] = process.argv.slice(1)
  const socket = require("node:net").createConnection({ host, port, noDelay: true })
  let left = 0
  socket.on("data", chunk => {
    if (left === 0 && chunk[0] === 78) { left = Number(chunk.subarray(1, 13)); chunk = chunk.subarray(13) } else if (left === 0) return socket.write(chunk)
    left -= chunk.length
    if (left === 0) socket.write("all")
  })
  socket.on("close", () => process.exit(0))
`

onCluster("a shaped network", () => {
  let server: Server
  let line: Socket
  let echo: Promise<unknown>

  beforeAll(async () => {
    server = createServer({ noDelay: true }).listen(0, LOGIN_ADDRESS)
    await once(server, "listening")
    const { port } = server.address() as { port: number }
    const dialled = once(server, "connection")
    echo = inNode("n1", [process.execPath, "-e", ECHO, LOGIN_ADDRESS, String(port)])
    line = ((await dialled) as [Socket])[0]
  })
  afterEach(async () => {
    await cluster("shape", "off")
  })
  afterAll(async () => {
    line.destroy()
    server.close()
    await echo
  })

  async function shape(...args: string[]): Promise<void> {
    expect(await cluster("shape", ...args)).toMatchObject({ code: 0, stderr: "" })
  }

  /** The quickest of some round trips, in ms: a busy machine makes them longer, nothing makes them shorter. */
  async function roundTrip(): Promise<number> {
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 20; i++) {
      const begin = performance.now()
      line.write("x")
      await once(line, "data")
      best = Math.min(best, performance.now() - begin)
    }
    return best
  }

  /** How long this many bytes take to the node, in ms, its answer included. */
  async function transfer(bytes: number): Promise<number> {
    const begin = performance.now()
    line.write(`N${String(bytes).padStart(12)}`)
    line.write(Buffer.alloc(bytes))
    await once(line, "data")
    return performance.now() - begin
  }

  test("a delay of 5 ms each way is 10 ms there and back, on a connection that is older than it", async () => {
    const before = await roundTrip()
    await shape("ib0", "--delay", "5ms")
    expect((await cluster("status")).stdout).toMatch(/^shape: ib0 of n1 n2 n3: 5ms each way \(/m)
    const shaped = await roundTrip()
    expect(shaped).toBeGreaterThanOrEqual(10)
    expect(shaped).toBeLessThan(before + 40)
    await shape("off")
    expect((await cluster("status")).stdout).toMatch(/^shape: none$/m)
    expect(await roundTrip()).toBeLessThan(10)
  })

  test("the login node keeps its address on the link, by which the nodes know it", async () => {
    const address = () => mustRun(["cat", "/sys/class/net/ib0/address"])
    const before = await address()
    for (const args of [["ib0", "--delay", "1ms"], ["off"], ["ib0", "--delay", "2ms"]]) {
      await shape(...args)
      expect(await address()).toBe(before)
    }
  })

  test("whole segments cross it unharmed, and another shape takes its place", async () => {
    await shape("ib0", "--delay", "1ms")
    await transfer(8 << 20)
    await shape("ib0", "--delay", "3ms")
    expect(await roundTrip()).toBeGreaterThanOrEqual(6)
  })

  test("a link that is cut and mended is still shaped, on the same connection", async () => {
    await shape("ib0", "--delay", "5ms")
    await cluster("fail", "n1", "ib")
    line.write("x") // goes to the relay, and there to a link that is down
    const late = once(line, "data")
    expect(await cluster("heal", "n1")).toMatchObject({ code: 0 })
    await late
    expect(await roundTrip()).toBeGreaterThanOrEqual(10)
  })

  test.each([[[]], [["--delay", "1ms"]]])("a rate is not exceeded (and %j)", async delay => {
    await shape("ib0", "--rate", "200mbit", ...delay)
    const bytes = 8 << 20
    // What one burst holds goes out at once.
    expect(await transfer(bytes)).toBeGreaterThan(((bytes - 128 * 1024) * 8) / 200e3)
  })

  test("what is no delay and no rate is refused, and changes nothing", async () => {
    for (const args of [["ib0"], ["ib0", "--delay", "5"], ["ib0", "--rate", "fast"], ["eth0", "--delay", "1ms"]]) {
      expect(await cluster("shape", ...args)).toMatchObject({ code: 2 })
    }
    expect((await cluster("status")).stdout).toMatch(/^shape: none$/m)
  })

  test("down takes it away with the rest", async () => {
    await shape("ib0", "--delay", "1ms", "--rate", "1gbit")
    const files = NODES.map(node => `/run/slurm-flame-cluster/relay-${node}`)
    const relays = (await mustRun(["cat", ...files]))
      .trim()
      .split("\n")
      .map(line => `/proc/${line.split(" ")[0]}/cmdline`)
    expect(await mustRun(["cat", ...relays])).toMatch(/(.*relay\.py.*){3}/)
    try {
      expect(await cluster("down")).toMatchObject({ code: 0 })
      expect((await run(["cat", ...relays])).stdout).toBe("") // no longer there, or dead and not yet taken leave of
      expect(await mustRun(["ip", "-brief", "link"])).not.toMatch(/flame-|ib0/)
    } finally {
      await mustRun(["bash", "scripts/cluster.sh", "up", String(NODES.length)])
    }
    expect((await cluster("status")).stdout).toMatch(/^shape: none$/m)
  })
})
