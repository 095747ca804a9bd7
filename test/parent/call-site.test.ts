import { afterEach, describe, expect, it } from "vitest"
import { rejectionOf } from "../../src/parent/call-site.ts"
import { RemoteCall } from "../../src/parent/remote-call.ts"

/** A call's promise, as its caller holds it, that fails as soon as the caller waits for it. */
function failing(error: unknown, where?: string): RemoteCall<never> {
  return new RemoteCall<never>(resolve => queueMicrotask(() => resolve(rejectionOf(error, where))))
}

const caught = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error,
  )

/** What was added to the stack that `error` began with: a mark, and who waited. */
function added(error: Error, before: string): string[] {
  expect(error.stack!.startsWith(`${before}\n`)).toBe(true)
  return error.stack!.slice(before.length + 1).split("\n")
}

async function trainModel(call: PromiseLike<unknown>): Promise<void> {
  await call
}

async function searchBest(call: PromiseLike<unknown>): Promise<void> {
  await trainModel(call)
}

const { stackTraceLimit, prepareStackTrace } = Error
afterEach(() => {
  Error.stackTraceLimit = stackTraceLimit
  Error.prepareStackTrace = prepareStackTrace
})

describe("an error's stack", () => {
  it("ends with the async functions that waited, the nearest first, under a mark", async () => {
    const error = new RangeError("boom")
    const before = error.stack!
    await caught(searchBest(failing(error)))
    const [mark, ...frames] = added(error, before)
    expect(mark).toBe("    -- awaited --")
    expect(frames[0]).toMatch(/^ {4}at (async )?.*call-site\.test\.ts:\d+:\d+\)?$/)
    expect(frames[0]).toContain("trainModel")
    expect(frames[1]).toContain("searchBest")
    expect(frames.join("\n")).not.toMatch(/src\/parent|node:internal/)
  })

  it("says where it was thrown, when that was elsewhere", async () => {
    const error = Object.assign(new Error("boom"), { stack: "Error: boom\n    at train (/x/train.ts:5:1)" })
    await caught(searchBest(failing(error, "runner r-1 on n3")))
    expect(added(error, "Error: boom\n    at train (/x/train.ts:5:1)")[0]).toBe(
      "    -- thrown on runner r-1 on n3, awaited --",
    )
  })

  it("shows who waits for several calls at once", async () => {
    const error = new Error("boom")
    const before = error.stack!
    const all = async () => {
      await Promise.all([Promise.resolve(), new Promise(() => {}), failing(error)])
    }
    await caught(all())
    const frames = added(error, before).slice(1)
    expect(frames[0]).toMatch(/Promise\.all/)
    expect(frames.join("\n")).toMatch(/all.*call-site\.test\.ts/)
  })

  it("stays what it is when nobody waits in an async function", async () => {
    const error = new Error("boom")
    const before = error.stack
    expect(await new Promise(resolve => failing(error).then(undefined, e => queueMicrotask(() => resolve(e))))).toBe(
      error,
    )
    expect(error.stack).toBe(before)
  })

  it("shows the first who waited, of ten thousand calls that one error ended", async () => {
    const error = new Error("the line is gone")
    const before = error.stack!
    const calls = Array.from({ length: 10_000 }, () => caught(trainModel(failing(error))))
    expect(new Set(await Promise.all(calls))).toEqual(new Set([error]))
    expect(added(error, before).filter(line => line.includes("awaited"))).toHaveLength(1)
  })

  it("stays what it is when stacks are not wanted, and is not longer than was asked for", async () => {
    const error = new Error("boom")
    const before = error.stack
    Error.stackTraceLimit = 0
    await caught(searchBest(failing(error)))
    expect(error.stack).toBe(before)
    expect(Error.stackTraceLimit).toBe(0)
    Error.stackTraceLimit = 1
    const other = Object.assign(new Error("boom"), { stack: "Error: boom" })
    await caught(searchBest(failing(other)))
    expect(added(other, "Error: boom")).toEqual(["    -- awaited --", expect.stringContaining("trainModel")])
    expect(Error.stackTraceLimit).toBe(1)
  })

  it.each<[string, (error: Error, frames: NodeJS.CallSite[]) => unknown]>([
    ["makes a list of it", (_error, frames) => frames],
    [
      "throws",
      () => {
        throw new Error("mine")
      },
    ],
  ])("stays what it is when the user's Error.prepareStackTrace %s; the error is the call's own", async (_what, own) => {
    const error = new Error("boom")
    const before = error.stack
    Error.prepareStackTrace = own
    expect(await caught(searchBest(failing(error)))).toBe(error)
    Error.prepareStackTrace = prepareStackTrace
    expect(error.stack).toBe(before)
  })

  it("is written with the user's Error.prepareStackTrace when that makes text", async () => {
    const error = Object.assign(new Error("boom"), { stack: "Error: boom" })
    Error.prepareStackTrace = (_error, frames) =>
      `Mine\n${frames.map(f => `    at <${f.getFunctionName()}>`).join("\n")}`
    await caught(searchBest(failing(error)))
    Error.prepareStackTrace = prepareStackTrace
    expect(added(error, "Error: boom").join("\n")).toMatch(/-- awaited --\n(.*\n)*.*<trainModel>\n.*<searchBest>/)
  })

  it("may be frozen, or no text: the very error arrives", async () => {
    const frozen = Object.freeze(new Error("boom"))
    expect(await caught(searchBest(failing(frozen)))).toBe(frozen)
    expect(frozen.stack).not.toContain("awaited")
    const odd = Object.assign(new Error("boom"), { stack: { not: "text" } })
    expect(await caught(searchBest(failing(odd)))).toBe(odd)
    for (const thrown of ["a text", undefined, null, 5, { stack: "no error" }]) {
      expect(await caught(searchBest(failing(thrown)))).toBe(thrown)
    }
  })
})
