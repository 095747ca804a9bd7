/** Values that do not cross: refused before anything is sent, with the path, the reason and what to do. Live values: lowered. */
import { proxyMarker } from "comlink"
import { describe, expect, test } from "vitest"
import { NotSerializableError, StateError } from "../../src/shared/errors.ts"
import type { Json } from "../../src/shared/json.ts"
import { encode } from "../../src/transport/codec/index.ts"
import { arrive, trip } from "./codec-helpers.ts"

function refused(value: unknown, root?: string): NotSerializableError {
  try {
    encode(value, undefined, root)
  } catch (error) {
    expect(error).toBeInstanceOf(NotSerializableError)
    return error as NotSerializableError
  }
  throw new Error("it was not refused")
}

class Point {
  x = 1
}
class Points extends Map {}
class Bytes extends Uint8Array {}
const detached = new Float64Array(4)
const detachedBuffer = new ArrayBuffer(8)
const detachedView = new DataView(new ArrayBuffer(8))
structuredClone(null, { transfer: [detached.buffer, detachedBuffer, detachedView.buffer] })

describe("refused, with the path", () => {
  const table: [what: string, value: unknown, path: string, message: RegExp][] = [
    ["a function", [{ rows: [0, 1, 2, { fn: () => 1 }] }], "arguments[0].rows[3].fn", /a function.*callbacks/s],
    ["a class", [{ Point }], "arguments[0].Point", /a class/],
    ["a symbol", { s: Symbol("x") }, "arguments.s", /a symbol/],
    ["at the top", Symbol.iterator, "arguments", /a symbol/],
    ["a boxed symbol", [Object(Symbol("x"))], "arguments[0]", /instance of Symbol/],
    ["a class instance", { p: [new Point()] }, "arguments.p[0]", /instance of Point.*registerClass\(Point\)/s],
    ["a subclass of Map", [new Points()], "arguments[0]", /instance of Points/],
    ["a subclass of Uint8Array", [new Bytes(1)], "arguments[0]", /subclass of a binary type/],
    ["an odd prototype", [Object.create({ a: 1 })], "arguments[0]", /prototype of its own/],
    ["a promise", { a: { "b c": Promise.resolve() } }, 'arguments.a["b c"]', /a Promise.*await it first/s],
    ["a WeakMap", [new WeakMap()], "arguments[0]", /a WeakMap/],
    ["a WeakRef", [new WeakRef({})], "arguments[0]", /a WeakRef/],
    ["a generator", [(function* () {})()], "arguments[0]", /a generator/],
    ["an iterable without a class", [{ [Symbol.asyncIterator]: () => null }], "arguments[0]", /cannot cross/],
    ["an AbortSignal", [new AbortController().signal], "arguments[0]", /instance of AbortSignal/],
    ["a ReadableStream", [new ReadableStream()], "arguments[0]", /instance of ReadableStream/],
    ["a SharedArrayBuffer", [new SharedArrayBuffer(1)], "arguments[0]", /a SharedArrayBuffer/],
    ["a view of one", [new Uint8Array(new SharedArrayBuffer(1))], "arguments[0]", /a view of a SharedArrayBuffer/],
    ["a detached typed array", [detached], "arguments[0]", /detached memory.*slice/s],
    ["a detached buffer", [detachedBuffer], "arguments[0]", /detached memory/],
    ["a detached DataView", [detachedView], "arguments[0]", /detached memory/],
    ["what only looks like a Date", [Object.create(Date.prototype)], "arguments[0]", /reading it threw/],
    ["a Map value", new Map([["a", Symbol()]]), 'arguments.get("a")', /a symbol/],
    ["a Map value at an object", new Map([[{}, Symbol()]]), "arguments.values()[0]", /a symbol/],
    ["a Map key", new Map([[1, 1], [Symbol(), 2] as never]), "arguments.keys()[1]", /a symbol/],
    ["a Set member", new Set([1, { a: Symbol() }]), "arguments.values()[1].a", /a symbol/],
    ["in a sparse array", Object.assign([], { 70000: Symbol() }), "arguments[70000]", /a symbol/],
    ["a proxy nobody lowers", [{ [proxyMarker]: true, a: 1 }], "arguments[0]", /cannot cross/],
  ]
  for (const [what, value, path, message] of table) {
    test(what, () => {
      const error = refused(value, "arguments")
      expect(error.path).toBe(path)
      expect(error.message).toMatch(message)
      expect(error.hint).toBeTruthy()
    })
  }

  test("what is nested too deeply, on whatever stack", () => {
    const chain = (n: number, wrap: (inner: unknown) => unknown): unknown => {
      let value: unknown = null
      for (let i = 0; i < n; i++) value = wrap(value)
      return value
    }
    const wraps = [
      (x: unknown) => ({ x }),
      (x: unknown) => [x],
      (x: unknown) => new Map([[x, 1]]),
      (x: unknown) => new Set([x]),
    ]
    for (const wrap of wraps) {
      expect(trip(chain(900, wrap))).toBeInstanceOf(Object)
      expect(refused(chain(100_000, wrap)).message).toMatch(/nested too deeply/)
    }
    const deepDown = (n: number): NotSerializableError => {
      try {
        return deepDown(n + 1)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        return refused(chain(100_000, x => ({ x })))
      }
    }
    expect(deepDown(0).message).toMatch(/nested too deeply/)
  })
})

describe("live values", () => {
  const lower = (value: object, path: () => string): Json | undefined =>
    value instanceof Promise ? undefined : { kind: typeof value, at: path(), text: "~u" }
  const raise = (ref: Json) => ({ raised: ref })

  test("are lowered with their path and raised from the very same JSON", () => {
    const fn = () => 1
    const got = trip<any>({ a: [fn, new Point()], b: fn, s: { [Symbol.asyncIterator]: () => null } }, lower, raise)
    expect(got.a).toEqual([
      { raised: { kind: "function", at: "value.a[0]", text: "~u" } },
      { raised: { kind: "object", at: "value.a[1]", text: "~u" } },
    ])
    expect(got.b).toBe(got.a[0])
    expect(got.s.raised.at).toBe("value.s")
  })

  test("marked proxies are lowered whatever they are, by any copy of Comlink", () => {
    const asked: object[] = []
    const note = (value: object) => {
      asked.push(value)
      return asked.length
    }
    const ours = Object.assign({ counter: 0 }, { [proxyMarker]: true })
    const map = Object.assign(new Map(), { [proxyMarker]: true })
    const theirs = Object.assign({ bytes: new Uint8Array(3), inc() {} }, { [Symbol("Comlink.proxy")]: true })
    const point = Object.assign(new Point(), { [Symbol("Comlink.proxy")]: true })
    const encoded = encode([ours, map, theirs, point, { after: new Date(1) }], note)
    expect(asked).toEqual([ours, map, theirs, point])
    expect(encoded.parts).toEqual([])
    expect(arrive(encoded, ref => `#${ref}`)).toEqual(["#1", "#2", "#3", "#4", { after: new Date(1) }])
  })

  test("declined ones are refused", () => {
    expect(() => encode([Promise.resolve()], lower)).toThrow(/value\[0\] cannot cross: it is a Promise/)
  })

  test("those that hang on an error are dropped, not lowered", () => {
    const error = Object.assign(new Error("x"), { onRetry: () => 1, signal: new AbortController().signal, ok: 1 })
    const got = trip([error, () => 1], lower, raise) as any
    expect(got[0]).toMatchObject({ ok: 1, droppedFields: ["onRetry", "signal"] })
    expect(got[1].raised.kind).toBe("function")
  })

  test("what lower throws passes through", () => {
    const closed = new StateError("closed")
    expect(() =>
      encode([() => 1], () => {
        throw closed
      }),
    ).toThrow(closed)
  })
})
