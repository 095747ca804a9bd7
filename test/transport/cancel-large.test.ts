/** Giving up a call whose argument, or whose answer, is so large that it is still on its way. */

import type { Socket } from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { MessageChannel } from "node:worker_threads"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { WebSocket } from "ws"
import { INLINE_BYTES, Kind } from "../../src/transport/packet.ts"
import { proxy } from "../../src/transport/proxy.ts"
import { transfer } from "../../src/transport/transfer.ts"
import { Caller, deferred, type Link, type Side, serve, TestHub } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
let served: ReturnType<typeof serve>
let ran: number
const api: Record<string, (...args: any[]) => unknown> = { echo: x => x, take: () => ++ran }

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  served = serve(link.runner, api)
  caller = new Caller(link.parent)
  ran = 0
})
afterEach(() => hub.close())

const MiB = 2 ** 20
const array = () => new Float64Array(8 * MiB).fill(1)
const forms: [string, (array: Float64Array) => Float64Array][] = [
  ["copied", x => x],
  ["transferred", x => transfer(x)],
]
const sizes = () => [link.parent.session.size, link.runner.session.size]
const written = (side: Side) => (side.ws as WebSocket & { _socket: Socket })._socket.bytesWritten

/** Resolves when `side` has received `n` more packets. */
async function packets(side: Side, n: number): Promise<void> {
  const until = side.line.received + n
  while (side.line.received < until) await new Promise(setImmediate)
}

/** The line is whole, nothing is open on it, and no function ran. */
async function asBefore(): Promise<void> {
  expect(await caller.call("echo", "after")).toBe("after")
  expect(sizes()).toEqual([2, 2])
  expect([caller.client.pending, served.open(), ran]).toEqual([0, 0, 0])
}

describe.each(forms)("an argument of 64 MiB, %s", (_name, pass) => {
  test.each([0, 1, 5])("is abandoned after %i packets: the function never runs, the slot is free", async n => {
    const before = written(link.parent)
    const { done, id } = caller.track("take", pass(array()))
    await packets(link.runner, n)
    caller.client.cancel(id, "enough")
    await done
    await asBefore()
    expect(written(link.parent) - before).toBeLessThan(16 * MiB)
  })

  test("takes what it came with along: callbacks, signals, streams, proxies and ports", async () => {
    const ended = deferred()
    const source = new ReadableStream({ cancel: () => ended.resolve() })
    const { port1, port2 } = new MessageChannel()
    const closed = deferred()
    port1.once("close", closed.resolve)
    const { signal } = new AbortController()
    const { done, id } = caller.track("take", pass(array()), { all: [() => 1, signal, source, proxy({ n: 1 }), port2] })
    await packets(link.runner, 3)
    expect(link.parent.session.size).toBe(7)
    caller.client.cancel(id, "enough")
    await Promise.all([done, closed.promise, ended.promise])
    await asBefore()
  })

  test("leaves others that are on their way alone", async () => {
    api.sum = (x: Float64Array) => x.reduce((a, b) => a + b, 0)
    const first = caller.call("sum", pass(array()))
    const { done, id } = caller.track("take", pass(array()))
    const last = caller.call("sum", pass(array()))
    await packets(link.runner, 6)
    caller.client.cancel(id, "enough")
    await done
    expect(await Promise.all([first, last])).toEqual([8 * MiB, 8 * MiB])
    await asBefore()
  })
})

test("an argument that has arrived is not abandoned: the function hears of it, and the slot is its own", async () => {
  const started = deferred()
  const gate = deferred()
  const told = deferred<unknown>()
  api.hold = async () => {
    const signal = served.signals.at(-1)!
    signal.addEventListener("abort", () => told.resolve(signal.reason))
    started.resolve()
    await gate.promise
  }
  let over = false
  const { done, id, answer } = caller.track("hold", transfer(array()))
  void done.then(() => {
    over = true
  })
  await started.promise
  caller.client.cancel(id, "enough")
  expect(await told.promise).toBe("enough")
  expect(await caller.call("echo", 1)).toBe(1)
  expect([over, served.open()]).toEqual([false, 1])
  gate.resolve()
  await Promise.all([answer, done])
  await asBefore()
})

test("an answer that is on its way when it is given up frees the slot when it is here, and the line goes on", async () => {
  api.give = () => {
    async function* stream() {
      for (;;) yield 1
    }
    return { large: array(), stream: stream() }
  }
  const { answer, done, id } = caller.track("give")
  await packets(link.parent, 3)
  caller.client.cancel(id, "enough")
  expect(await caller.call("echo", 1)).toBe(1)
  expect((await answer).large).toHaveLength(8 * MiB)
  await done // the stream in it was ended, though nobody had begun it
  await asBefore()
})

test("5,000 abandoned messages leave nothing at the other end", async () => {
  const large = new Uint8Array(INLINE_BYTES + 1)
  for (let i = 0; i < 5_000; i++) caller.client.cancel(caller.track("take", large).id, "enough")
  await asBefore()
})

test("nor do two million channels that were to be named in such messages", async () => {
  const { parent, ws } = await hub.stranger()
  const perMessage = 32_768
  for (let i = 0; i < 64; i++) {
    const channels = Array.from({ length: perMessage }, (_, k) => 3 + 2 * (i * perMessage + k))
    ws.send(JSON.stringify([Kind.begin, 0, [i + 1, 1, [1e5], channels], Kind.abandon, 0, i + 1]))
  }
  ws.send(JSON.stringify([Kind.plain, 1, "after"]))
  const after = await Promise.race([new Promise(resolve => parent.session.raw.receive(resolve)), parent.over])
  expect(after).toBe("after")
})

test("an argument that has been sent is not kept while its function runs", async () => {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  const started = deferred()
  const gate = deferred()
  api.hold = () => {
    started.resolve()
    return gate.promise
  }
  const held = () => {
    gc()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  const answer = caller.call("hold", transfer(array()))
  await started.promise
  await link.parent.line.drained()
  while (held() - before > 8 * MiB) await new Promise(setImmediate)
  gate.resolve()
  await answer
})
