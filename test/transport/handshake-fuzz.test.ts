/**
 * Thousands of broken handshakes: each is refused and told once, nothing crashes, hangs or grows, and the 100 calls of an
 * accepted connection go on. For longer: `FUZZ_INPUTS=1000000 FUZZ_SEED=7 npx vitest run --project unit
 * test/transport/handshake-fuzz.test.ts`.
 */
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { connect as tlsConnect } from "node:tls"
import { expect, test } from "vitest"
import { newKey, pskClientOptions } from "../../src/transport/psk.ts"
import type { RefusalReason } from "../../src/transport/strangers.ts"
import { Fuzzer, send } from "../fuzz/handshake.ts"
import { busy, HOST, TestHub } from "./link.ts"

const INPUTS = Number(process.env.FUZZ_INPUTS ?? 3_000)
const SEED = Number(process.env.FUZZ_SEED ?? 1)
const AT_ONCE = 40

/** The first flight of a real client with a key that is not known. */
async function clientHello(): Promise<Buffer> {
  const sink = createServer().listen(0, HOST)
  await once(sink, "listening")
  const client = tlsConnect({
    host: HOST,
    port: (sink.address() as AddressInfo).port,
    ...pskClientOptions("r", newKey()),
  })
  client.on("error", () => {})
  const [server] = await once(sink, "connection")
  const [bytes] = await once(server, "data")
  client.destroy()
  sink.close()
  return bytes
}

const memory = () => {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test.each([true, false])(
  `${INPUTS / 2} broken handshakes, seed ${SEED}, tls: %s`,
  async tls => {
    const told = new Map<RefusalReason, number>()
    let accepted = 0
    const hub = await TestHub.open({
      tls,
      handshakeMs: 10_000,
      refused: ({ reason, why, from }) => {
        expect(why).toMatch(/^[^\p{C}]{1,200}$/u)
        expect(from).toMatch(/:\d+$|gone/)
        told.set(reason, (told.get(reason) ?? 0) + 1)
      },
    })
    const finish = await busy(hub)
    hub.admit("r", () => accepted++)
    const fuzzer = new Fuzzer(SEED, await clientHello())
    const before = memory()
    let sent = 0
    const one = async (): Promise<void> => {
      while (sent < INPUTS / 2) {
        sent += 1
        await send(HOST, hub.port, fuzzer.input(tls))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
    await hub.link() // whoever came before has been dealt with
    const sum = [...told.values()].reduce((a, b) => a + b, 0)
    expect({ accepted, sum, reasons: Object.fromEntries(told) }).toMatchObject({ accepted: 0, sum: sent })
    expect(told.get("deadline")).toBeUndefined() // somebody who has said all of it is answered, not waited for
    expect(memory() - before).toBeLessThan(200 * 2 ** 20)
    expect(told.size).toBeGreaterThan(tls ? 1 : 4) // the inputs reach more than the first check
    await finish()
    hub.close()
  },
  20_000 + INPUTS * 10,
)
