/** Resumable calls on a worker: the way of their checkpoints, and what a drain means for them. */
import { setImmediate as turn } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import { CheckpointSender } from "../../src/runner/worker/checkpoint-sender.ts"
import { type ResumableCall, takeResumption } from "../../src/runner/worker/resumable-call.ts"
import { ResumableCalls } from "../../src/runner/worker/resumable-calls.ts"
import { ConnectionError, NotSerializableError, PayloadTooLargeError, StateError } from "../../src/shared/errors.ts"
import type { Marks } from "../../src/transport/protocol.ts"
import { RpcRequest } from "../../src/transport/rpc-request.ts"
import { deferred } from "../transport/link.ts"

/** A parent that stores when it is told to. */
function parent() {
  const states: unknown[] = []
  const gates: ReturnType<typeof deferred<void>>[] = []
  const save = (state: unknown) => {
    states.push(structuredClone(state))
    const gate = deferred<void>()
    gates.push(gate)
    return gate.promise
  }
  return { states, gates, save }
}

describe("the way of checkpoints", () => {
  it("is one after the other; of those that wait the newest goes, and stands for all", async () => {
    const { states, gates, save } = parent()
    const sender = new CheckpointSender(save, false)
    const arrived: number[] = []
    for (const n of [1, 2, 3, 4]) void sender.send(n).then(() => arrived.push(n))
    await turn()
    expect(states).toEqual([1])
    gates[0]!.resolve()
    await turn()
    expect(states).toEqual([1, 4])
    expect(arrived).toEqual([1])
    gates[1]!.resolve()
    await sender.arrived()
    await turn()
    expect(arrived).toEqual([1, 2, 3, 4])
  })

  it.each([true, false])("copies the state when it is given (the call outlives its line: %s)", async lasting => {
    const { states, gates, save } = parent()
    const sender = new CheckpointSender(save, lasting)
    const state = { list: [1], bytes: new Uint8Array([1]) }
    const sent = [sender.send(state), sender.send(state)]
    state.list[0] = 2
    state.bytes[0] = 2
    gates[0]!.resolve()
    await sent[0]
    await turn()
    gates[1]!.resolve()
    await sent[1]
    expect(states).toEqual([
      { list: [1], bytes: new Uint8Array([1]) },
      { list: [1], bytes: new Uint8Array([1]) },
    ])
  })

  it("refuses at once what cannot be kept, and what the parent could not keep is told to who gave it", async () => {
    const { gates, save } = parent()
    const sender = new CheckpointSender(save, true)
    expect(() => sender.send({ a: [() => {}] })).toThrow(NotSerializableError)
    expect(() => sender.send({ a: [() => {}] })).toThrow(/^checkpoint\.a\[0\] cannot cross/)
    const full = sender.send(1)
    gates[0]!.reject(new Error("no space left on device"))
    await expect(full).rejects.toThrow("no space left")
    const large = sender.send(2)
    gates[1]!.reject(new PayloadTooLargeError(5, 4))
    await expect(large).rejects.toThrow(PayloadTooLargeError)
  })

  it("is that to the next parent, where the call outlives its line: the newest goes there, all are told", async () => {
    const [first, second] = [parent(), parent()]
    const sender = new CheckpointSender(first.save, true)
    const arrived: number[] = []
    void sender.send(1).then(() => arrived.push(1))
    first.gates[0]!.reject(new ConnectionError("the parent is gone"))
    await turn()
    for (const n of [2, 3]) void sender.send(n).then(() => arrived.push(n))
    await turn()
    expect(first.states).toEqual([1])
    sender.goesTo(second.save)
    await turn()
    expect(second.states).toEqual([3])
    expect(arrived).toEqual([])
    second.gates[0]!.resolve()
    await turn()
    expect(arrived).toEqual([1, 2, 3])
  })

  it("a state that was on its way when the line ended does not go after a newer one", async () => {
    const [first, second] = [parent(), parent()]
    const sender = new CheckpointSender(first.save, true)
    const sent = [1, 2].map(n => sender.send(n))
    first.gates[0]!.reject(new ConnectionError("the parent is gone"))
    await turn()
    sender.goesTo(second.save)
    await turn()
    second.gates[0]!.resolve()
    await Promise.all(sent)
    expect(second.states).toEqual([2])
  })

  it("a state that was on its way when the next parent came goes there", async () => {
    const [first, second] = [parent(), parent()]
    const sender = new CheckpointSender(first.save, true)
    const sent = sender.send(1)
    sender.goesTo(second.save)
    first.gates[0]!.reject(new ConnectionError("the parent is gone"))
    await turn()
    expect(second.states).toEqual([1])
    second.gates[0]!.resolve()
    await sent
  })

  it("ends with the call, and leaves nobody waiting", async () => {
    const { states, gates, save } = parent()
    const sender = new CheckpointSender(save, false)
    const sent = [sender.send(1), sender.send(2)]
    sender.end()
    gates[0]!.reject(new ConnectionError("the other side closed the channel"))
    await Promise.all(sent)
    await sender.send(() => {})
    expect(states).toEqual([1])
  })

  it("rejects when the line ends and the call ends with it", async () => {
    const { gates, save } = parent()
    const sent = new CheckpointSender(save, false).send(1)
    gates[0]!.reject(new ConnectionError("gone"))
    await expect(sent).rejects.toThrow(ConnectionError)
  })
})

it("a request without the function that keeps checkpoints is refused", () => {
  const args = [1, "state", () => Promise.resolve()]
  expect(takeResumption(args)).toMatchObject({ state: "state" })
  expect(args).toEqual([1])
  for (const bad of [[], [1], [1, 2], [1, 2, 3]]) expect(() => takeResumption(bad)).toThrow(/no function/)
})

describe("a drain", () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  const why = new StateError("the runner is draining: walltime")
  const request = (marks: Marks = { resumable: true }) => new RpcRequest(marks)

  /** A call that runs until `end` is settled. */
  function running(calls: ResumableCalls, save = parent().save, asked = request()) {
    const end = deferred<unknown>()
    let call!: ResumableCall
    const answer = calls.run("train", asked, { state: undefined, save }, c => {
      call = c
      return end.promise
    })
    answer.catch(() => {})
    return { call, end, answer, request: asked }
  }

  it.each([
    ["the reason", why, true],
    ["an error that it caused", new Error("a", { cause: new Error("b", { cause: why }) }), true],
    ["an AbortError", new DOMException("stopped", "AbortError"), true],
    ["an error of its own", new Error("the runner is draining: walltime"), false],
    ["nothing at all", undefined, false],
    [
      "something that cannot be read",
      new Proxy(new Error("x"), {
        get: () => {
          throw new Error("no")
        },
      }),
      false,
    ],
  ])("has interrupted what throws %s", (_, error, expected) => {
    const calls = new ResumableCalls()
    expect(calls.interrupted(error, request())).toBe(false) // it does not drain
    calls.drain("walltime", why, 60_000)
    expect(calls.interrupted(error, request())).toBe(expected)
    // An AbortError may be anybody's: it says enough only where another try costs nothing.
    expect(calls.interrupted(error, request({}))).toBe(expected && (error as Error).name !== "AbortError")
    for (const reason of ["close", "terminated", "idle", "scale", "single-use", "parent-gone"] as const) {
      const ended = new ResumableCalls()
      ended.drain(reason, why, 60_000)
      expect(ended.interrupted(error, request())).toBe(false) // there is nowhere else
    }
  })

  it("a chain of causes without an end is no reason", () => {
    const calls = new ResumableCalls()
    calls.drain("walltime", why, 60_000)
    const error = new Error("round")
    error.cause = error
    expect(calls.interrupted(error, request())).toBe(false)
  })

  it("asks each call for its state at once, and again near its end", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    const calls = new ResumableCalls()
    const { states, gates, save } = parent()
    const { call, end, answer } = running(calls, save)
    let n = 0
    call.onDrain(() => ++n)
    calls.drain("walltime", why, 20_000)
    expect(n).toBe(1)
    gates[0]!.resolve()
    await vi.advanceTimersByTimeAsync(14_999)
    expect(n).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(n).toBe(2)
    expect(states).toEqual([1, 2])
    gates[1]!.resolve()
    end.resolve("done")
    expect(await answer).toBe("done")
  })

  it("is asked again when its time is another one", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    const calls = new ResumableCalls()
    const { call } = running(calls)
    let n = 0
    call.onDrain(() => void n++)
    calls.jobEndsIn(1_000) // nothing drains
    await vi.advanceTimersByTimeAsync(2_000)
    expect(n).toBe(0)
    calls.drain("cancelled", why, 8_000)
    calls.jobEndsIn(61_500)
    await vi.advanceTimersByTimeAsync(54_000)
    expect(n).toBe(1)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(n).toBe(2)
  })

  it("lets an interrupted call end when its last state has arrived", async () => {
    const calls = new ResumableCalls()
    const { states, gates, save } = parent()
    const { call, end, answer } = running(calls, save)
    const state = deferred<string>()
    call.onDrain(() => state.promise)
    calls.drain("walltime", why, 60_000)
    end.reject(why)
    let over = false
    answer.catch(() => {
      over = true
    })
    await turn()
    expect(over).toBe(false)
    state.resolve("last")
    await turn()
    expect(states).toEqual(["last"])
    expect(over).toBe(false)
    gates[0]!.resolve()
    await expect(answer).rejects.toBe(why)
  })

  it("waits for no state that does not come", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    const told = vi.spyOn(console, "error").mockImplementation(() => {})
    const calls = new ResumableCalls()
    const { call, end, answer } = running(calls)
    call.onDrain(() => new Promise(() => {}))
    call.onDrain(() => {
      throw new Error("bad")
    })
    calls.drain("walltime", why, 1_000)
    expect(told.mock.calls.map(([words]) => words)).toEqual([expect.stringMatching(/onDrain handler failed/)])
    end.reject(why)
    const ended = expect(answer).rejects.toBe(why)
    await vi.advanceTimersByTimeAsync(750)
    await ended
    expect(told.mock.calls.map(([words]) => words)).toContainEqual(expect.stringMatching(/not given its state yet/))
  })

  it("asks nobody who took the handler back, and at once who comes too late", () => {
    const calls = new ResumableCalls()
    const { call } = running(calls)
    let n = 0
    call.onDrain(() => void n++)()
    calls.drain("walltime", why, 60_000)
    expect(n).toBe(0)
    call.onDrain(() => void n++)
    expect(n).toBe(1)
  })

  it("a call whose caller has left keeps nothing more, and says why", async () => {
    const told = vi.spyOn(console, "error").mockImplementation(() => {})
    const calls = new ResumableCalls()
    const { states, save } = parent()
    const { call, request: asked } = running(calls, save)
    const enough = new Error("enough")
    asked.abort(enough)
    await expect(call.checkpoint(1)).rejects.toBe(enough)
    expect(states).toEqual([])
    expect(told).not.toHaveBeenCalled()
  })

  it("checkpoints of a call with an id go to who asks for it", async () => {
    const calls = new ResumableCalls()
    const [first, second] = [parent(), parent()]
    const { call, end, answer } = running(calls, first.save, request({ resumable: true, once: "a" }))
    void call.checkpoint(1)
    first.gates[0]!.reject(new ConnectionError("gone"))
    await turn()
    calls.asked("b", first.save)
    calls.asked("a", second.save)
    await turn()
    expect(second.states).toEqual([1])
    second.gates[0]!.resolve()
    end.resolve(1)
    await answer
    calls.asked("a", first.save) // it is over
  })
})
