/** The short form of calls and results: what goes in it, that it is the codec's message again, and what a peer may not write. */
import fc from "fast-check"
import { describe, expect, it, test } from "vitest"
import { ProtocolError } from "../../src/shared/errors.ts"
import { callText, expandCall, expandResult, resultText } from "../../src/transport/rpc-text.ts"
import { trip } from "./codec-helpers.ts"

const PATH = ["models", "load"]
const call = (args: unknown[], id = 7, path = PATH) => callText(id, path, args)
/** What the other end gets of a call and of a result in short. */
const callOf = (text: string) => expandCall(JSON.parse(text))
const resultOf = (text: string) => expandResult(JSON.parse(text))
/** What it gets of the same by the codec. */
const codecCall = (args: unknown[], id = 7, path = PATH) =>
  trip({ id, type: "APPLY", path, argumentList: args.map(value => ({ type: "RAW", value })) })

const SHORT: [string, unknown][] = [
  ["0", 0],
  ["a whole number", 42],
  ["a negative number", -1.5],
  ["the largest number", Number.MAX_VALUE],
  ["the smallest number", Number.MIN_VALUE],
  ["the largest safe integer", Number.MAX_SAFE_INTEGER],
  ["a number with an exponent", 1e21],
  ["true", true],
  ["false", false],
  ["null", null],
  ["an empty text", ""],
  ["a text", "train"],
  ["a text with quotes, lines and zeros", '"\\\n\u2028\0'],
  ["a text beyond ASCII", "Größe 🎉"],
  ["half a surrogate pair", "\ud83c"],
  ["a text with the marker later on", "a~u"],
  ["a text of 8,192 characters", "x".repeat(8_192)],
]

const LONG: [string, unknown][] = [
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
  ["a bigint", 5n],
  ["a text that begins like a marker", "~u"],
  ["a text of 8,193 characters", "x".repeat(8_193)],
  ["a list", []],
  ["an object", {}],
  ["a Date", new Date(0)],
  ["bytes", new Uint8Array(1)],
  ["a boxed number", Object(5)],
]

describe("a call", () => {
  test.each(SHORT)("with %s is the codec's message again", (_what, value) => {
    const text = call([value, 1, value])!
    expect(callOf(text)).toStrictEqual(codecCall([value, 1, value]))
    expect(JSON.parse(text)).toStrictEqual([7, PATH, value, 1, value])
  })

  test("without arguments is, too", () => {
    expect(call([])).toBe('[7,["models","load"]]')
    expect(callOf(call([])!)).toStrictEqual(codecCall([]))
    expect(callOf(call([], 8, [])!)).toStrictEqual(codecCall([], 8, [])) // a callback
  })

  test.each<[string, unknown]>([
    ...LONG,
    ["undefined", undefined],
    ["a function", () => {}],
    ["a symbol", Symbol("s")],
  ])("with %s is left to the codec", (_what, value) => {
    expect(call([value])).toBe(undefined)
    expect(call([1, value, 2])).toBe(undefined)
  })

  test("of more than 32 Ki characters in all is left to the codec", () => {
    const eight = "x".repeat(8_000)
    expect(call([eight, eight, eight, eight])).toBeDefined()
    expect(call([eight, eight, eight, eight, eight])).toBe(undefined)
    expect(call(Array.from({ length: 40_000 }, () => 1))).toBe(undefined)
    expect(call([], 1, ["x".repeat(40_000)])).toBe(undefined)
    // As it is written, not as it is read: six characters for each.
    expect(call(["\0".repeat(6_000)])).toBe(undefined)
  })

  test("has the path that was asked for, at every call", () => {
    const other = ["models", "save"]
    for (let i = 0; i < 3; i++) {
      expect(callOf(call([i])!)).toMatchObject({ path: PATH })
      expect(callOf(call([i], 1, other)!)).toMatchObject({ path: other })
    }
  })
})

describe("a result", () => {
  test.each<[string, unknown]>([...SHORT, ["undefined", undefined]])(
    "%s is the codec's message again",
    (_what, value) => {
      for (const id of [7, "a-string\"of-Comlink's"]) {
        expect(resultOf(resultText(id, value)!)).toStrictEqual(trip({ id, type: "RAW", value }))
      }
    },
  )

  test.each(LONG)("%s is left to the codec", (_what, value) => {
    expect(resultText(7, value)).toBe(undefined)
  })

  test("for an id that has no end is left to the codec, which can send it in pieces", () => {
    expect(resultText("i".repeat(256), 1)).toBeDefined()
    expect(resultText("i".repeat(257), 1)).toBe(undefined)
    expect(resultText("i".repeat(257), undefined)).toBe(undefined)
  })
})

test("whatever is in short form, is what the codec would have made of it", () => {
  const value = fc.oneof(fc.double(), fc.integer(), fc.string({ unit: "binary" }), fc.boolean(), fc.constant(null))
  let short = 0
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.string()), fc.array(value), (id, path, args) => {
      const text = callText(id, path, args)
      if (text !== undefined) {
        short += 1
        expect(callOf(text)).toStrictEqual(codecCall(args, id, path))
      }
      for (const arg of args) {
        const result = resultText(id, arg)
        if (result !== undefined) expect(resultOf(result)).toStrictEqual(trip({ id, type: "RAW", value: arg }))
      }
    }),
  )
  expect(short).toBeGreaterThan(0)
})

describe("of a peer", () => {
  it.each([[null], [1], ["x"], [true], [{}], [{ length: 2 }], [[]], [[1]]])("the call %j is refused", payload => {
    expect(() => expandCall(payload)).toThrow(ProtocolError)
    expect(() => expandCall(payload)).toThrow("a malformed call")
  })

  it.each([[null], [1], ["x"], [true], [{}], [{ length: 1 }], [[]], [[1, 2, 3]]])(
    "the result %j is refused",
    payload => {
      expect(() => expandResult(payload)).toThrow(ProtocolError)
      expect(() => expandResult(payload)).toThrow("a malformed result")
    },
  )
})
