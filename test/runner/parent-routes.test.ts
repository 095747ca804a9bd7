/** Where a line is dialled when the parent may have moved. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { ParentRoutes } from "../../src/runner/parent-routes.ts"
import { ParentSeeker } from "../../src/runner/parent-seeker.ts"
import type { Endpoint } from "../../src/shared/address.ts"

const GREETING = { tls: false, kind: "data", identity: "r", key: Buffer.alloc(32), timeoutMs: 2_000 } as const

let dir: string
let servers: Server[]
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "routes-test-"))
  servers = []
})
afterEach(() => {
  for (const server of servers) server.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Somebody who hangs up at once: counts who came. */
async function stranger(): Promise<{ address: Endpoint; calls: () => number }> {
  let calls = 0
  const server = createServer(socket => {
    calls += 1
    socket.destroy()
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  return { address: { host: "127.0.0.1", port }, calls: () => calls }
}

it("are those of the file, as soon as it names others, and those of the start while there is none", async () => {
  const [first, second, third] = [await stranger(), await stranger(), await stranger()]
  const file = join(dir, "parent.json")
  const seeker = new ParentSeeker({ file, forMs: 1_000 }, [first.address])
  const routes = new ParentRoutes([first.address], [], seeker)
  await expect(routes.dial(GREETING)).rejects.toThrow()
  expect([first.calls(), second.calls(), third.calls()]).toEqual([1, 0, 0])
  const addresses = [second.address, third.address]
  writeFileSync(file, JSON.stringify({ epoch: 2, addresses }))
  await expect(routes.dial(GREETING)).rejects.toThrow()
  expect([first.calls(), second.calls(), third.calls()]).toEqual([1, 1, 1])
  expect(routes.addresses).toEqual(addresses)
})
