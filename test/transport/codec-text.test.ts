/** The encoder's JSON text: what it writes is what JSON.stringify writes, whatever the characters, numbers and lengths. */
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { encode } from "../../src/transport/codec/index.ts"
import { openText } from "../../src/transport/codec/text.ts"
import { arrive } from "./codec-helpers.ts"

/** Numbers with few decimals, and their neighbours, which have many. */
const decimals = fc
  .tuple(fc.integer({ min: -2e9, max: 2e9 }), fc.integer({ min: 0, max: 12 }), fc.integer({ min: -2, max: 2 }))
  .map(([digits, places, steps]) => neighbour(digits / 10 ** places, steps))

function neighbour(value: number, steps: number): number {
  const bits = new BigInt64Array(1)
  const float = new Float64Array(bits.buffer)
  float[0] = value
  bits[0] = bits[0]! + BigInt(steps)
  return Number.isFinite(float[0]) && float[0] !== 0 ? float[0] : 1
}

const strings = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ unit: fc.constantFrom("a", '"', "\\", "\n", "\u0000", "\u007f", "é", "ÿ", "Ā", "列", "\u2028", "😀") }),
)

test("is that of JSON.stringify", () => {
  const leaf = fc.oneof(strings, decimals, fc.double({ noDefaultInfinity: true, noNaN: true }), fc.integer())
  const { value } = fc.letrec(tie => ({
    value: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie("value")), fc.dictionary(strings, tie("value"))),
  }))
  fc.assert(
    fc.property(value, v => {
      const { json, rich } = encode(v)
      if (!rich) expect(json).toBe(JSON.stringify(v))
    }),
    { numRuns: 3_000 },
  )
})

test.each([
  0,
  9,
  10,
  99,
  100,
  999_999_999_999,
  1e12,
  1e9,
  2 ** 53 - 1,
  2 ** 53,
  4_000_000_001,
  -1e12,
  2 ** 31 - 1,
  2 ** 31,
  -1,
  0.1,
  -0.5,
  1.25,
  0.001,
  0.0001,
  1e-6,
  1.5e-6,
  1e-7,
  0.1 + 0.2,
  999_999_999.999,
  999_999_999.999999,
  1e9 + 0.5,
  1e21,
  5e-324,
  1.7976931348623157e308,
  123456.789012,
  1.005,
])("the number %d", value => expect(encode(value).json).toBe(JSON.stringify(value)))

describe("long texts", () => {
  const row = (i: number, name: string) => ({ id: i, name: name.repeat(1 + (i % 5)), value: i / 8 })

  test.each([
    ["of narrow characters", "row é"],
    ["of wide characters", "列"],
    ["of pairs", "😀"],
  ])("%s, over several scratches", (_, name) => {
    const rows = Array.from({ length: 60_000 }, (_, i) => row(i, name))
    expect(encode(rows).json === JSON.stringify(rows)).toBe(true)
  })

  test("that become wide late, and the next one is narrow again", () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => row(i, i < 4_900 ? "a" : "列"))
    for (const value of [rows, ["a", 1], ["Ā"], ["é"]]) expect(encode(value).json === JSON.stringify(value)).toBe(true)
  })

  test("with long strings in them", () => {
    const value = [
      1,
      "a".repeat(100_000),
      { b: "列".repeat(200_000) },
      '"'.repeat(70_000),
      "x".repeat(2_000_000),
      "é",
      2,
    ]
    expect(encode(value).json === JSON.stringify(value)).toBe(true)
  })
})

test("texts under way at the same time do not disturb each other", () => {
  const inner = { a: "inner", b: [1, 2, "列"] }
  const value = {
    first: 1,
    get second() {
      return encode(inner).json
    },
    third: "é",
  }
  expect(arrive(encode(value))).toEqual({ first: 1, second: JSON.stringify(inner), third: "é" })
})

test("what is taken back is gone, also after the scratch was emptied or became wide", () => {
  for (const after of ["b", "列", "b".repeat(100_000), "列".repeat(100_000)]) {
    for (const before of ["a", "é", "列"]) {
      const text = openText()
      text.string(before)
      const { head, at } = text
      text.string(after)
      text.rewind(head, at)
      text.number(7)
      expect(text.toString()).toBe(`"${before}"7`)
      text.release()
    }
  }
})

test("a dropped field of an error leaves no trace, however long it was", () => {
  const rows = Array.from({ length: 30_000 }, (_, i) => `row 列 ${i}`)
  const error = Object.assign(new Error("é"), { ok: 1, bad: [rows, () => 1], fine: ["列"] })
  const encoded = encode([error, "after"])
  expect(encoded.json.length).toBeLessThan(10_000)
  const [got, after] = arrive(encoded) as [Error, string]
  expect(got).toMatchObject({ message: "é", ok: 1, fine: ["列"], droppedFields: ["bad"] })
  expect(after).toBe("after")
})

test("long lists of numbers, whatever is among them", () => {
  const numbers = Array.from({ length: 50 }, (_, i) => i / 7 - 3)
  expect(encode([numbers]).json).toBe(JSON.stringify([numbers]))
  for (const odd of [-0, Number.NaN, Infinity, undefined, null, "~", 1n]) {
    const list = [...numbers, odd, ...numbers]
    expect(arrive(encode(list))).toEqual(list)
  }
  const holey = numbers.slice()
  delete holey[7]
  expect(7 in (arrive(encode(holey)) as number[])).toBe(false)
  let reads = 0
  const once = Object.defineProperty(numbers.slice(), 3, { get: () => ++reads, enumerable: true })
  expect((arrive(encode(once)) as number[])[3]).toBe(1)
  expect(reads).toBe(1)
})

test("single surrogates are escaped in a wide text, too", () => {
  const value = ["列", "\ud800", "\udfffx", "😀", { "列\udc00": "列😀" }]
  const { json } = encode(value)
  expect(json).toBe(JSON.stringify(value))
  expect(json).toContain("\\ud800")
})

test("bigints and dates around the limits of numbers", () => {
  const value = [0n, 1n, -1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 10n ** 400n, 4_000_000_001n]
  const { json } = encode(value)
  expect(json).toBe(JSON.stringify(value.map(v => `~n${v}`)))
  expect(arrive(encode(value))).toEqual(value)
  const times = [0, 1, -1, 999, 1e9, 1_700_000_000_000, 8.64e15, -8.64e15, Number.NaN]
  expect(encode(times.map(t => new Date(t))).json).toBe(JSON.stringify(times.map(t => `~d${t}`)))
})
