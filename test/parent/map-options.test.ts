/** What `pool.map` and `pool.cast` refuse, and how: each at once, by the name of what is wrong. */
import { expect, it, vi } from "vitest"
import { checkMapOptions } from "../../src/parent/map-options.ts"
import { PoolMaps } from "../../src/parent/pool-maps.ts"
import { OptionError } from "../../src/shared/errors.ts"

const host = { run: vi.fn(), capacity: () => 1, admit: vi.fn() }
const map = (items: unknown, fn: unknown = () => 1, options?: object) => new PoolMaps(host).map(items, fn, options)

const rows: [string, () => unknown, string, RegExp][] = [
  ["nothing", () => map(undefined), "items", /takes something to iterate, got undefined\n.*Object\.entries/],
  ["null", () => map(null), "items", /got null/],
  ["an object", () => map({ a: 1 }), "items", /got \{ a: 1 \}\n.*of an object: Object\.entries/],
  ["a number", () => map(5), "items", /got 5/],
  ["a promise", () => map(Promise.resolve([1])), "items", /got Promise.*\n.*await it first/],
  ["a broken iterable", () => map({ [Symbol.iterator]: 1 }), "items", /takes something to iterate/],
  [
    "no function",
    () => map([1], "train"),
    "fn",
    /map\(\) takes a function, got "train"\n.*pool\.map\(items, \(api, item/,
  ],
  [
    "odd options",
    () => map([1], () => 1, 5 as never),
    "options",
    /options of map\(\) must be an object, got 5\n.*conc/,
  ],
  ["null options", () => map([1], () => 1, null as never), "options", /must be an object, got null/],
  [
    "a misspelt option",
    () => map([1], () => 1, { concurency: 2 }),
    "concurency",
    /of map\(\)\. Did you mean `concurrency`\?\n.*known: concurrency, order, onError, timeout, signal/,
  ],
  ["no concurrency", () => map([1], () => 1, { concurrency: 0 }), "concurrency", /whole number of at least 1, got 0/],
  ["endless concurrency", () => map([1], () => 1, { concurrency: Infinity }), "concurrency", /got Infinity/],
  ["another order", () => map([1], () => 1, { order: "any" }), "order", /is 'input' or 'completion', got "any"/],
  ["another onError", () => map([1], () => 1, { onError: "skip" }), "onError", /is 'throw' or 'settle', got "skip"/],
  ["a call's wrong option", () => map([1], () => 1, { timeout: "soon" }), "timeout", /not a duration: "soon"/],
  ["no signal", () => map([1], () => 1, { signal: {} }), "signal", /not an AbortSignal/],
]

it.each(rows)("map() refuses %s", (_, make, option, message) => {
  expect(make).toThrow(OptionError)
  expect(make).toThrow(expect.objectContaining({ option }))
  expect(make).toThrow(message)
})

it("map() throws at once where nothing is admitted", () => {
  host.admit.mockImplementationOnce(() => {
    throw new Error("closed")
  })
  expect(() => map([1])).toThrow("closed")
})

it("the defaults are those that are stated", () => {
  const call = { timeout: 5 } as const
  expect(checkMapOptions()).toEqual({ concurrency: undefined, ordered: true, settle: false, call: {} })
  expect(checkMapOptions({ concurrency: 3, order: "completion", onError: "settle", ...call })).toEqual({
    concurrency: 3,
    ordered: false,
    settle: true,
    call,
  })
})
