/** Which call `currentCall()` is. The order matters: a process is one runner. */
import { setImmediate as turn } from "node:timers/promises"
import { expect, it } from "vitest"
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
  return { request, answer: context.runCall(request, fn) }
}

it("is nobody where none runs", () => {
  expect(runnerContext()).toBe(context)
  expect(callContext).toThrow(StateError)
})

it("is the call itself, the same one on every way it goes", async () => {
  const { request, answer } = call(async () => {
    const first = callContext()
    await turn()
    const ways = await Promise.all([turn().then(callContext), turn().then(callContext), callContext()])
    expect(new Set([first, ...ways]).size).toBe(1)
    return first
  })
  expect((await answer).signal).toBe(request.signal)
})

it("is each call's own, and of nobody that is in none, however many run", async () => {
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
  expect(callContext).toThrow(/outside a call/)
  gates[1]!.resolve()
  await calls[1]!.answer
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
