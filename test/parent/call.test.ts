import { describe, expect, it, vi } from "vitest"
import { Call, type CallOutcome, type CallTarget } from "../../src/parent/call.ts"
import {
  CallAbortedError,
  NoExportError,
  NotSerializableError,
  RunnerDrainingError,
  RunnerLostError,
} from "../../src/shared/errors.ts"
import type { RpcClient, Waiter } from "../../src/transport/rpc-client.ts"

const NO_LIMITS = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined }

/** A runner that answers when it is told to. */
function target(part: Partial<RpcClient> = {}) {
  const sent: { path: string[]; args: readonly unknown[] | undefined; waiter: Waiter }[] = []
  const client = {
    apply: vi.fn((path: string[], args: readonly unknown[], waiter: Waiter) => sent.push({ path, args, waiter })),
    get: vi.fn((path: string[], waiter: Waiter) => sent.push({ path, args: undefined, waiter })),
    cancel: vi.fn(),
    ...part,
  }
  const exports = ["train", "models", "models.load"]
  const where = { exports, names: new Set(exports), runnerId: "r-1", jobId: "77", node: "n3" }
  return { client, sent, target: { ...where, client: client as unknown as RpcClient } satisfies CallTarget }
}

/** Sends `call`, and says how it left the slot; a slot that is left twice is a fault of its own. */
function send(call: Call, to: CallTarget): Promise<CallOutcome> {
  return new Promise((resolve, reject) => {
    let times = 0
    call.send(to, outcome => {
      if (++times > 1) reject(new Error("the slot was left twice"))
      else resolve(outcome)
    })
  })
}

function makeCall(
  path = ["train"],
  limits: Parameters<typeof Call.begin>[1] = NO_LIMITS,
  kind: "apply" | "get" = "apply",
) {
  const { call, promise } = Call.begin(kind === "get" ? { kind, path } : { kind, path, args: [1] }, limits)
  return Object.assign(call, { promise })
}

const failure = (call: ReturnType<typeof makeCall>) =>
  call.promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error as Error,
  )

describe("a call", () => {
  it("is sent once, and holds its slot until the remote work is over, not only answered", async () => {
    const { sent, target: to } = target()
    const call = makeCall()
    expect(call).toMatchObject({ name: "train", started: false, settled: false })
    const settled = vi.fn()
    call.onSettled(settled)
    let free = false
    const slot = send(call, to).then(outcome => {
      free = true
      return outcome
    })
    expect(sent).toMatchObject([{ path: ["train"], args: [1] }])
    expect(call.started).toBe(true)
    sent[0]!.waiter.resolve("model")
    expect(await call.promise).toBe("model")
    expect(settled).toHaveBeenCalledTimes(1)
    expect(free).toBe(false)
    sent[0]!.waiter.done()
    expect(await slot).toBe("over")
    call.fail(new Error("too late"))
    expect(await call.promise).toBe("model")
    const late = vi.fn()
    call.onSettled(late)
    expect(late).toHaveBeenCalledTimes(1)
  })

  it("keeps its limits while a stream in its result is open, and not longer", async () => {
    const controller = new AbortController()
    const { sent, client, target: to } = target()
    const call = makeCall(["train"], { timeoutMs: 60_000, signal: controller.signal })
    const slot = send(call, to)
    sent[0]!.waiter.resolve("a stream")
    expect(await call.promise).toBe("a stream")
    const why = new Error("enough")
    controller.abort(why)
    expect(client.cancel).toHaveBeenCalledWith(1, why, expect.any(CallAbortedError))
    expect(vi.mocked(client.cancel).mock.calls[0]![2]).toMatchObject({ started: true, cause: why })
    sent[0]!.waiter.done()
    expect(await slot).toBe("over")

    const later = new AbortController()
    const over = makeCall(["train"], { timeoutMs: 60_000, signal: later.signal })
    void send(over, to)
    sent[1]!.waiter.resolve("a stream")
    sent[1]!.waiter.done()
    later.abort(why)
    expect(client.cancel).toHaveBeenCalledTimes(1)
  })

  it("reads data by the same way", async () => {
    const { sent, target: to } = target()
    const call = makeCall(["models"], NO_LIMITS, "get")
    void send(call, to)
    expect(sent).toMatchObject([{ path: ["models"], args: undefined }])
    sent[0]!.waiter.resolve(5)
    expect(await call.promise).toBe(5)
  })

  it.each([[["models", "load"]], [["models", "loda"]]])(
    "to %j goes to the runner, which knows what is inside",
    path => {
      const { sent, target: to } = target()
      void send(makeCall(path), to)
      expect(sent).toHaveLength(1)
    },
  )

  it("to a name that is not there is sent to nobody", async () => {
    const { sent, target: to } = target()
    const call = makeCall(["trian"])
    expect(await Promise.all([send(call, to), failure(call)])).toEqual(["over", expect.any(NoExportError)])
    expect(sent).toEqual([])
    expect((await failure(call)).stack).toMatch(/\n {4}-- awaited --\n +at async Promise\.all.*\n +at .*call\.test\.ts/)
  })

  it("with an argument that cannot cross frees its slot", async () => {
    const error = new NotSerializableError("arguments[0]", "no")
    const { target: to } = target({
      apply: () => {
        throw error
      },
    })
    const call = makeCall()
    expect(await send(call, to)).toBe("over")
    expect(await failure(call)).toBe(error)
    expect(error.stack).toMatch(/call\.test\.ts/)
  })
})

describe("a call whose caller gave up", () => {
  it("before it was sent is never sent", async () => {
    const { sent, target: to } = target()
    const abort = new AbortController()
    const call = makeCall(["train"], { ...NO_LIMITS, signal: abort.signal })
    abort.abort("enough")
    expect(await failure(call)).toBeInstanceOf(CallAbortedError)
    expect(await send(call, to)).toBe("over")
    expect(sent).toEqual([])
  })

  it("while it runs is free at once; its slot when the work has ended", async () => {
    const { sent, client, target: to } = target()
    const abort = new AbortController()
    const call = makeCall(["train"], { ...NO_LIMITS, signal: abort.signal })
    const slot = send(call, to)
    abort.abort("enough")
    expect(await failure(call)).toMatchObject({ name: "AbortError", started: true, cause: "enough" })
    expect(client.cancel).toHaveBeenCalledWith(1, "enough", expect.any(CallAbortedError))
    sent[0]!.waiter.reject(new Error("aborted over there"))
    sent[0]!.waiter.done()
    expect(await slot).toBe("over")
  })

  it("with a signal aborted before is settled when it is made", async () => {
    const call = makeCall(["train"], { timeoutMs: 5, signal: AbortSignal.abort("early") })
    expect(call.settled).toBe(true)
    expect(await failure(call)).toMatchObject({ cause: "early", started: false })
  })
})

describe("a call that a draining runner sent back", () => {
  const draining = (runnerId: string) => Object.assign(new Error("x"), { code: "ERR_FLAME_RUNNER_DRAINING", runnerId })

  it("is as it was before, and may go elsewhere", async () => {
    const [one, two] = [target(), target()]
    const call = makeCall()
    const slot = send(call, one.target)
    one.sent[0]!.waiter.reject(draining("r-1"), true)
    one.sent[0]!.waiter.done()
    expect(await slot).toBe("not-started")
    call.unsend()
    expect(call).toMatchObject({ started: false, settled: false })
    void send(call, two.target)
    two.sent[0]!.waiter.resolve("model")
    expect(await call.promise).toBe("model")
  })

  it("has run when the function itself threw such an error, of a call back to the same runner for instance", async () => {
    const { sent, target: to } = target()
    const call = makeCall()
    const slot = send(call, to)
    sent[0]!.waiter.reject(draining("r-1"))
    sent[0]!.waiter.done()
    expect(await slot).toBe("over")
    expect(await failure(call)).toMatchObject({ code: "ERR_FLAME_RUNNER_DRAINING", remote: { runnerId: "r-1" } })
  })

  it("is refused where it belongs to that runner", async () => {
    const call = makeCall()
    call.refuse("r-1")
    const error = await failure(call)
    expect(error).toBeInstanceOf(RunnerDrainingError)
    expect(error.message).toMatch(/train was not started: runner r-1 is ending\n.*spawn another runner/)
  })

  it("has run when it is a runner of the user's own code that drains", async () => {
    const { sent, target: to } = target()
    const call = makeCall()
    const slot = send(call, to)
    const inner = draining("inner-7")
    sent[0]!.waiter.reject(inner)
    sent[0]!.waiter.done()
    expect(await slot).toBe("over") // to run it once more elsewhere would do its work twice
    expect(await failure(call)).toBe(inner)
  })
})

describe("what comes back", () => {
  it("as a user's error has both stacks and says where it was thrown", async () => {
    const { sent, target: to } = target()
    const call = makeCall()
    void send(call, to)
    const error = Object.assign(new RangeError("boom"), { stack: "RangeError: boom\n    at train (/x/train.ts:5:1)" })
    sent[0]!.waiter.reject(error)
    expect(await failure(call)).toBe(error)
    expect(error).toHaveProperty("remote", {
      runnerId: "r-1",
      jobId: "77",
      node: "n3",
      stack: "RangeError: boom\n    at train (/x/train.ts:5:1)",
    })
    expect(error.stack).toMatch(/train\.ts:5:1\)\n {4}-- thrown on runner r-1 on n3, awaited --\n +at .*call\.test\.ts/)
    expect(Object.keys(error)).not.toContain("remote") // it does not fill every log
  })

  it.each([["a text"], [undefined], [null], [5]])("as %o, thrown, stays what it is", async thrown => {
    const { sent, target: to } = target()
    const call = makeCall()
    void send(call, to)
    sent[0]!.waiter.reject(thrown)
    expect(await failure(call)).toBe(thrown)
  })

  it("as the loss of the runner is an error of its own for each call", async () => {
    const lost = new RunnerLostError("runner r-1 is gone: crashed", "r-1", "crashed", true, { exitCode: 1 })
    const { sent, target: to } = target()
    const calls = [makeCall(), makeCall()]
    for (const call of calls) void send(call, to)
    for (const { waiter } of sent) waiter.reject(lost)
    const [a, b] = await Promise.all(calls.map(failure))
    expect(a).not.toBe(b)
    expect(a).toBeInstanceOf(RunnerLostError)
    expect(a).toMatchObject({ reason: "crashed", started: true, evidence: { exitCode: 1 } })
    expect(a!.message).toBe("train was lost: runner r-1 is gone: crashed")
    expect(a!.stack).toMatch(/call\.test\.ts/)
  })
})

describe("a call that does not belong to its caller", () => {
  const marks = { unlinked: true } as const

  it("rejects with its signal and is not cancelled; its slot is free when the work has ended", async () => {
    const { client, sent, target: to } = target()
    const controller = new AbortController()
    const call = makeCall(["train"], { ...NO_LIMITS, signal: controller.signal, marks })
    let over = false
    call.send(to, () => {
      over = true
    })
    expect(client.apply).toHaveBeenCalledWith(["train"], [1], call, marks)
    controller.abort("gone")
    await expect(call.promise).rejects.toMatchObject({ code: "ERR_FLAME_CALL_ABORTED", started: true, cause: "gone" })
    expect(client.cancel).not.toHaveBeenCalled()
    expect(over).toBe(false)
    const letGo = vi.fn(async () => {})
    sent[0]!.waiter.resolve(1)
    sent[0]!.waiter.holds!([{ onOver() {}, letGo }])
    expect(letGo).toHaveBeenCalledOnce() // nobody will ever have it
    sent[0]!.waiter.done()
    expect(over).toBe(true)
  })

  it("is cancelled by its time, also when the caller has left before", async () => {
    vi.useFakeTimers()
    const { client, target: to } = target()
    const controller = new AbortController()
    const call = makeCall(["train"], { timeoutMs: 1_000, signal: controller.signal, marks })
    call.send(to, () => {})
    controller.abort()
    await expect(call.promise).rejects.toBeInstanceOf(CallAbortedError)
    vi.advanceTimersByTime(999)
    expect(client.cancel).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(client.cancel).toHaveBeenCalledOnce()
    vi.useRealTimers()
  })

  it("is cancelled like any other while it places something: nobody else would have it", async () => {
    const { client, target: to } = target()
    const controller = new AbortController()
    const call = makeCall(["train"], { ...NO_LIMITS, signal: controller.signal, marks: { ...marks, place: true } })
    call.send(to, () => {})
    controller.abort()
    await expect(call.promise).rejects.toBeInstanceOf(CallAbortedError)
    expect(client.cancel).toHaveBeenCalledOnce()
  })
})

it("what a result holds has no limits, and is told to who keeps it", async () => {
  const { client, sent, target: to } = target()
  const controller = new AbortController()
  const held = { add: vi.fn() } as never
  const call = makeCall(["train"], { timeoutMs: 60_000, signal: controller.signal, held, marks: { track: true } })
  call.send(to, () => {})
  const object = { onOver() {}, letGo: vi.fn(async () => {}) }
  sent[0]!.waiter.resolve({})
  sent[0]!.waiter.holds!([object])
  await call.promise
  controller.abort()
  expect(client.cancel).not.toHaveBeenCalled()
  expect((held as { add: ReturnType<typeof vi.fn> }).add.mock.calls).toEqual([[[object]]])
})
