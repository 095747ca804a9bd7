/** What a user holds of an object on a runner: its calls, its placement, and what happens when nobody holds it any more. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { afterEach, beforeEach, expect, test } from "vitest"
import type { CallTarget } from "../../src/parent/call.ts"
import { handleOn, holdingOf } from "../../src/parent/held-object.ts"
import { HeldObjects } from "../../src/parent/held-objects.ts"
import { lostError } from "../../src/parent/lost-error.ts"
import { placement } from "../../src/parent/placed.ts"
import { ConnectionError, RunnerDrainingError } from "../../src/shared/errors.ts"
import type { Marks } from "../../src/transport/protocol.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { Caller, deferred, type Link, TestHub, thrownBy } from "../transport/link.ts"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

let hub: TestHub
let link: Link
let caller: Caller
let disposed: number
const until = { resolve() {} }

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  disposed = 0
  new RpcServer(link.runner.session.root, {
    apply: () => ({
      ping: () => "pong",
      wait: () =>
        new Promise<string>(resolve => {
          until.resolve = () => resolve("waited")
        }),
      fail() {
        throw new RangeError("no")
      },
      async *count() {
        yield 1
        yield 2
      },
      [Symbol.dispose]: () => void disposed++,
    }),
    get() {},
  })
  caller = new Caller(link.parent)
  const target = {
    client: caller.client,
    exports: [],
    names: new Set<string>(),
    runnerId: "r1",
    jobId: "7",
    node: "n1",
  }
  link.parent.session.holder = object => handleOn(object, target satisfies CallTarget)
})
afterEach(() => hub.close())

/** A handle; `over` tells when the slot of its call would be free. */
async function open(marks: Marks = { place: true }, held?: HeldObjects) {
  const over = deferred()
  let free = false
  void over.promise.then(() => {
    free = true
  })
  const handle = await new Promise<any>((resolve, reject) => {
    const holds = (objects: Parameters<HeldObjects["add"]>[0]) => held?.add(objects)
    caller.client.apply(["make"], [], { resolve, reject, holds, done: over.resolve }, marks)
  })
  return { handle, over: over.promise, free: () => free }
}

/** Collects until `done`, or so often that it would have been. */
async function collect(done: () => boolean, times = 100): Promise<void> {
  for (let i = 0; i < times && !done(); i++) {
    gc()
    await new Promise(setImmediate)
  }
}

test("calls go to the object, its errors say where they were thrown, its streams can be read at once", async () => {
  const { handle } = await open()
  expect(await handle.ping()).toBe("pong")
  const items: number[] = []
  for await (const item of handle.count()) items.push(item)
  expect(items).toEqual([1, 2])
  const error = await thrownBy(handle.fail())
  expect(error).toBeInstanceOf(RangeError)
  expect(error.remote).toMatchObject({ runnerId: "r1", jobId: "7", node: "n1" })
  expect(await thrownBy(handle.nothing())).toMatchObject({ code: "ERR_FLAME_NO_EXPORT" })
  expect(placement(handle).runner).toEqual({ id: "r1", jobId: "7", node: "n1" })
})

test("a handle that is collected is released", async () => {
  const { over, free } = await open()
  await collect(free)
  await over
  expect(disposed).toBe(1)
})

/** What of a handle is kept, and how it is used; all else of it is out of reach when this is over. */
const parts: [string, (handle: any) => unknown, (part: any) => Promise<unknown>, unknown][] = [
  ["a method on its own", handle => handle.ping, ping => ping(), "pong"],
  ["its placement", placement, async ({ runner }) => runner.id, "r1"],
  [
    "a call under way",
    handle => ({ answer: handle.wait() }),
    async ({ answer }) => {
      until.resolve()
      return await answer
    },
    "waited",
  ],
]
test.each(parts)("what leads to the handle keeps it: %s", async (_, part, use, expected) => {
  const kept = new Map<string, unknown>()
  const opened = async () => {
    const { handle, over, free } = await open()
    kept.set("part", part(handle))
    return { over, free }
  }
  const { over, free } = await opened()
  await collect(free, 10)
  expect(free()).toBe(false)
  expect(await use(kept.get("part"))).toBe(expected)
  kept.clear()
  await collect(free)
  await over
  expect(disposed).toBe(1)
})

test("one that is kept is not released by its collection", async () => {
  const held = new HeldObjects()
  const { over, free } = await open({ place: true, unlinked: true }, held)
  await collect(free, 10)
  expect([free(), held.size]).toEqual([false, 1])
  held.close()
  await over
  expect([disposed, held.size]).toEqual([1, 0])
})

test("objects are known until they are over; those that come when the pool closes are released at once", async () => {
  const held = new HeldObjects()
  const first = await open({ place: true }, held)
  const second = await open({ place: true }, held)
  expect(held.size).toBe(2)
  await first.handle[Symbol.asyncDispose]()
  expect(held.size).toBe(1)
  held.close()
  await second.over
  const late = await open({ place: true }, held)
  await late.over
  expect([disposed, held.size]).toEqual([3, 0])
  expect(await thrownBy(late.handle.ping())).toMatchObject({ code: "ERR_FLAME_RELEASED", retryable: true })
})

const lost = lostError("r1", "walltime", true, { jobId: "7" })
test.each([
  ["lost", lost, { code: "ERR_FLAME_RUNNER_LOST", reason: "walltime", started: true }],
  [
    "drained",
    new RunnerDrainingError("drained", "r1", { cause: lost }),
    { code: "ERR_FLAME_RUNNER_LOST", reason: "walltime" },
  ],
  ["cut off", new ConnectionError("cut"), { code: "ERR_FLAME_RUNNER_LOST", reason: "connection-lost", runnerId: "r1" }],
])("with its runner %s the placement is lost, and each who asks hears it", async (_, reason, expected) => {
  const { handle } = await open()
  const before = placement(handle)
  link.parent.session.fail(reason)
  const [one, two] = [await thrownBy(before.closed), await thrownBy(placement(handle).closed)]
  expect(one).toMatchObject(expected)
  expect(two).toMatchObject(expected)
  expect(one).not.toBe(two)
  await before.release() // there is nothing left to do
})

test("only handles are handles", () => {
  for (const value of [undefined, 1, {}, () => {}]) expect(holdingOf(value)).toBe(undefined)
})
