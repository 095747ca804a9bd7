/** What a drain of a worker waits for, in which order. */
import { expect, test, vi } from "vitest"
import { OpenWork } from "../../src/runner/worker/open-work.ts"
import type { Held } from "../../src/transport/held.ts"
import { RpcRequest } from "../../src/transport/rpc-request.ts"

const tell = vi.fn()
const turn = () => new Promise(setImmediate)

/** A held object that is over when it is let go, and its call with it. */
function held(work: OpenWork, request: RpcRequest): { object: Held; gone: () => number } {
  let gone = 0
  const object: Held = {
    onOver() {},
    async letGo() {
      gone += 1
      work.end(request)
    },
  }
  return { object, gone: () => gone }
}

async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => {
    done = true
  })
  await turn()
  return done
}

test("calls first; then what is held is let go", async () => {
  const work = new OpenWork(tell)
  const [call, placed] = [new RpcRequest(), new RpcRequest()]
  work.begin(call)
  work.begin(placed)
  const { object, gone } = held(work, placed)
  work.holds(placed, [object])
  const drained = work.drained(false, 60_000)
  expect(await isDone(drained)).toBe(false)
  expect(gone()).toBe(0)
  work.end(call)
  await drained
  expect(gone()).toBe(1)
})

test("nothing open is nothing to wait for", async () => {
  const work = new OpenWork(tell)
  const request = new RpcRequest()
  work.begin(request)
  work.end(request)
  await work.drained(false, 60_000)
  await work.drained(true, 60_000)
})

test("without a parent, what does not belong to it is let live until it ends", async () => {
  const work = new OpenWork(tell)
  const placed = new RpcRequest({ unlinked: true })
  work.begin(placed)
  const { object, gone } = held(work, placed)
  work.holds(placed, [object])
  const drained = work.drained(true, 60_000)
  expect(await isDone(drained)).toBe(false)
  work.end(placed)
  await drained
  expect(gone()).toBe(0)
})

test("or until a fifth of the time is left: then it is let go", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
  const work = new OpenWork(tell)
  const placed = new RpcRequest({ unlinked: true })
  work.begin(placed)
  const { object, gone } = held(work, placed)
  work.holds(placed, [object])
  const drained = work.drained(true, 1_000)
  await turn()
  vi.advanceTimersByTime(799)
  await turn()
  expect(gone()).toBe(0)
  vi.advanceTimersByTime(1)
  await drained
  expect(gone()).toBe(1)
  vi.useRealTimers()
})

test("tells of the first unlinked call and of the end of the last", () => {
  tell.mockClear()
  const work = new OpenWork(tell)
  const [one, two, linked] = [new RpcRequest({ unlinked: true }), new RpcRequest({ unlinked: true }), new RpcRequest()]
  for (const request of [linked, one, two]) work.begin(request)
  work.end(one)
  work.end(linked)
  expect(tell.mock.calls).toEqual([[true]])
  work.end(two)
  expect(tell.mock.calls).toEqual([[true], [false]])
})
