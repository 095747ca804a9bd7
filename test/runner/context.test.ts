/** Which call `currentCall()` is, before and after somebody loads what can ask. The order matters: a process is one runner. */
import { setImmediate as turn } from "node:timers/promises"
import { expect, it, vi } from "vitest"
import { WorkerContext } from "../../src/runner/worker/context.ts"
import { type CallContext, callContext, runnerContext } from "../../src/shared/context.ts"
import { StateError } from "../../src/shared/errors.ts"
import { RpcRequest } from "../../src/transport/rpc-request.ts"
import { deferred } from "../transport/link.ts"

const context = new WorkerContext({
  t: "init",
  runnerId: "r-1",
  pool: "p",
  jobId: "7",
  node: "n",
  tmpdir: "/tmp/x",
} as never)

/** A call of `fn` as the worker runs it. */
function call<T>(fn: () => Promise<T>): { request: RpcRequest; answer: Promise<T> } {
  const request = new RpcRequest()
  context.begin(request)
  const answer = context.runCall(request, fn).finally(() => context.end(request))
  return { request, answer }
}

/** A module that has no static import of `slurm-flame/runner`, and loads it when somebody calls it. */
async function lateImport(): Promise<typeof callContext> {
  const { currentCall } = await import("../../src/runner/index.ts")
  return currentCall
}

/** As before anybody loaded it. */
function loadAnew(): void {
  vi.resetModules()
  const globals = globalThis as unknown as Record<symbol, { followed: boolean }>
  globals[Symbol.for("slurm-flame.runner")]!.followed = false
}

const OUTSIDE = /^currentCall\(\) was called outside a call\n.*import slurm-flame\/runner at the top of the module/

it("is nobody where none runs", () => {
  expect(runnerContext()).toBe(context)
  expect(callContext).toThrow(StateError)
  expect(callContext).toThrow(OUTSIDE)
})

it("costs a call nothing while nobody can ask", async () => {
  const { request, answer } = call(async () => turn())
  expect(context.serving).toBe(1)
  await answer
  expect(request.inContext).toBe(new RpcRequest().inContext) // no context of its own was made
  expect(context.serving).toBe(0)
})

it("is refused, with what to do, where two run that nobody followed; and found by the one that is left", async () => {
  const loaded = deferred()
  const other = deferred()
  const one = call(async () => {
    const currentCall = await lateImport()
    expect(currentCall).toThrow(OUTSIDE)
    loaded.resolve()
    await other.promise
    expect(currentCall().signal).toBe(one.request.signal)
  })
  const two = call(async () => {
    await loaded.promise
    expect(callContext).toThrow(OUTSIDE)
  })
  await two.answer
  other.resolve()
  await one.answer
})

it("is found by a call that ran alone when it was loaded, the same one each time, on every way it goes", async () => {
  loadAnew()
  const next = deferred()
  const late = call(async () => {
    await turn()
    const currentCall = await lateImport()
    const ways = await Promise.all([turn().then(currentCall), turn().then(currentCall), currentCall()])
    expect(new Set(ways).size).toBe(1)
    next.resolve()
    await turn()
    expect(currentCall()).toBe(ways[0])
    return currentCall()
  })
  await next.promise
  // One that begins later is followed, and the first one is still found beside it.
  const later = call(async () => callContext())
  const [found, another] = await Promise.all([late.answer, later.answer])
  expect(found.signal).toBe(late.request.signal)
  expect(another.signal).toBe(later.request.signal)
  expect(found.id).not.toBe(another.id)
})

it("is each call's own from then on, and of nobody that is in none, however many run", async () => {
  const gates = [deferred(), deferred()]
  const seen = [deferred<CallContext>(), deferred<CallContext>()]
  const calls = [0, 1].map(i =>
    call(async () => {
      const first = callContext()
      seen[i]!.resolve(first)
      await gates[i]!.promise
      expect(callContext()).toBe(first)
      return first
    }),
  )
  const [a, b] = await Promise.all(seen.map(s => s.promise))
  expect(a!.id).not.toBe(b!.id)
  expect([a!.signal, b!.signal]).toEqual(calls.map(c => c.request.signal))
  gates[0]!.resolve()
  await calls[0]!.answer
  // One is left, and this test is no part of it: what runs beside it, in a timer say, must not be taken for it.
  expect(callContext).toThrow(OUTSIDE)
  gates[1]!.resolve()
  await calls[1]!.answer
  expect(context.serving).toBe(0)
})

it("is the call whose listener runs when its caller gives up", async () => {
  const aborted = deferred<CallContext>()
  const { request, answer } = call(async () => {
    callContext().signal.addEventListener("abort", () => aborted.resolve(callContext()))
    await aborted.promise
    return callContext()
  })
  request.abort("enough")
  expect(await aborted.promise).toBe(await answer)
})
