/** What a peer may send instead of what the encoder writes: always a value or a ProtocolError, and nothing else happens. */
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { FlameError, ProtocolError } from "../../src/shared/errors.ts"
import { decode, encode } from "../../src/transport/codec/index.ts"
import { exact } from "./codec-helpers.ts"

const buffer = (bytes: number) => new ArrayBuffer(bytes)

describe("malformed input is a ProtocolError", () => {
  const table: [what: string, json: string, parts?: ArrayBuffer[]][] = [
    ["no JSON", "{"],
    ["nothing", ""],
    ["an unknown marker", '"~q"'],
    ["a bare mark", '"~"'],
    ["a marker with a tail", '"~uu"'],
    ["a hole outside an array", '{"a":"~h"}'],
    ["a container head alone", '["a","~m"]'],
    ["a hole in a Map", '["~m","~h",1]'],
    ["half a Map entry", '["~m",1]'],
    ["a date that is none", '"~dsoon"'],
    ["an empty date", '"~d"'],
    ["a date out of range", '"~d1e300"'],
    ["a bigint that is none", '"~n0x10"'],
    ["an empty bigint", '"~n"'],
    ["a url that is none", '"~lnot a url"'],
    ["a regexp that is none", '["~r","(",""]'],
    ["regexp flags that are none", '["~r","a","zz"]'],
    ["a regexp of numbers", '["~r",1,2]'],
    ["a short regexp", '["~r","a"]'],
    ["a boxed object", '["~x",{}]'],
    ["a live value", '["~f",1]'],
    ["a root within", '{"a":["~@",1,2]}  x'],
    ["a long root", '["~@",1,2]'],
    ["a reference without a root", '[{},"~#0"]'],
    ["a reference ahead", '["~@",["~#5",{}]]'],
    ["a reference to nothing", '["~@","~#"]'],
    ["a negative reference", '["~@",["~#-1"]]'],
    ["a reference to what is being made", '["~@",["~x","~#0"]]'],
    ["error fields that are an array", '["~e",[]]'],
    ["error fields that are null", '["~e",null]'],
    ["an error without a name", '["~e",{"message":"","stack":""}]'],
    ["an error whose message is a date", '["~e",{"name":"E","message":"~d1","stack":""}]'],
    ["an error with an unknown class", '["~e",{"name":"E","message":"","stack":""},"Nope"]'],
    ["a sparse array without a length", '["~v"]'],
    ["a sparse array too long", '["~v",4294967296]'],
    ["a sparse array of length 1.5", '["~v",1.5]'],
    ["a sparse index beyond its length", '["~v",5,5,1]'],
    ["sparse indexes backwards", '["~v",5,3,1,2,1]'],
    ["a sparse index twice", '["~v",5,3,1,3,1]'],
    ["a sparse index that is a key", '["~v",5,"__proto__",1]'],
    ["no such part", '"~bUint8Array:0"'],
    ["a part twice", '["~bUint8Array:0","~bUint8Array:0"]', [buffer(8)]],
    ["a part nobody takes", '{"a":"~u"}', [buffer(8)]],
    ["a negative part", '"~bUint8Array:-1"', [buffer(8)]],
    ["a part without a number", '"~bUint8Array"', [buffer(8)]],
    ["a part of an unknown type", '"~bFunction:0"', [buffer(8)]],
    ["a part of an inherited type", '"~bconstructor:0"', [buffer(8)]],
    ["a length that does not fit", '"~bFloat64Array:0"', [buffer(12)]],
    ["too deep", "[".repeat(5_000) + "]".repeat(5_000)],
    ["too deep by far", `${'{"a":'.repeat(300_000)}1${"}".repeat(300_000)}`],
    ["too deep in maps", '["~m",'.repeat(20_000) + "1,1]".repeat(20_000)],
  ]
  for (const [what, json, parts = []] of table) {
    test(what, () => expect(() => decode(json, true, parts)).toThrow(ProtocolError))
  }

  test("parts with a plain message", () => expect(() => decode("1", false, [buffer(1)])).toThrow(ProtocolError))
})

test("a length that does not fit is said in numbers", () => {
  expect(() => decode('"~bFloat64Array:0"', true, [buffer(12)])).toThrow("12 bytes for a Float64Array")
})

test("a plain message is not searched for markers", () => {
  expect(decode('["~m","~q"]', false, [])).toEqual(["~m", "~q"])
})

test("a few bytes do not become much memory", () => {
  const one = '["~v",30000000]'
  const before = process.memoryUsage().heapUsed
  const got = decode(`[${Array(50).fill(one).join(",")}]`, true, []) as unknown[][]
  expect(got[49]).toHaveLength(30_000_000)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6)
})

test("an error cannot be given another prototype or methods by its fields", () => {
  const json = '["~e",{"name":"TypeError","message":"m","stack":"s","__proto__":{"polluted":1},"toString":1}]'
  const got = decode(json, true, []) as Error
  expect(got).toBeInstanceOf(TypeError)
  expect(Object.getPrototypeOf(got)).toBe(TypeError.prototype)
  expect(Object.hasOwn(got, "__proto__")).toBe(true)
})

describe("fuzz", () => {
  const snapshot = () =>
    JSON.stringify(
      [Object.prototype, Array.prototype, Map.prototype, Error.prototype].map(p => Reflect.ownKeys(p).map(String)),
    )
  const raise = (ref: unknown) => ({ ref })
  const inputs = [
    {
      a: new Date(1),
      b: Object.assign(new Array(4), [1n, undefined], { 3: -0 }),
      m: new Map<unknown, unknown>([["k", new Set([Number.NaN])]]),
      s: "~x",
    },
    [Float64Array.of(1, 2), Buffer.from("abc"), { v: new DataView(buffer(3)) }, new BigUint64Array(1)],
    Object.assign(new RangeError("m", { cause: new AggregateError([new Error("x")]) }), { code: "E", re: /x/gi }),
    (() => {
      const o: Record<string, unknown> = { url: new URL("http://a/"), box: Object(1) }
      return Object.assign(o, { o, list: [o, Object.assign([], { 70000: o })] })
    })(),
    { f: () => 1, g: [() => 2, JSON.parse('{"__proto__":{"x":"~"},"constructor":1}')] },
  ].map(v => encode(v, () => ({ live: 1 })))

  const markers = fc.constantFrom(
    ..."~@ ~m ~s ~r ~e ~v ~x ~f ~t ~c ~u ~h ~N ~0 ~d1 ~n1 ~#0 ~#1 ~#2 ~bUint8Array:0 ~bFloat64Array:0 ~la:b ~~ __proto__".split(
      " ",
    ),
    "constructor",
    "name",
    "message",
    "stack",
    "cause",
  )
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(markers, fc.nat(5), fc.constantFrom(null, true, 1.5, -1, "", 4_294_967_295)),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.tuple(markers, fc.array(tie("tree"), { maxLength: 4 })).map(([head, rest]) => [head, ...(rest as unknown[])]),
      fc.array(fc.tuple(fc.oneof(markers, fc.string()), tie("tree")), { maxLength: 3 }).map(e => Object.fromEntries(e)),
    ),
  }))

  function outcome(json: string, parts: ArrayBuffer[]): "value" | "refused" {
    try {
      decode(json, true, parts, raise)
      return "value"
    } catch (error) {
      if (!(error instanceof FlameError) || error.code !== "ERR_FLAME_PROTOCOL") throw error
      return "refused"
    }
  }

  test("trees of markers", () => {
    const before = snapshot()
    const seen = { value: 0, refused: 0 }
    fc.assert(
      fc.property(tree, fc.boolean(), (t, root) => {
        seen[outcome(JSON.stringify(root ? ["~@", t] : t), [])]++
      }),
      { numRuns: 10_000 },
    )
    expect(snapshot()).toBe(before)
    expect(Math.min(seen.value, seen.refused)).toBeGreaterThan(500)
  })

  test("real messages with bytes changed, cut out and put in", () => {
    const before = snapshot()
    const seen = { value: 0, refused: 0 }
    const edit = fc.tuple(fc.nat(), fc.nat(3), fc.oneof(markers, fc.string({ maxLength: 4 })))
    fc.assert(
      fc.property(fc.constantFrom(...inputs), fc.array(edit, { minLength: 1, maxLength: 4 }), (input, edits) => {
        let json = input.json
        for (const [at, cut, put] of edits) {
          const start = at % (json.length + 1)
          json = json.slice(0, start) + put + json.slice(start + cut)
        }
        seen[outcome(json, input.parts.map(exact))]++
      }),
      { numRuns: 12_000 },
    )
    expect(snapshot()).toBe(before)
    expect(Math.min(seen.value, seen.refused)).toBeGreaterThan(200)
  })

  test("what a mutated message decodes to can be encoded again or is refused", () => {
    fc.assert(
      fc.property(tree, t => {
        let value: unknown
        try {
          value = decode(JSON.stringify(["~@", t]), true, [], raise)
        } catch {
          return // refused: whether rightly so is for the tests above
        }
        encode(value)
      }),
      { numRuns: 2_000 },
    )
  })
})
