import { describe, expect, it } from "vitest"
import { RemoteCall } from "../../src/parent/remote-call.ts"
import { StateError } from "../../src/shared/errors.ts"

async function* numbers(log: string[] = []) {
  try {
    yield 1
    yield 2
    return 3
  } finally {
    log.push("over")
  }
}
const call = (value: unknown) => new RemoteCall<unknown>(resolve => resolve(value))
const failed = () => new RemoteCall<unknown>((_resolve, reject) => reject(new Error("lost")))

describe("RemoteCall", () => {
  it("is a promise whose then() makes plain ones", async () => {
    expect(await call(5)).toBe(5)
    expect(call(5)).toBeInstanceOf(Promise)
    const then = call(5).then(() => {})
    expect(then).not.toBeInstanceOf(RemoteCall)
    expect(Promise.resolve(then)).toBe(then)
    const one = call(5)
    expect(Promise.resolve(one)).toBe(one) // nothing is wrapped around it
  })

  it("can be iterated before it has resolved, and its return value is kept", async () => {
    const seen: unknown[] = []
    for await (const n of call(numbers())) seen.push(n)
    expect(seen).toEqual([1, 2])
    const iterator = call(numbers())[Symbol.asyncIterator]()
    await iterator.next()
    await iterator.next()
    expect(await iterator.next()).toEqual({ done: true, value: 3 })
  })

  it("ends the stream when the loop is left", async () => {
    const log: string[] = []
    for await (const _ of call(numbers(log))) break
    expect(log).toEqual(["over"])
  })

  it("has the methods of a generator", async () => {
    const stream = call(numbers())
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    expect(await stream.return("early")).toEqual({ done: true, value: "early" })
    await expect(call(numbers()).throw(new Error("mine"))).rejects.toThrow("mine")
  })

  it.each([[5], [null], [undefined], [[1, 2]]])("refuses to iterate %o, which is no stream", async value => {
    const loop = async () => {
      for await (const _ of call(value));
    }
    await expect(loop()).rejects.toThrow(StateError)
    await expect(loop()).rejects.toThrow(/did not return a stream.*\n.*`await` the call/)
    await expect(call(value).next()).rejects.toThrow(/did not return a stream/)
  })

  it("hands a failed call to the loop", async () => {
    const loop = async () => {
      for await (const _ of failed());
    }
    await expect(loop()).rejects.toThrow("lost")
    await expect(failed().next()).rejects.toThrow("lost")
  })
})
