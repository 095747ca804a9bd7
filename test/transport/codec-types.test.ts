/** Types that users register: what is in them crosses by the same rules as everything else. */
import { describe, expect, test } from "vitest"
import { OptionError, ProtocolError } from "../../src/shared/errors.ts"
import { decode, encode, registerClass, registerType } from "../../src/transport/codec/index.ts"
import { arrive, trip } from "./codec-helpers.ts"

class Vector {
  constructor(
    readonly data: Float64Array,
    readonly meta: Record<string, unknown> = {},
  ) {}
  get length() {
    return this.data.length
  }
  *[Symbol.iterator]() {
    yield* this.data
  }
}
class Node {
  static made = 0
  next: Node | undefined
  when = new Date(1)
  constructor() {
    Node.made++
  }
}
class Late extends Node {}
class Money {
  readonly #cents: bigint
  readonly extra: unknown
  constructor(cents: bigint, extra?: unknown) {
    this.#cents = cents
    this.extra = extra
  }
  get cents() {
    return this.#cents
  }
}
class QuotaError extends Error {
  override name = "QuotaError"
  constructor(readonly quota: number) {
    super(`over ${quota}`)
  }
}

registerClass(Vector)
registerClass(Node, "Node/1")
registerClass(QuotaError)
registerType("Money", {
  isApplicable: (v): v is Money => v instanceof Money,
  serialize: m => ({ cents: m.cents, extra: m.extra }),
  deserialize: j => new Money(j.cents, j.extra),
})

describe("registered", () => {
  test("classes keep their prototype and what JSON cannot hold", () => {
    const got = trip(new Vector(Float64Array.of(1, Number.NaN), { when: new Date(2), m: new Map([[1, 2n]]) }))
    expect(got).toBeInstanceOf(Vector)
    expect([...got]).toEqual([1, Number.NaN])
    expect(got.meta).toEqual({ when: new Date(2), m: new Map([[1, 2n]]) })
  })

  test("classes may be cyclic and are not constructed", () => {
    const node = new Node()
    node.next = node
    const made = Node.made
    const got = trip([node, node])
    expect(got[0]).toBeInstanceOf(Node)
    expect(got[0]!.next).toBe(got[0])
    expect(got[1]).toBe(got[0])
    expect(Node.made).toBe(made)
  })

  test("a class does not speak for its subclasses", () => {
    expect(() => encode([new Late()])).toThrow(/value\[0\] cannot cross: it is an instance of Late/)
  })

  test("types hold typed arrays, and one value stays one", () => {
    const money = new Money(5n, { bytes: Uint8Array.of(1) })
    const got = trip({ a: money, b: money })
    expect(got.a).toBeInstanceOf(Money)
    expect([got.a.cents, got.a.extra]).toEqual([5n, { bytes: Uint8Array.of(1) }])
    expect(got.b).toBe(got.a)
  })

  test("a type that leads back to itself is refused, and the path leads through it", () => {
    const loop: { money?: Money } = {}
    loop.money = new Money(1n, loop)
    expect(() => encode(loop.money)).toThrow(/value\.extra\.money cannot cross: what its registered type serialises/)
    expect(() => encode([new Money(1n, { s: Symbol() })])).toThrow(/value\[0\]\.extra\.s cannot cross/)
  })

  test("errors get their class back", () => {
    const got = trip(new QuotaError(7))
    expect(got).toBeInstanceOf(QuotaError)
    expect(got).toMatchObject({ name: "QuotaError", message: "over 7", quota: 7 })
  })

  test("what is unknown over there is said by name", () => {
    for (const json of ['["~c","Nope",{}]', '["~t","Nope",1]', '["~t","constructor",1]', '["~c","__proto__",{}]']) {
      expect(() => decode(json, true, [])).toThrow(ProtocolError)
    }
    for (const name of ["Nope", "constructor"]) {
      expect(() => decode(`["~t","${name}",1]`, true, [])).toThrow(`"${name}", which is not registered here`)
    }
  })

  test("a forged reference from a type to itself is refused", () => {
    const forged = '["~@",["~t","Money",{"cents":"~n1","extra":"~#0"}]]'
    expect(() => decode(forged, true, [])).toThrow(/malformed value: a reference to a value that is still being made/)
  })

  test("a deserializer that throws is a protocol error with its cause", () => {
    const cause = new Error("no such money")
    registerType("Broken", {
      isApplicable: (v): v is Broken => v instanceof Broken,
      serialize: () => 1,
      deserialize: (): Broken => {
        throw cause
      },
    })
    class Broken {}
    const encoded = encode(new Broken())
    expect(() => arrive(encoded)).toThrow(expect.objectContaining({ code: "ERR_FLAME_PROTOCOL", cause }))
  })
})

describe("registration", () => {
  test("refuses what cannot work", () => {
    expect(() => registerClass(class Node {}, "Node/1")).toThrow(OptionError)
    expect(() => registerClass(Node, "Node/1")).not.toThrow()
    expect(() => registerClass(class {}, "")).toThrow(/without a name/)
    expect(() => registerClass(class M extends Map {})).toThrow(/registerType/)
    expect(() =>
      registerType("Money", { isApplicable: (_v): _v is never => false, serialize: v => v, deserialize: v => v }),
    ).toThrow(/registered already/)
  })
})
