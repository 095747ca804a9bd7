import { describe, expect, it, vi } from "vitest"
import type { Call } from "../../src/parent/call.ts"
import type { CallLimits } from "../../src/parent/call-options.ts"
import { Lease } from "../../src/parent/lease.ts"
import type { Resumption } from "../../src/parent/resumption.ts"
import type { PoolRunner } from "../../src/parent/runner.ts"
import { OptionError, ReleasedError, RunnerDrainingError, RunnerLostError } from "../../src/shared/errors.ts"

interface Api {
  train(x: number): Promise<string>
}

/** It is only asked whether there is one. */
const RESUMPTION = { begun: false, over() {} } as unknown as Resumption

/** A lease on a runner that takes calls and does nothing with them. */
function setUp() {
  const runner = {
    id: "r-1",
    state: "ready",
    info: { id: "r-1" },
    endpoint: { postMessage() {} },
    lostError: (started: boolean) => new RunnerLostError("gone", "r-1", "crashed", started),
    run: vi.fn((_call: Call, _notStarted: () => void) => {}),
  }
  const host = {
    release: vi.fn(),
    terminate: vi.fn(async () => {}),
    timeoutMs: Number.POSITIVE_INFINITY,
    resumption: vi.fn((_operation: object, limits: CallLimits) => limits.resumable && RESUMPTION),
    goesOn: vi.fn((_call: Call) => {}),
  }
  const lease = new Lease<Api>(runner as unknown as PoolRunner, host)
  return { runner, host, lease }
}

describe("a lease", () => {
  it("sends its calls to its runner", () => {
    const { lease, runner } = setUp()
    expect(lease.id).toBe("r-1")
    expect(lease.info).toBe(runner.info)
    expect(lease.endpoint).toBe(runner.endpoint)
    lease.api.train(1)
    lease.with({ timeout: "5m" }).train(2)
    expect(runner.run.mock.calls.map(([call]) => call.name)).toEqual(["train", "train"])
  })

  it("checks limits when they are given", () => {
    expect(() => setUp().lease.with({ timeout: "soon" as never })).toThrow(OptionError)
  })

  it("is given back once", async () => {
    const { lease, host } = setUp()
    await lease.release()
    await lease.release()
    await lease[Symbol.asyncDispose]()
    expect(host.release.mock.calls).toEqual([[lease]])
    expect(await lease.closed).toBe(lease.info) // nobody waits for ever
  })

  it.each<[string, (lease: Lease<Api>) => unknown, RegExp]>([
    ["given back", lease => lease.release(), /was released/],
    ["ended with its job", lease => lease.terminate(), /was terminated/],
    ["lost", lease => lease.end("lost its state when the worker crashed", lease.info), /it lost its state/],
  ])("that was %s serves nothing any more", async (_how, end, why) => {
    const { lease, runner } = setUp()
    await end(lease)
    const call = lease.api.train(1)
    await expect(call).rejects.toThrow(ReleasedError)
    await expect(call).rejects.toThrow(/^train: the lease on runner r-1 is over.*\n.*spawn\(\) another one/)
    await expect(call).rejects.toThrow(why)
    expect(() => lease.endpoint).toThrow(ReleasedError)
    expect(runner.run).not.toHaveBeenCalled()
  })

  it("tells when it ended, and keeps the first reason", async () => {
    const { lease } = setUp()
    const info = { id: "r-1", state: "gone" } as never
    lease.end("ended with its runner", info)
    lease.end("something else", lease.info)
    expect(await lease.closed).toBe(info)
    await expect(lease.api.train(1)).rejects.toThrow(/it ended with its runner/)
  })

  it("on a runner that is gone says so, and how", async () => {
    const { lease, runner } = setUp()
    runner.state = "gone"
    await expect(lease.api.train(1)).rejects.toMatchObject({ reason: "crashed", started: false })
  })

  it("has no port once the worker is gone", () => {
    const { lease, runner } = setUp()
    runner.endpoint = undefined as never
    expect(() => lease.endpoint).toThrow(RunnerLostError)
  })

  it.each<[string, (set: ReturnType<typeof setUp>) => unknown, Function]>([
    ["because the runner drains", () => {}, RunnerDrainingError],
    ["because the runner is gone", ({ runner }) => (runner.state = "gone"), RunnerLostError],
    ["because the lease is over", ({ lease }) => lease.release(), ReleasedError],
  ])("fails a call that never began, %s", async (_why, happen, error) => {
    const set = setUp()
    const call = set.lease.api.train(1)
    await happen(set)
    set.runner.run.mock.calls[0]![1]()
    await expect(call).rejects.toThrow(error as never)
    await expect(call).rejects.toMatchObject({ retryable: true })
  })
})

describe("a resumable call of a lease", () => {
  it.each<[string, (set: ReturnType<typeof setUp>) => unknown]>([
    ["the runner drains", () => {}],
    ["the runner is gone", ({ runner }) => (runner.state = "gone")],
    ["the lease was given back", ({ lease }) => lease.release()],
    ["the worker crashed", ({ lease }) => lease.end("lost its state when the worker crashed", lease.info)],
  ])("is the pool's when %s", async (_why, happen) => {
    const set = setUp()
    set.lease.with({ resumable: true }).train(1)
    const [call, again] = set.runner.run.mock.calls[0]! as unknown as [Call, (failed: boolean) => void]
    await happen(set)
    again(false)
    expect(set.host.goesOn.mock.calls).toEqual([[call]])
    expect(call.settled).toBe(false)
  })

  it("is the lease's while that can serve it: a retry", () => {
    const { lease, runner, host } = setUp()
    lease.with({ resumable: true, retries: 1 }).train(1)
    const [call, again] = runner.run.mock.calls[0]! as unknown as [Call, (failed: boolean) => void]
    again(true)
    expect(runner.run.mock.calls.map(([call]) => call)).toEqual([call, call])
    expect(host.goesOn).not.toHaveBeenCalled()
  })

  it("ends with the runner that its holder ends", async () => {
    const { lease, runner, host } = setUp()
    const call = lease.with({ resumable: true }).train(1)
    await lease.terminate()
    const [, again] = runner.run.mock.calls[0]! as unknown as [Call, (failed: boolean) => void]
    again(false)
    await expect(call).rejects.toThrow(ReleasedError)
    expect(host.goesOn).not.toHaveBeenCalled()
  })

  it("comes too late when the lease is over", async () => {
    const { lease, host } = setUp()
    await lease.release()
    await expect(lease.with({ resumable: true }).train(1)).rejects.toThrow(/`resumable` go on without it once/)
    expect(host.goesOn).not.toHaveBeenCalled()
  })
})
