/** One resumable call: what it is sent with, when it goes on elsewhere, and when not. */
import { setImmediate as turn } from "node:timers/promises"
import { describe, expect, it, vi } from "vitest"
import { Call, type CallOutcome, type CallTarget } from "../../src/parent/call.ts"
import { lostError } from "../../src/parent/lost-error.ts"
import { MemoryCheckpoints } from "../../src/parent/memory-checkpoints.ts"
import { Resumption } from "../../src/parent/resumption.ts"
import type { GoneReason } from "../../src/shared/errors.ts"
import { RunnerLostError } from "../../src/shared/errors.ts"
import type { Marks } from "../../src/transport/protocol.ts"
import type { RpcClient, Waiter } from "../../src/transport/rpc-client.ts"

type Limits = Parameters<typeof Call.begin>[1]
type Save = (state: unknown) => Promise<void>

interface Sent {
  args: unknown[]
  save: Save
  marks: Marks
  waiter: Waiter
}

function target(runnerId: string) {
  const sent: Sent[] = []
  const client = {
    apply: vi.fn((_path: string[], args: unknown[], waiter: Waiter, marks: Marks) => {
      sent.push({ args, save: args.at(-1) as Save, marks, waiter })
      return sent.length
    }),
    cancel: vi.fn(),
  }
  const where = { exports: ["train"], names: new Set(["train"]), runnerId, jobId: "7", node: "n1" }
  return { client, sent, to: { ...where, client: client as unknown as RpcClient } satisfies CallTarget }
}

function scene(limits: Partial<Limits> = {}, attempts = 3) {
  const resumed = vi.fn()
  const host = { checkpoints: new MemoryCheckpoints(), resumed, left: vi.fn() }
  const resumption = new Resumption("train", undefined, { attempts }, host)
  const all = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined, ...limits }
  const { call, promise } = Call.begin({ kind: "apply", path: ["train"], args: [1, "x"] }, all, resumption)
  const failed = promise.then(
    () => expect.fail("it should have failed"),
    (error: any) => error,
  )
  failed.catch(() => {})
  /** Sends it, and says how it left. */
  const send = async ({ to, sent }: ReturnType<typeof target>) => {
    const before = sent.length
    const outcome = new Promise<CallOutcome>(resolve => call.send(to, resolve))
    for (let i = 0; i < 10 && sent.length === before; i++) await turn()
    return { outcome, sent: sent.at(-1)! }
  }
  const end = async (sent: Sent, outcome: Promise<CallOutcome>, ...how: [unknown, boolean?, boolean?]) => {
    sent.waiter.reject(...how)
    sent.waiter.done()
    const result = await outcome
    if (result !== "over") call.unsend()
    return result
  }
  return { call, promise, failed, send, end, resumed }
}

const lost = (reason: GoneReason) => lostError("r-1", reason, true, {})

describe("a resumable call", () => {
  it("is sent with its mark, and with its state and what keeps a newer one behind its arguments", async () => {
    const { send, end, promise } = scene()
    const [one, two] = [target("r-1"), target("r-2")]
    const first = await send(one)
    expect(first.sent.marks).toEqual({ resumable: true, attempt: 1 })
    expect(first.sent.args).toEqual([1, "x", undefined, expect.any(Function)])
    await first.sent.save({ epoch: 3 })
    expect(await end(first.sent, first.outcome, lost("walltime"))).toBe("interrupted")
    const second = await send(two)
    expect(second.sent.marks).toEqual({ resumable: true, attempt: 2 })
    expect(second.sent.args).toEqual([1, "x", { epoch: 3 }, expect.any(Function)])
    second.sent.waiter.resolve("model")
    second.sent.waiter.done()
    expect(await promise).toBe("model")
  })

  it.each([
    "walltime",
    "preempted",
    "node-fail",
    "out-of-memory",
    "requeued",
    "network",
    "connection-lost",
    "crashed",
    "cancelled",
    "parent-gone",
    "single-use",
    "scale",
  ] as const)("goes on when its runner is lost to %s", async reason => {
    const { send, end } = scene()
    const { sent, outcome } = await send(target("r-1"))
    expect(await end(sent, outcome, lost(reason))).toBe("interrupted")
  })

  it.each(["close", "terminated"] as const)("is lost with a runner that was ended on purpose: %s", async reason => {
    const { send, end, failed } = scene()
    const { sent, outcome } = await send(target("r-1"))
    expect(await end(sent, outcome, lost(reason))).toBe("over")
    expect(await failed).toMatchObject({ reason, message: expect.stringMatching(/^train was lost: /) })
  })

  it("goes on when it was interrupted, and rejects with an error of its own", async () => {
    const { send, end, failed } = scene()
    const first = await send(target("r-1"))
    expect(await end(first.sent, first.outcome, new Error("draining"), false, true)).toBe("interrupted")
    const second = await send(target("r-2"))
    const own = new RangeError("of its own")
    expect(await end(second.sent, second.outcome, own)).toBe("over")
    expect(await failed).toBe(own)
  })

  it("with one attempt, and an error of its own, is not said to be lost", async () => {
    const { send, end, failed } = scene({}, 1)
    const { sent, outcome } = await send(target("r-1"))
    const own = new RangeError("of its own")
    await end(sent, outcome, own)
    expect(await failed).toBe(own)
  })

  it("is given up with what it was lost to when it does not get on, and uses no retry for that", async () => {
    const retries = { times: 5, on: new Set(["ERR_FLAME_RUNNER_LOST", "ECONNRESET"]) }
    const { send, end, failed } = scene({ retries }, 2)
    for (const [i, expected] of (["interrupted", "over"] as const).entries()) {
      const { sent, outcome } = await send(target(`r-${i}`))
      expect(await end(sent, outcome, lost("preempted"))).toBe(expected)
    }
    expect(await failed).toMatchObject({
      reason: "preempted",
      message: expect.stringMatching(/begun 2 times in a row/),
    })
  })

  it("is retried for its own errors besides, and goes on from its state then as well", async () => {
    const { send, end, resumed } = scene({ retries: { times: 1, on: new Set(["ECONNRESET"]) } })
    const first = await send(target("r-1"))
    await first.sent.save("half")
    expect(await end(first.sent, first.outcome, Object.assign(new Error("x"), { code: "ECONNRESET" }))).toBe("failed")
    const second = await send(target("r-1"))
    expect(second.sent.args[2]).toBe("half")
    expect(resumed).not.toHaveBeenCalled() // its runner was not lost
  })

  it("one that is not resumable is lost when it ends since its runner drains, and is retried as such", async () => {
    const retries = { times: 1, on: new Set(["ERR_FLAME_RUNNER_LOST"]) }
    const limits = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined, retries }
    const { call, promise } = Call.begin({ kind: "apply", path: ["train"], args: [] }, limits)
    const { sent, to } = target("r-1")
    const outcome = new Promise<CallOutcome>(resolve => call.send(to, resolve))
    const error = new Error("the runner is draining")
    sent[0]!.waiter.reject(error, false, true)
    sent[0]!.waiter.done()
    expect(await outcome).toBe("failed")
    call.unsend()
    call.send(to, () => {})
    sent[1]!.waiter.reject(error, false, true)
    const lost = await promise.then(
      () => expect.unreachable(),
      (thrown: RunnerLostError) => thrown,
    )
    expect(lost).toBeInstanceOf(RunnerLostError)
    expect(lost).toMatchObject({ runnerId: "r-1", started: true, cause: error, hint: lost.evidence.advice })
    expect(lost.message).toMatch(/^train was lost: runner r-1 .*is gone: /)
    expect(lost.message.match(/hint:/g)).toHaveLength(1)
    expect(sent[0]!.marks).toBeUndefined()
  })

  it("cannot go on where its arguments can be sent once", async () => {
    const { send, end, failed } = scene()
    const { sent, outcome } = await send(target("r-1"))
    sent.waiter.spends?.()
    expect(await end(sent, outcome, lost("walltime"))).toBe("over")
    expect(await failed).toMatchObject({ message: expect.stringMatching(/^train was lost: /) })
  })

  it("settles once when it is given up while what it goes on from is being read, and cancels nobody's call", async () => {
    const stop = new AbortController()
    const { call, send, end, failed } = scene({ signal: stop.signal })
    const first = await send(target("r-1"))
    await end(first.sent, first.outcome, lost("walltime"))
    const two = target("r-2")
    const outcome = new Promise<CallOutcome>(resolve => call.send(two.to, resolve))
    stop.abort()
    expect(two.client.cancel.mock.calls.every(([id]) => id === 0)).toBe(true)
    expect(await failed).toMatchObject({ code: "ERR_FLAME_CALL_ABORTED", started: true })
    expect(await outcome).toBe("over")
    expect(two.sent).toEqual([])
  })

  it("says that it cannot go on, and why, when there is no runner for it", async () => {
    const { call, send, end, failed } = scene()
    const { sent, outcome } = await send(target("r-1"))
    await sent.save(1)
    await end(sent, outcome, new Error("the runner is draining"), false, true)
    const none = new Error("no runner comes up")
    call.resign(none)
    expect(await failed).toMatchObject({
      code: "ERR_FLAME_RUNNER_LOST",
      cause: none,
      message: expect.stringMatching(
        /^train cannot go on from its checkpoint \(the last one is of .*\): no runner comes up/,
      ),
    })
  })
})
