import { AsyncLocalStorage } from "node:async_hooks"
import { expect, it, vi } from "vitest"
import { type CallContext, callContext, inRunner, installContext, runnerContext } from "../../src/shared/context.ts"
import { StateError } from "../../src/shared/errors.ts"

// The order matters: a process becomes a runner once and stays one.
it("says outside a runner that there is none, and what to test first", () => {
  expect(inRunner()).toBe(false)
  expect(runnerContext).toThrow(StateError)
  expect(runnerContext).toThrow(/outside a runner\n.*`isRunner`/)
  expect(callContext).toThrow(/currentCall\(\) was called outside a call\n.*hint/)
})

it("is the same for every copy of the library in the process", async () => {
  const runner = { id: "r-1" }
  const calls = new AsyncLocalStorage<CallContext>()
  const globals = { runner: runner as never, calls }
  installContext(globals)
  vi.resetModules()
  const copy = await import("../../src/shared/context.ts")
  expect(copy.runnerContext).not.toBe(runnerContext)
  expect(copy.runnerContext()).toBe(runner)
  expect(copy.inRunner()).toBe(true)
  const call = { id: 1, signal: new AbortController().signal } as CallContext
  expect(calls.run(call, () => copy.callContext())).toBe(call)
  expect(() => copy.callContext()).toThrow(/outside a call/) // in a runner, but in no call of it
  expect(() => installContext(globals)).toThrow(/one runner context/)
})
