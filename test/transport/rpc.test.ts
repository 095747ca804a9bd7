/** Calls over a real connection: answers, errors, callbacks, cancellation, abort signals, and what they leave behind. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Caller, deferred, type Link, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
let served: ReturnType<typeof serve>

const never = () => new Promise<never>(() => {})
const api: Record<string, (...args: any[]) => unknown> = { echo: (...args) => args, nothing: () => undefined }

beforeAll(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  served = serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterAll(() => hub.close())

/** Both sides have handled all that was sent before. */
const settle = () => caller.call("nothing")
const sizes = () => [link.parent.session.size, link.runner.session.size]

describe("answers", () => {
  test("values come back, many at once and in any order", async () => {
    const gates = [deferred<string>(), deferred<string>()]
    api.gate = i => gates[i]!.promise
    const first = caller.call("gate", 0)
    const second = caller.call("gate", 1)
    gates[1]!.resolve("b")
    expect(await second).toBe("b")
    gates[0]!.resolve("a")
    expect(await first).toBe("a")
    expect(await caller.get("version")).toBe("value of version")
    expect(caller.client.pending).toBe(0)
  })

  test("typed arrays travel as they are, in both directions", async () => {
    const floats = new Float64Array([1.5, -0, Number.NaN])
    const [back, same, bytes] = await caller.call("echo", floats, { in: [floats] }, Buffer.from("hello"))
    expect(back).toEqual(floats)
    expect(back).toBeInstanceOf(Float64Array)
    expect(same.in[0]).toBe(back) // met twice, sent once
    expect(Buffer.isBuffer(bytes) && bytes.toString()).toBe("hello")
  })

  test("an argument that cannot cross is refused by its place, nothing is sent, and the line goes on", async () => {
    const before = sizes()
    const error = await thrownBy(caller.call("echo", 1, { rows: [{ bad: Symbol("x") }] }))
    expect(error).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE", path: "arguments[1].rows[0].bad" })
    expect(await caller.call("echo", 2)).toEqual([2])
    expect(sizes()).toEqual(before)
  })

  test("live values beside one that cannot cross leave nothing behind on either side", async () => {
    async function* stream() {
      yield 1
    }
    const error = await thrownBy(caller.call("echo", () => 1, stream(), new AbortController().signal, Symbol("x")))
    expect(error).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE", path: "arguments[3]" })
    expect(await caller.call("echo", 3)).toEqual([3])
    expect(sizes()).toEqual([2, 2])
  })

  test("a result that cannot cross rejects the call with its place", async () => {
    api.badResult = () => ({ deep: { fn: () => 1 } })
    expect(await thrownBy(caller.call("badResult"))).toMatchObject({
      name: "NotSerializableError",
      code: "ERR_FLAME_NOT_SERIALIZABLE",
      path: "result.deep.fn",
    })
    api.signalResult = () => new AbortController().signal
    expect(await thrownBy(caller.call("signalResult"))).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE" })
    await settle()
    expect(sizes()).toEqual([2, 2])
  })
})

describe("errors", () => {
  test("arrive with class, message, code, cause, own fields and the remote stack", async () => {
    api.fail = () => {
      const cause = Object.assign(new RangeError("inner"), { code: "E_INNER" })
      throw Object.assign(new TypeError("outer", { cause }), { code: "E_OUTER", rows: [1, 2] })
    }
    const error = await thrownBy(caller.call("fail"))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ name: "TypeError", message: "outer", code: "E_OUTER", rows: [1, 2] })
    expect(error.stack).toMatch(/rpc\.test\.ts/)
    expect(error.cause).toBeInstanceOf(RangeError)
    expect(error.cause).toMatchObject({ message: "inner", code: "E_INNER" })
  })

  test.each([["text"], [undefined], [null], [{ code: 3 }]])("%j is thrown as it is", async thrown => {
    api.throwIt = async () => {
      throw thrown
    }
    expect(await thrownBy(caller.call("throwIt"))).toEqual(thrown)
  })

  const rows = () => Array.from({ length: 65_536 }, () => Uint8Array.of(1))
  test.each([
    [
      "has more parts than a message can hold",
      () => Object.assign(new RangeError("w".repeat(9_000)), { rows: rows() }),
    ],
    ["is no error and has more parts than a message can hold", () => ({ rows: rows() })],
  ])("what %s arrives as an error that says so, and the line goes on", async (_name, make) => {
    api.throwIt = async () => {
      throw make()
    }
    const error = await thrownBy(caller.call("throwIt"))
    expect(error).toMatchObject({ name: "NotSerializableError", code: "ERR_FLAME_NOT_SERIALIZABLE" })
    expect(error.message).toMatch(
      /^(RangeError: w{2000} \.\.\.|Error: \[object Object\]) was thrown, and cannot cross: /,
    )
    expect(error.message).toMatch(/over the limit of 65535/)
    expect(error.cause).toBeInstanceOf(Error)
    expect(await caller.call("echo", 1)).toEqual([1])
    expect(sizes()).toEqual([2, 2])
  })

  test("an unknown function rejects that call alone", async () => {
    const [bad, good] = await Promise.allSettled([caller.call("missing"), caller.call("echo", 1)])
    expect(bad).toMatchObject({ status: "rejected", reason: { message: "no function missing" } })
    expect(good).toMatchObject({ status: "fulfilled", value: [1] })
  })
})

describe("callbacks", () => {
  test("awaited ones give their result, and may take callbacks themselves", async () => {
    api.nested = async (outer: any) => await outer(async (n: number) => n + 1, 20)
    const result = await caller.call("nested", async (inner: any, n: number) => (await inner(n)) * 2)
    expect(result).toBe(42)
  })

  test("ignored ones arrive, in order, before the call's own answer", async () => {
    api.progress = (report: any) => {
      for (let i = 0; i < 5; i++) report({ i })
      return "end"
    }
    const seen: unknown[] = []
    expect(await caller.call("progress", (e: unknown) => void seen.push(e))).toBe("end")
    expect(seen).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }, { i: 3 }, { i: 4 }])
  })

  test("one that throws rejects where it was awaited, and is reported where it lives", async () => {
    api.tryIt = async (callback: any) => {
      try {
        await callback()
      } catch (error: any) {
        return [error instanceof SyntaxError, error.message, error.code]
      }
    }
    const mine = Object.assign(new SyntaxError("mine"), { code: "E_MINE" })
    const callback = () => {
      throw mine
    }
    expect(await caller.call("tryIt", callback)).toEqual([true, "mine", "E_MINE"])
    expect(link.parent.failures.splice(0)).toEqual([mine])
  })

  test("one that throws and is ignored is reported where it lives, and ends nothing", async () => {
    api.ignore = (callback: any) => {
      callback()
      return "fine"
    }
    const mine = new Error("ignored")
    expect(
      await caller.call("ignore", () => {
        throw mine
      }),
    ).toBe("fine")
    expect(link.parent.failures.splice(0)).toEqual([mine])
  })

  test("one that is called after its call has settled rejects, live arguments and all", async () => {
    let late: any
    api.keep = callback => {
      late = callback
    }
    await caller.call("keep", () => "in time")
    // The caller has closed the callback, but this side has not heard of it when the answer is sent: both orders are tried.
    const crossed = late((x: unknown) => x)
    expect(await thrownBy(crossed)).toMatchObject({ code: "ERR_FLAME_CONNECTION" })
    await settle()
    expect(await thrownBy(late(() => 1))).toMatchObject({ code: "ERR_FLAME_CONNECTION" })
    expect(await caller.call("echo", "on")).toEqual(["on"])
    expect(sizes()).toEqual([2, 2])
  })

  test("a late call of a settled callback crosses the close: what hangs on it ends, the line goes on", async () => {
    const calls: Promise<unknown>[] = []
    const signals: AbortController[] = []
    api.afterwards = callback => {
      // Right after the answer has been sent, while its callback's end is on the way.
      setImmediate(() => {
        const controller = new AbortController()
        signals.push(controller)
        calls.push(callback(() => 1, controller.signal).catch((e: unknown) => e))
        controller.abort()
      })
    }
    await Promise.all(Array.from({ length: 20 }, () => caller.call("afterwards", () => "late")))
    await settle()
    for (const outcome of await Promise.all(calls)) expect(outcome).not.toBeInstanceOf(TypeError)
    await settle()
    expect(link.parent.connection.open).toBe(true)
    expect(sizes()).toEqual([2, 2])
  })
})

describe("giving up", () => {
  test("a cancelled call's signal fires with the reason, and the answer still comes", async () => {
    const started = deferred()
    api.work = async () => {
      const signal = served.signals.at(-1)!
      started.resolve()
      await new Promise(resolve => signal.addEventListener("abort", resolve))
      throw signal.reason
    }
    const { answer, done } = caller.track("work")
    await started.promise
    caller.client.cancel(caller.lastId, Object.assign(new Error("enough"), { code: "E_STOP" }))
    expect(await thrownBy(answer)).toMatchObject({ message: "enough", code: "E_STOP" })
    await done
    expect(served.open()).toBe(0)
  })

  test.each([
    ["a function", () => 1],
    ["a symbol", Symbol("why")],
  ])("a reason that cannot cross (%s) aborts all the same", async (_name, reason) => {
    const aborted = deferred<unknown>()
    const started = deferred()
    api.wait = async () => {
      const signal = served.signals.at(-1)!
      signal.addEventListener("abort", () => aborted.resolve(signal.reason))
      started.resolve()
      await aborted.promise
    }
    const answer = caller.call("wait")
    await started.promise
    caller.client.cancel(caller.lastId, reason)
    expect(await aborted.promise).toMatchObject({ name: "AbortError" })
    await answer
    await settle()
    expect(sizes()).toEqual([2, 2])
  })

  test("a reason that is too much for one message arrives in words", async () => {
    const started = deferred()
    api.work = async () => {
      const signal = served.signals.at(-1)!
      started.resolve()
      await new Promise(resolve => signal.addEventListener("abort", resolve))
      throw signal.reason
    }
    const { answer } = caller.track("work")
    await started.promise
    const rows = Array.from({ length: 65_536 }, () => Uint8Array.of(1))
    caller.client.cancel(caller.lastId, Object.assign(new RangeError("enough"), { code: "E_STOP", rows }))
    const error = await thrownBy(answer)
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: "enough", code: "E_STOP" })
  })

  test("a cancel that crosses the answer does nothing", async () => {
    const { answer, id } = caller.track("echo", 1)
    caller.client.cancel(id, "late")
    expect(await answer).toEqual([1])
    caller.client.cancel(id, "later")
    link.parent.session.root.send({ id: 1_000_000, type: "CANCEL", target: id, reason: "latest" })
    expect(await caller.call("echo", 2)).toEqual([2])
  })
})

test("10,000 calls with callbacks and signals leave no channel behind", async () => {
  api.twice = async (f: any, _signal: AbortSignal) => await f(await f(1))
  const { signal } = new AbortController()
  for (let round = 0; round < 100; round++) {
    const answers = Array.from({ length: 100 }, () => caller.call("twice", (n: number) => n * 3, signal))
    for (const answer of await Promise.all(answers)) expect(answer).toBe(9)
  }
  await settle()
  expect(sizes()).toEqual([2, 2])
  expect(served.open()).toBe(0)
  expect(await Promise.race([never(), caller.call("echo", "alive")])).toEqual(["alive"])
})
