/** Values that must arrive identical, by name; made anew for each use, since what crosses may be changed by who gets it. */
import { registerClass } from "../../src/transport/types-registry.ts"

const floats = [Number.NaN, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5, Number.MIN_VALUE, 0]
const bytes = () => Uint8Array.from({ length: 64 }, (_, i) => 255 - i)
const own = (json: string): unknown => JSON.parse(json)

/** A class that is registered on both sides: they are one process here. */
export class Registered {
  constructor(
    public when: Date,
    public data: Float32Array,
  ) {}
  sum(): number {
    return this.data.reduce((a, b) => a + b, 0)
  }
}
registerClass(Registered)

function cyclic(): object {
  const o: Record<string, unknown> = { bytes: bytes(), when: new Date(1) }
  o.self = o
  o.list = [o, o.bytes, o.when]
  o.map = new Map<unknown, unknown>([[o, o.list]])
  o.set = new Set<unknown>([o, o.map])
  return o
}

function sparse(): unknown[] {
  const list: unknown[] = [undefined]
  list[3] = "three"
  list[70_000] = new Date(3)
  list.length = 80_000
  return list
}

function failure(): Error {
  const inner = Object.assign(new RangeError("inner"), { code: "E_INNER", data: Float32Array.of(Number.NaN, -0) })
  const all = new AggregateError([inner, "text", new Error("two")], "several", { cause: inner })
  const outer = new TypeError("outer", { cause: all })
  for (const error of [outer, all, inner, all.errors[2]]) error.stack = `${error}\n    at ${error.message}.js:1:1`
  return Object.assign(outer, {
    when: new Date(5),
    map: new Map([[1n, -0]]),
    toJSON: 1,
  })
}

const FloatArrays = [Float32Array, Float64Array]
const IntArrays = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array]

/** Name -> how to make it. */
export const VALUES: ReadonlyMap<string, () => unknown> = new Map<string, () => unknown>([
  ["undefined", () => undefined],
  ["null", () => null],
  ["true", () => true],
  ["numbers", () => [...floats, 1e308, 2 ** 53, -1]],
  ...floats.map((n): [string, () => unknown] => [`the number ${Object.is(n, -0) ? "-0" : n}`, () => n]),
  ["bigints", () => [0n, -1n, 2n ** 200n, -(2n ** 64n)]],
  ["a bigint", () => -(2n ** 70n)],
  ["strings", () => ["", "~", "~u", "~~", "\u0000", "\u2028", "😀", "\ud800", "\udfff\ud800", "é€"]],
  ["a lone surrogate", () => "\ud83d"],
  ["a marker as text", () => "~d5"],
  ["keys with lone surrogates", () => ({ "\ud800": "\udc00", "\udc00\ud800": 1 })],
  ["a date", () => new Date(1_700_000_000_000)],
  ["an invalid date", () => new Date(Number.NaN)],
  ["dates", () => [new Date(0), new Date(-1), new Date(8.64e15)]],
  ["regexps", () => [/a\/"b/giu, /(?:)/, /~/sy]],
  ["a regexp with a lastIndex", () => Object.assign(/a/g, { lastIndex: 5 })],
  ["a URL", () => new URL("https://user@example.org:8080/~a?b=c#d")],
  [
    "a Map",
    () =>
      new Map<unknown, unknown>([
        ["a", -0],
        [{ k: 1 }, new Map([[1n, undefined]])],
        [Number.NaN, new Date(1)],
      ]),
  ],
  ["a Set", () => new Set<unknown>([1, "~", undefined, Number.NaN, new Set([1n]), Float64Array.from(floats)])],
  ["empty ones", () => [{}, [], new Map(), new Set(), "", new Uint8Array(0), new ArrayBuffer(0), Buffer.alloc(0)]],
  ["undefined in an object", () => ({ a: undefined, b: { c: undefined } })],
  ["undefined in an array", () => [undefined, 1, undefined]],
  ["a sparse array", sparse],
  ["holes", () => Object.assign(new Array(6), { 1: 1, 3: undefined })],
  ["nested", () => ({ a: [{ b: new Map([["c", [new Set([{ d: Int8Array.of(-1) }])]]]) }] })],
  ["cyclic", cyclic],
  [
    "own keys of ill repute",
    () => own('{"__proto__":{"polluted":1},"constructor":2,"toJSON":3,"then":4,"a":{"__proto__":5}}'),
  ],
  ["boxed", () => [Object(1), Object("~s"), Object(false), Object(5n), Object(-0)]],
  ["an instance of a registered class", () => new Registered(new Date(7), Float32Array.of(1, 2, Number.NaN))],
  ...FloatArrays.map((C): [string, () => unknown] => [C.name, () => C.from(floats)]),
  ...IntArrays.map((C): [string, () => unknown] => [C.name, () => C.from([0, 1, -1, 127, 128, 255, 65_535, 2 ** 31])]),
  ["BigInt64Array", () => BigInt64Array.of(-1n, 2n ** 63n - 1n)],
  ["BigUint64Array", () => BigUint64Array.of(2n ** 64n - 1n)],
  ["a Buffer", () => Buffer.from("buffer")],
  ["a part of a Buffer", () => Buffer.from("a pooled buffer").subarray(3, 8)],
  ["an ArrayBuffer", () => bytes().buffer],
  ["a DataView", () => new DataView(bytes().buffer, 3, 5)],
  [
    "views with offsets",
    () => {
      const { buffer } = bytes()
      return [
        new Float64Array(buffer, 8, 2),
        new Uint8Array(buffer, 5, 4),
        new Uint16Array(buffer, 2, 3),
        new DataView(buffer, 1),
      ]
    },
  ],
  ["empty views with an offset", () => [new Float64Array(bytes().buffer, 64), new DataView(bytes().buffer, 64)]],
  ["an error", failure],
  ["an error without a message", () => Object.assign(new Error(), { stack: "Error\n    at a.js:1:1" })],
])

/** Name -> how to make it, and what its refusal says. */
export const REFUSED: ReadonlyMap<string, readonly [make: () => unknown, says: RegExp]> = new Map([
  ["a symbol", [() => Symbol("s"), /a symbol/]],
  ["a boxed symbol", [() => Object(Symbol("s")), /Symbol/]],
  ["a SharedArrayBuffer", [() => new SharedArrayBuffer(8), /a SharedArrayBuffer/]],
  ["a view of a SharedArrayBuffer", [() => new Int32Array(new SharedArrayBuffer(8)), /a view of a SharedArrayBuffer/]],
  ["an instance of an unregistered class", [() => new (class Local {})(), /instance of Local/]],
  ["a subclass of Map", [() => new (class Mine extends Map {})(), /instance of Mine/]],
  ["a subclass of Float32Array", [() => new (class Mine extends Float32Array {})(2), /subclass of a binary type/]],
  ["a Promise", [() => Promise.resolve(1), /a Promise/]],
  ["a WeakMap", [() => new WeakMap(), /a WeakMap/]],
])
