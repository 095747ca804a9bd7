/**
 * A message that names channels and has itself to wait for a large one before it: what is said on those channels in the meantime
 * waits too, or the peer hears of channels that it does not know and ends the line.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads"
import { afterEach, beforeEach, expect, test } from "vitest"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import type { Packet } from "../../src/transport/connection.ts"
import { Outbox } from "../../src/transport/outbox.ts"
import { outgoing } from "../../src/transport/outgoing.ts"
import { Kind } from "../../src/transport/packet.ts"
import { Caller, deferred, type Link, serve, TestHub } from "./link.ts"

let hub: TestHub
let link: Link

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
})
afterEach(() => hub.close())

const array = () => new Float64Array(2 ** 20)
const lineEnd = () => Promise.race([link.parent.over, link.runner.over])

test("a port posted behind a large message, with a word on it already", async () => {
  const word = deferred<unknown>()
  new ComlinkPort(link.runner.session.raw, true).addEventListener("message", ({ data }) => {
    ;(data as { port?: MessagePort }).port?.on("message", word.resolve)
  })
  const { port1, port2 } = new MessageChannel()
  port1.postMessage("word")
  const raw = new ComlinkPort(link.parent.session.raw, true)
  raw.postMessage(array())
  raw.postMessage({ port: port2 })
  expect(await Promise.race([word.promise, lineEnd()])).toBe("word")
  port1.close()
})

test("a port in a result that waits for what a callback was given", async () => {
  serve(link.runner, {
    give(callback: any) {
      void callback(array())
      const { port1, port2 } = new MessageChannel()
      port1.postMessage("word")
      return port2
    },
  })
  const port: any = await Promise.race([new Caller(link.parent).call("give", () => {}), lineEnd()])
  const word = deferred<unknown>()
  port.on("message", word.resolve)
  expect(await word.promise).toBe("word")
  port.close()
})

test("a call of a callback with a signal that is aborted at once, behind a large one", async () => {
  const controller = new AbortController()
  serve(link.runner, {
    async use(callback: any) {
      const first = callback(array())
      const second = callback(1, controller.signal)
      controller.abort("enough")
      return [await first, await second]
    },
  })
  const callback = (value: any, signal?: AbortSignal) =>
    signal
      ? new Promise(resolve =>
          signal.aborted ? resolve(signal.reason) : signal.addEventListener("abort", () => resolve(signal.reason)),
        )
      : value.length
  expect(await Promise.race([new Caller(link.parent).call("use", callback), lineEnd()])).toEqual([2 ** 20, "enough"])
})

test("one that is abandoned before it has begun takes along what waits on its channels", async () => {
  const sent: Packet[] = []
  const wire = { send: (packet: Packet) => void sent.push(packet), credit: 0, together: (fn: () => void) => fn() }
  const outbox = new Outbox(wire, 0)
  const large = (opened: number[]) => outgoing(4, true, "0", [{ bytes: new Uint8Array(2 ** 17), owned: true }], opened)
  const first = large([])
  const second = large([8])
  outbox.send(first)
  outbox.send(second)
  outbox.send(outgoing(8, true, '"names another"', [], [10]))
  outbox.post(10, Kind.plain, '"on the other"')
  outbox.post(8, Kind.plain, '"on the first"')
  outbox.post(4, Kind.plain, '"stays"')
  expect(outbox.abandon(second.bulk!)).toBe(true)
  expect(outbox.abandon(first.bulk!)).toBe(true)
  outbox.pump()
  const entries = sent.flatMap(packet => JSON.parse(String(packet)))
  expect(entries.filter((_, i) => i % 3 === 0)).toEqual([Kind.begin, Kind.abandon, Kind.plain])
  expect(entries.slice(6)).toEqual([Kind.plain, 4, "stays"])
  await outbox.emptied() // nothing is left behind that would never be sent
})
