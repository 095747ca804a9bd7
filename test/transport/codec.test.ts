/** Values that cross: each arrives equal, in value, class, holes and identity. */
import assert from "node:assert/strict"
import { runInNewContext } from "node:vm"
import * as fc from "fast-check"
import { SuperJSON } from "superjson"
import { afterEach, describe, expect, test } from "vitest"
import { ProtocolError } from "../../src/shared/errors.ts"
import { decode, decodeTree, encode } from "../../src/transport/codec/index.ts"
import { arrive, exact, trip } from "./codec-helpers.ts"

const holey = (length: number, entries: object): unknown[] => Object.assign(new Array(length), entries)
const floats = [Number.NaN, -0, Infinity, -Infinity, 1.5, Number.MIN_VALUE]
const bytes = Uint8Array.from({ length: 32 }, (_, i) => i)
const sparse: unknown[] = []
sparse[3] = "three"
sparse.length = 6
const protoKey = JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"toJSON":3,"prototype":4,"a":{"__proto__":5}}')

const table: Record<string, unknown> = {
  null: null,
  undefined: undefined,
  "undefined in an object": { a: undefined, b: 1 },
  "undefined in an array": [undefined, 1, undefined],
  numbers: [0, 1, -1, 1e308, 2 ** 53, ...floats],
  "-0 at the top": -0,
  "NaN at the top": Number.NaN,
  bigint: [0n, -1n, 2n ** 200n],
  strings: ["", "~", "~~", "~u", "~d1", "a~", "\u0000", "\u2028", "😀"],
  "lone surrogates": { "\ud800": "\udfff", pair: ["\udc00\ud800"] },
  "arrays that look like markers": [["~m", 1, 2], ["~s"], ["~@", 1], ["~u"], ["~f", {}], ["~e", {}]],
  "a root that looks like one": ["~@", { a: 1 }],
  "keys that look like markers": { "~u": "~u", "~": 1, $: 2 },
  date: [new Date(0), new Date(-1), new Date(8.64e15)],
  regexp: [/a\/"b/giu, /(?:)/, /~/s],
  url: new URL("https://user@example.org:8080/~a?b=c#d"),
  map: new Map<unknown, unknown>([
    ["a", 1],
    [{ k: 1 }, new Map([[1n, undefined]])],
    [Number.NaN, new Date(1)],
  ]),
  set: new Set<unknown>([1, "~", undefined, new Set([1n]), [Number.NaN]]),
  "typed arrays in a Map in a Set": new Set([new Map([["a", Float64Array.from(floats)]])]),
  "empty containers": [{}, [], new Map(), new Set(), new Uint8Array(0), new ArrayBuffer(0), Buffer.alloc(0)],
  holes: holey(6, { 1: 1, 3: undefined }),
  sparse,
  "own keys of ill repute": protoKey,
  boxed: [Object(1), Object("~s"), Object(false), Object(5n), Object(-0)],
  "integer keys keep their order": { 10: "a", 2: "b", x: new Date(5), 1: new Date(6) },
  Int8Array: Int8Array.of(-1, 2),
  Uint8Array: bytes,
  Uint8ClampedArray: Uint8ClampedArray.of(300, 1),
  Int16Array: Int16Array.of(-1, 2),
  Uint16Array: Uint16Array.of(65535, 2),
  Int32Array: Int32Array.of(-1, 2),
  Uint32Array: Uint32Array.of(2 ** 32 - 1),
  Float32Array: Float32Array.from(floats),
  Float64Array: Float64Array.from(floats),
  BigInt64Array: BigInt64Array.of(-1n),
  BigUint64Array: BigUint64Array.of(2n ** 64n - 1n),
  Buffer: Buffer.from("buffer"),
  "a pooled Buffer": Buffer.from("pooled").subarray(1, 3),
  ArrayBuffer: bytes.slice().buffer,
  DataView: new DataView(bytes.buffer, 3, 5),
  "views with offsets": [
    new Float64Array(bytes.buffer, 8, 2),
    bytes.subarray(5, 9),
    new Uint16Array(bytes.buffer, 2, 3),
  ],
}

describe("round trips", () => {
  for (const [name, value] of Object.entries(table)) {
    test(name, () => {
      const got = trip(value)
      assert.deepStrictEqual(got, value)
      expect(Object.getPrototypeOf(Object(got))).toBe(Object.getPrototypeOf(Object(value)))
    })
  }

  test("an invalid date stays one", () => {
    const got = trip([new Date(Number.NaN)])
    expect(got[0]).toBeInstanceOf(Date)
    expect(got[0]!.getTime()).toBeNaN()
  })

  test("holes stay holes", () => {
    const got = trip(holey(4, { 1: undefined, 2: 1 }))
    expect([0, 1, 2, 3].map(i => i in got)).toEqual([false, true, true, false])
    expect(got.length).toBe(4)
  })

  test("an almost endless array costs what it holds", () => {
    const long: unknown[] = []
    long.length = 4_294_967_295
    long[70_000] = new Date(7)
    long[4_000_000_000] = "~end"
    const encoded = encode(long)
    expect(encoded.json.length).toBeLessThan(100)
    const got = arrive(encoded) as unknown[]
    expect(got.length).toBe(4_294_967_295)
    expect(Object.keys(got)).toEqual(["70000", "4000000000"])
    expect(got[70_000]).toEqual(new Date(7))
    expect(got[4_000_000_000]).toBe("~end")
  })

  test("long dense arrays, and one hole in them", () => {
    const dense = Array.from({ length: 100_000 }, (_, i) => i)
    expect(trip(dense)).toEqual(dense)
    delete dense[50_000]
    const got = trip(dense)
    expect(50_000 in got).toBe(false)
    assert.deepStrictEqual(got, dense)
  })

  test("objects without a prototype and of other realms arrive as plain ones of this realm", () => {
    const foreign = runInNewContext(
      "({ a: [1, new Date(3)], m: new Map([[1, new Set([2])]]), e: new RangeError('far') })",
    )
    const got = trip(foreign)
    expect(got.a).toEqual([1, new Date(3)])
    expect(got.a).toBeInstanceOf(Array)
    expect(got.a[1]).toBeInstanceOf(Date)
    expect(got.m.get(1)).toEqual(new Set([2]))
    expect(got.e).toBeInstanceOf(RangeError)
    assert.deepStrictEqual(trip(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  })

  test("a data key of ill repute is data, and nothing else happens", () => {
    const got = trip({ ...protoKey, when: new Date(1) })
    expect(Object.getPrototypeOf(got)).toBe(Object.prototype)
    expect(Object.keys(got)).toEqual(["__proto__", "constructor", "toJSON", "prototype", "a", "when"])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    const inPlace = trip(JSON.parse('{"__proto__":"~x"}'))
    expect(Object.getOwnPropertyDescriptor(inPlace, "__proto__")?.value).toBe("~x")
  })

  test("symbol keys and what is not enumerable stay, getters are read once", () => {
    let reads = 0
    const value = Object.defineProperty(
      {
        [Symbol("s")]: 1,
        get once() {
          return ++reads
        },
      },
      "hidden",
      { value: 2, enumerable: false },
    )
    assert.deepStrictEqual(trip(value), { once: 1 })
    expect(reads).toBe(1)
  })

  test("plain values are plain JSON", () => {
    const value = { a: [1, "x", null, true], b: { c: 1.5 } }
    expect(encode(value)).toEqual({ json: JSON.stringify(value), rich: false, parts: [] })
    expect(encode({ a: "~" }).rich).toBe(true)
  })

  test("a resizable buffer arrives as its present bytes", () => {
    const Resizable = ArrayBuffer as new (length: number, options: { maxByteLength: number }) => ArrayBuffer
    const buffer = new Resizable(4, { maxByteLength: 16 })
    new Uint8Array(buffer).set([1, 2, 3, 4])
    expect(new Uint8Array(trip(buffer))).toEqual(Uint8Array.of(1, 2, 3, 4))
  })
})

describe("parts", () => {
  test("are views of the caller's memory with exactly the view's bytes", () => {
    const view = new Float32Array(bytes.buffer, 4, 3)
    const { parts } = encode([view])
    expect(parts).toHaveLength(1)
    expect(parts[0]!.bytes.buffer).toBe(bytes.buffer)
    expect([parts[0]!.bytes.byteOffset, parts[0]!.bytes.byteLength]).toEqual([4, 12])
  })

  test("are not copied on the way in", () => {
    const { json, rich, parts } = encode({ a: Float64Array.of(1, 2), b: Buffer.from("b"), c: new ArrayBuffer(3) })
    const buffers = parts.map(exact)
    const got = decode(json, rich, buffers) as { a: Float64Array; b: Buffer; c: ArrayBuffer }
    expect(got.a.buffer).toBe(buffers[0])
    expect(got.b.buffer).toBe(buffers[1])
    expect(got.c).toBe(buffers[2])
  })
})

describe("a tree parsed elsewhere", () => {
  test("decodes like the text, several from one text too", () => {
    const values = [{ a: new Date(1) }, [Float64Array.of(1)], { plain: "~m" }]
    const encoded = values.map(value => encode(value))
    const trees = JSON.parse(`[${encoded.map(({ json }) => json).join()}]`) as unknown[]
    const got = encoded.map(({ rich, parts }, i) => decodeTree(trees[i], rich, parts.map(exact)))
    assert.deepStrictEqual(got, values)
  })

  test("is refused like the text", () => {
    expect(() => decodeTree(["~q"], true, [])).toThrow(ProtocolError)
    expect(() => decodeTree(1, false, [new ArrayBuffer(1)])).toThrow(ProtocolError)
    expect(decodeTree(["~q"], false, [])).toEqual(["~q"])
  })
})

describe("identity", () => {
  test("an object met twice arrives as one", () => {
    const shared = { when: new Date(1) }
    const key = {}
    const data = new Float64Array(2)
    const value = { a: shared, b: [shared, shared.when], m: new Map([[key, key]]), s: new Set([data]), data }
    const encoded = encode(value)
    expect(encoded.parts).toHaveLength(1)
    const got = arrive(encoded) as typeof value
    expect(got.b[0]).toBe(got.a)
    expect(got.b[1]).toBe(got.a.when)
    expect([...got.m][0]![0]).toBe([...got.m][0]![1])
    expect(got.s.has(got.data)).toBe(true)
    assert.deepStrictEqual(got, value)
  })

  test("cycles through every container", () => {
    const o: Record<string, unknown> = { bytes: new Uint8Array(1), url: new URL("a:b"), re: /x/, box: Object(1) }
    o.array = [o, new Date(1), /y/]
    o.map = new Map<unknown, unknown>([[o, o]])
    o.set = new Set<unknown>([o, o.map])
    o.error = Object.assign(new Error("round"), { o, when: new Date(3) })
    o.last = o.error
    const got = trip(o) as any
    expect(got.array[0]).toBe(got)
    expect(got.map.get(got)).toBe(got)
    expect(got.set.has(got)).toBe(true)
    expect(got.set.has(got.map)).toBe(true)
    expect(got.error.o).toBe(got)
    expect(got.last).toBe(got.error)
    expect(got.error.when).toEqual(new Date(3))
  })

  test("an expanding graph stays small", () => {
    let graph: object = {}
    for (let i = 0; i < 40; i++) graph = { left: graph, right: graph }
    expect(encode(graph).json.length).toBeLessThan(2_000)
    const got = trip(graph) as { left: object; right: object }
    expect(got.left).toBe(got.right)
  })

  test("an object of an error's dropped field is new when it is met again", () => {
    const later = { a: 1 }
    const error = Object.assign(new Error("x"), { bad: { later, bytes: new Uint8Array(4), fn: () => 1 } })
    const got = trip([error, later, later, new Uint8Array([9])]) as any[]
    expect(got[0].droppedFields).toEqual(["bad"])
    expect(got[1]).toEqual({ a: 1 })
    expect(got[2]).toBe(got[1])
    expect(got[3]).toEqual(new Uint8Array([9]))
  })
})

describe("polluted prototypes", () => {
  const proto = Object.prototype as unknown as Record<string, unknown>
  afterEach(() => {
    delete proto.inherited
    delete proto.toJSON
  })

  test("inherited keys are not sent", () => {
    proto.inherited = new Date(5)
    const { json } = encode({ a: 1, when: new Date(1) })
    expect(json).toBe('{"a":1,"when":"~d1"}')
    const got = arrive(encode({ when: new Date(1) })) as object
    expect(Object.keys(got)).toEqual(["when"])
  })

  test("an inherited toJSON is not called", () => {
    const value = { a: [1, { b: new Date(1) }], toJSON: 4 }
    Object.defineProperty(proto, "toJSON", { value: () => "called", configurable: true })
    expect(encode(value).json).toBe('{"a":[1,{"b":"~d1"}],"toJSON":4}')
  })
})

describe("against oracles", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("~", "u", "d", "m", "#", "0", "@") }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0),
    fc.date({ noInvalidDate: true }),
    fc.float64Array(),
    fc.uint8Array(),
    fc.bigInt64Array(),
  )
  const { value } = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      tie("object"),
      tie("array"),
      tie("map"),
      tie("set"),
      tie("sparse"),
    ),
    object: fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toJSON", "~u")),
      tie("value"),
    ),
    array: fc.array(tie("value"), { maxLength: 5 }),
    sparse: fc.sparseArray(tie("value"), { maxNumElements: 4 }),
    map: fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map(e => new Map(e)),
    set: fc.array(tie("value"), { maxLength: 4 }).map(e => new Set(e)),
  }))

  test("the same as structuredClone", () => {
    fc.assert(
      fc.property(value, v => assert.deepStrictEqual(trip(v), structuredClone(v))),
      { numRuns: 1_500 },
    )
  })

  test("the same sharing as structuredClone", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), fc.array(fc.nat(8)), (pool, picks) => {
        const shared = picks.map(i => (pool.length === 0 ? null : pool[i % pool.length]))
        const input = { shared, pool, again: [shared] }
        const got = trip(input)
        const oracle = structuredClone(input)
        assert.deepStrictEqual(got, oracle)
        expect(got.again[0]).toBe(got.shared)
        got.shared.forEach((x, i) => {
          if (typeof x === "object" && x !== null) expect(got.pool).toContain(x)
          expect(got.pool.indexOf(x)).toBe(oracle.pool.indexOf(oracle.shared[i]))
        })
      }),
      { numRuns: 500 },
    )
  })

  test("the same as superjson where superjson loses nothing", () => {
    const superjson = new SuperJSON()
    const names = ["undefined in an object", "undefined in an array", "bigint", "date", "regexp", "url", "strings"]
    const values = [
      ...names.map(n => table[n]),
      new Map<unknown, unknown>([["a", new Map([[1, new Date(2)]])]]),
      new Set([1n, "a"]),
      { numbers: [Number.NaN, Infinity, -Infinity, -0] },
    ]
    for (const v of values) assert.deepStrictEqual(trip(v), superjson.parse(superjson.stringify(v)))
    const error = new TypeError("bad", { cause: new Error("why") })
    const theirs = superjson.parse<Error>(superjson.stringify(error))
    const ours = trip(error)
    expect([ours.name, ours.message, (ours.cause as Error).message]).toEqual([
      theirs.name,
      theirs.message,
      (theirs.cause as Error).message,
    ])
  })
})

test("a getter that throws says where", () => {
  const value = {
    a: [
      {
        get b(): never {
          throw new Error("the reason")
        },
      },
    ],
  }
  expect(() => encode(value)).toThrow(/value\.a\[0\] cannot cross: reading it threw the reason/)
})
