/**
 * After 100,000 calls with callbacks, and many of each other kind that opens something: no channel is left, and the heap is as
 * it was. With LEAKS=full in the environment there are 100,000 of each.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { MessageChannel } from "node:worker_threads"
import * as Comlink from "comlink"
import { afterAll, beforeAll, expect, test } from "vitest"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { proxy } from "../../src/transport/proxy.ts"
import { Caller, type Link, type Side, serve, TestHub } from "./link.ts"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

let hub: TestHub
let link: Link
let caller: Caller
let served: ReturnType<typeof serve>
let raw: any

const port = (side: Side) => new ComlinkPort(side.session.raw, true) as unknown as Comlink.Endpoint
const target = { twice: (f: any) => f(1), n: 1 }

beforeAll(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  served = serve(link.runner, {
    twice: async (f: any) => await f(1),
    nothing: () => undefined,
    listen: (signal: AbortSignal) => signal.aborted,
    fail: () => {
      throw Object.assign(new RangeError("no"), { cause: new Error("why"), code: "E" })
    },
    *stream() {
      yield 1
      yield 2
    },
    object: () => proxy({ n: () => 1 }),
    port: (p: any) => p.close(),
  })
  served.signals.push = () => 0 // the helper would keep all of them
  Comlink.expose(target, port(link.runner))
  raw = Comlink.wrap(port(link.parent))
  caller = new Caller(link.parent)
})
afterAll(() => hub.close())

/** Bytes of heap in use, when what can be collected has been. */
async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    gc()
    await new Promise(setImmediate) // finalizers have their turn between two collections
  }
  return process.memoryUsage().heapUsed
}

const { signal } = new AbortController()
const swallow = (error: unknown) => error

/** How many calls are enough where each takes longer. */
const many = (usually: number) => (process.env.LEAKS === "full" ? 100_000 : usually)

/** What is done, and how often. */
const work: [name: string, times: number, once: () => Promise<unknown>][] = [
  ["calls with a callback", 100_000, () => caller.call("twice", (n: number) => n)],
  ["calls with an AbortSignal that all share", many(10_000), () => caller.call("listen", signal)],
  [
    "calls with an AbortSignal of their own",
    many(10_000),
    () => caller.call("listen", { in: new AbortController().signal }),
  ],
  ["calls that throw", many(2_000), () => caller.call("fail").catch(swallow)],
  [
    "streams",
    many(2_000),
    async () => {
      for await (const _ of await caller.call("stream"));
    },
  ],
  [
    "streams that are left",
    many(2_000),
    async () => {
      for await (const _ of await caller.call("stream")) break
    },
  ],
  [
    "proxies that are released",
    many(2_000),
    async () => {
      const object = await caller.call("object")
      await object.n()
      object[Comlink.releaseProxy]()
    },
  ],
  ["ports that are closed", many(1_000), () => caller.call("port", new MessageChannel().port2)],
  ["calls with a callback through Comlink", many(10_000), () => raw.twice((n: number) => n)],
]

test.each(work)(
  "%s",
  async (_name, times, once) => {
    const round = async (n: number) => {
      for (let i = 0; i < n; i += 100) await Promise.all(Array.from({ length: 100 }, once))
      await caller.call("nothing")
    }
    await round(500)
    const before = await heap()
    await round(times)
    expect([link.parent.session.size, link.runner.session.size]).toEqual([2, 2])
    expect([served.open(), caller.client.pending]).toEqual([0, 0])
    const allowed = 2 ** 19 + 16 * times
    let grown = Number.POSITIVE_INFINITY
    // What has a finalizer takes more than one collection; what leaks is there however often it is looked for.
    for (let i = 0; i < 10 && grown > allowed; i++) grown = (await heap()) - before
    expect(grown, `${Math.round(grown / times)} bytes for each`).toBeLessThan(allowed)
  },
  300_000,
)
