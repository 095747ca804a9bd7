/** The supervisor's line, with a parent that is played: when its silence is taken for a cut. */
import { randomUUID } from "node:crypto"
import { afterEach, expect, it } from "vitest"
import type { WebSocket } from "ws"
import { Hub } from "../../src/parent/hub.ts"
import { ControlLink } from "../../src/runner/supervisor/control-link.ts"
import { PROTOCOL_VERSION, type SupervisorMessage } from "../../src/transport/protocol.ts"
import { newKey } from "../../src/transport/psk.ts"

const HEARTBEAT_MS = 20

const sockets: WebSocket[] = []
let hub: Hub | undefined
afterEach(() => {
  hub?.close() // nobody listens: the supervisors give up
  hub = undefined
  for (const ws of sockets.splice(0)) ws.terminate()
})

/** A supervisor whose parent is the test: says `first` in a ping with its welcome, and nothing more. */
async function supervised(first: string | undefined) {
  hub ??= await Hub.open("127.0.0.1", () => {})
  const open = hub
  const runnerId = randomUUID()
  const key = newKey()
  const dials = { count: 0 }
  let redialled!: () => void
  const again = new Promise<void>(resolve => {
    redialled = resolve
  })
  open.admit(runnerId, key, ({ ws, greeted }) => {
    sockets.push(ws)
    dials.count += 1
    ws.once("message", data => {
      const hello = JSON.parse(String(data)) as SupervisorMessage & { t: "hello" }
      greeted()
      if (hello.resume) {
        ws.send(JSON.stringify({ t: "resumed", received: 0 }))
        redialled()
        return
      }
      const times = {
        heartbeatMs: HEARTBEAT_MS,
        silenceMs: 60_000,
        orphanGraceMs: 0,
        unlinkedGraceMs: 0,
        reconnectMs: 60_000,
        log: false,
      }
      ws.send(JSON.stringify({ t: "welcome", v: PROTOCOL_VERSION, line: "a".repeat(32), ...times }))
      if (first !== undefined) ws.ping(first)
    })
  })
  const boot = {
    v: 1,
    runnerId,
    pool: "p",
    addresses: open.addresses,
    tls: true,
    key: key.toString("base64"),
  } as const
  await ControlLink.open(
    boot,
    [],
    { jobId: "1", node: "n" },
    { message() {}, writable() {}, resumed() {}, doubt() {}, lost() {} },
  )
  return { dials, again }
}

it("makes another connection when three heartbeats did not come, and waits longer for a parent that announced a pause", async () => {
  const patient = await supervised("3600000")
  const others = await Promise.all([supervised(undefined), supervised(""), supervised("soon"), supervised("1e9")])
  await Promise.all(others.map(({ again }) => again))
  await Promise.all((await Promise.all([supervised("1"), supervised("-5")])).map(({ again }) => again)) // and once more
  expect(patient.dials.count).toBe(1)
})

it("makes another connection when the announced pause was longer than announced", async () => {
  const { again } = await supervised(`${3 * HEARTBEAT_MS}`)
  await again
})
