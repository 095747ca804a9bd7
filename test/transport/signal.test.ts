/** Abort signals as arguments over a real connection: the twin aborts, with the reason, and nothing is left behind. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Caller, type Link, serve, TestHub } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
const warnings: Error[] = []
const warned = (warning: Error) => warnings.push(warning)
const api: Record<string, (...args: any[]) => unknown> = { echo: (...args) => args, nothing: () => undefined }

beforeAll(async () => {
  process.on("warning", warned)
  hub = await TestHub.open()
  link = await hub.link()
  serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterAll(() => {
  process.off("warning", warned)
  hub.close()
})

function tooMany(): Error & { rows: Uint8Array[] } {
  return Object.assign(new RangeError("why"), { rows: Array.from({ length: 65_536 }, () => Uint8Array.of(1)) })
}

/** Both sides have handled all that was sent before. */
const settle = () => caller.call("nothing")
const sizes = () => [link.parent.session.size, link.runner.session.size]

describe("abort signals among the arguments", () => {
  const reasons: [string, unknown][] = [
    ["an error", Object.assign(new RangeError("enough"), { code: "E" })],
    ["a text", "enough"],
    ["data", { why: "enough" }],
  ]
  test.each(reasons)("abort on the other side with %s", async (_name, reason) => {
    api.listen = (signal: AbortSignal) =>
      new Promise(resolve => signal.addEventListener("abort", () => resolve({ reason: signal.reason })))
    const controller = new AbortController()
    const answer = caller.call("listen", controller.signal)
    controller.abort(reason)
    expect(await answer).toEqual({ reason })
  })

  test.each(reasons)("are aborted from the start when they were, with %s", async (_name, reason) => {
    api.look = (signal: AbortSignal) => [signal.aborted, signal.reason]
    expect(await caller.call("look", AbortSignal.abort(reason))).toEqual([true, reason])
  })

  test("the reason nobody gave is the usual one", async () => {
    api.look = (signal: AbortSignal) => [signal.aborted, signal.reason.name]
    expect(await caller.call("look", AbortSignal.abort())).toEqual([true, "AbortError"])
  })

  test.each([
    ["a symbol", Symbol("s")],
    ["a function", () => 1],
    ["an object of a class", new (class Local {})()],
    ["an error of more parts than a message can hold", tooMany()],
    ["parts alone, more than a message can hold", tooMany().rows],
    ["data that is no text", Object.assign(Object.create(null), { bytes: Uint8Array.of(1) })],
  ])("%s as a reason aborts all the same", async (_name, reason) => {
    api.listen = (signal: AbortSignal) =>
      new Promise(resolve => signal.addEventListener("abort", () => resolve("over")))
    const controller = new AbortController()
    const answer = caller.call("listen", controller.signal)
    controller.abort(reason)
    expect(await answer).toBe("over")
    api.look = (signal: AbortSignal) => signal.aborted
    expect(await caller.call("look", AbortSignal.abort(reason))).toBe(true)
    await settle()
    expect(sizes()).toEqual([2, 2])
  })

  test("a reason that is too much for one message arrives in words", async () => {
    api.listen = (signal: AbortSignal) =>
      new Promise(resolve => signal.addEventListener("abort", () => resolve(signal.reason)))
    const controller = new AbortController()
    const answer = caller.call("listen", controller.signal)
    controller.abort(tooMany())
    expect(await answer).toMatchObject({
      message: expect.stringMatching(/^RangeError: why was thrown, and cannot cross: message of 65536 typed arrays/),
      cause: { message: "why" },
    })
  })

  test("lose their listener with the call", async () => {
    const controller = new AbortController()
    await caller.call("echo", controller.signal).catch(() => {})
    api.take = () => "taken"
    expect(await caller.call("take", controller.signal)).toBe("taken")
    await settle()
    controller.abort()
    expect(await caller.call("echo", 1)).toEqual([1])
    expect(sizes()).toEqual([2, 2])
  })

  test("one signal for many calls aborts them all, and Node warns of no leak", async () => {
    api.listen = (signal: AbortSignal) =>
      new Promise(resolve => signal.addEventListener("abort", () => resolve("over")))
    const controller = new AbortController()
    const calls = Array.from({ length: 50 }, () => caller.call("listen", controller.signal))
    await settle()
    controller.abort()
    expect(await Promise.all(calls)).toEqual(new Array(50).fill("over"))
    await settle()
    expect(warnings).toEqual([])
    expect(sizes()).toEqual([2, 2])
  })
})
