/**
 * Values of every size over a real connection: around each size at which a message changes its form, at both ends of what is
 * allowed, and whatever fast-check makes up, with structuredClone as the oracle.
 */
import assert from "node:assert/strict"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { PayloadTooLargeError } from "../../src/shared/errors.ts"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { BATCH_CHARS, INLINE_BYTES, PIECE_BYTES } from "../../src/transport/packet.ts"
import { MAX_MESSAGE_BYTES } from "../../src/transport/protocol.ts"
import { transfer } from "../../src/transport/transfer.ts"
import { Caller, type Link, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
const api: Record<string, (...args: any[]) => any> = { echo: value => value }

beforeAll(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterAll(() => hub.close())

const echo = (value: unknown) => caller.call("echo", value)

/** Sizes around `at`, from so far below that all that goes along with a value fits in between. */
const around = (at: number) => Array.from({ length: 120 }, (_, i) => at - 115 + i)

/** Where the form changes: short calls and long ones, one packet and pieces, one piece and several. */
const limits: [string, number[]][] = [
  ["a string of the short form", around(8 * 1024)],
  ["a call of the short form", around(32 * 1024)],
  ["INLINE_BYTES", around(INLINE_BYTES)],
  ["BATCH_CHARS", around(BATCH_CHARS / 3)],
  ["PIECE_BYTES", around(PIECE_BYTES).slice(105)],
  ["two pieces", around(2 * PIECE_BYTES).slice(110)],
]

/** What is as long as `size`; `fill` tells one from the next. */
const forms: [string, (size: number, fill: number) => unknown][] = [
  ["text", (size, fill) => String.fromCharCode(97 + (fill % 26)).repeat(size)],
  ["text of three bytes a character", (size, fill) => "€".repeat(size - 1) + String.fromCharCode(97 + (fill % 26))],
  ["text of surrogates", (size, fill) => "\ud800".repeat(size / 6) + fill],
  ["text with a marker", (size, fill) => [new Date(fill), "~".repeat(size)]],
  ["bytes", (size, fill) => new Uint8Array(size).fill(fill)],
  ["bytes that are moved", (size, fill) => transfer(new Uint8Array(size).fill(fill))],
  ["bytes and text", (size, fill) => ({ bytes: new Uint8Array(size >> 1).fill(fill), text: "x".repeat(size >> 1) })],
  ["two parts", (size, fill) => [new Uint8Array(size - 9).fill(fill), Float64Array.of(fill)]],
]

describe.each(limits)("around %s", (_limit, sizes) => {
  test.each(forms)("%s", async (_form, make) => {
    // All at once: each is in the company of others that are larger and smaller.
    const answers = sizes.map((size, i) => echo(make(size, i)))
    for (const [i, answer] of answers.entries()) assert.deepStrictEqual(await answer, make(sizes[i]!, i))
  })
})

describe("the limit", () => {
  test("0 bytes are a value", async () => {
    const empty = [new ArrayBuffer(0), new Uint8Array(0), Buffer.alloc(0), new DataView(new ArrayBuffer(0)), ""]
    for (const value of empty) assert.deepStrictEqual(await echo(value), value)
    assert.deepStrictEqual(await echo(empty), empty)
  })

  const huge: [string, () => unknown][] = [
    ["one ArrayBuffer", () => new ArrayBuffer(MAX_MESSAGE_BYTES + 1)],
    ["one that is to be moved", () => transfer(new ArrayBuffer(MAX_MESSAGE_BYTES + 1))],
    [
      "many views of one buffer",
      () => {
        const buffer = new ArrayBuffer(2 ** 26)
        return Array.from({ length: 65 }, () => new Uint8Array(buffer))
      },
    ],
  ]
  test("a small view of more memory than that crosses", async () => {
    const far = new Uint8Array(new ArrayBuffer(MAX_MESSAGE_BYTES + 8), MAX_MESSAGE_BYTES, 4).fill(7)
    assert.deepStrictEqual(await echo(far), new Uint8Array(4).fill(7))
  })

  test.each(huge)("%s of more than 4 GiB is refused before anything is copied, in every place", async (_name, make) => {
    const value = make() // its pages are made when they are written: it takes no memory
    const before = process.memoryUsage().rss
    const refused = { code: "ERR_FLAME_PAYLOAD_TOO_LARGE", limit: MAX_MESSAGE_BYTES }
    const error = await thrownBy(echo(value))
    expect(error).toBeInstanceOf(PayloadTooLargeError)
    expect(error).toMatchObject({ ...refused, hint: expect.stringMatching(/split the value/) })
    api.give = () => value
    expect(await thrownBy(caller.call("give"))).toMatchObject(refused)
    api.stream = () => [value].values()
    expect(await thrownBy((await caller.call("stream")).next())).toMatchObject(refused)
    api.callBack = async (callback: any) => await thrownBy(callback(value))
    expect(await caller.call("callBack", () => {})).toMatchObject(refused)
    expect(() => new ComlinkPort(link.parent.session.raw, true).postMessage(value)).toThrow(PayloadTooLargeError)
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 26)
    if (value instanceof ArrayBuffer) expect(value.byteLength).toBe(MAX_MESSAGE_BYTES + 1)
    expect(await echo("on")).toBe("on")
    expect([link.parent.session.size, link.runner.session.size]).toEqual([2, 2])
  })
})

describe("transfer()", () => {
  const sizes = [1, INLINE_BYTES - 200, INLINE_BYTES + 1, 3 * PIECE_BYTES + 1]
  const make = (size: number) => new Uint8Array(size).fill(size)
  type Way = (value: object) => Promise<any>
  const ways: [string, Way][] = [
    ["an argument", echo],
    [
      "a result",
      value => {
        api.give = () => value
        return caller.call("give")
      },
    ],
    [
      "an item of a stream",
      async value => {
        api.give = () => [value].values()
        return (await (await caller.call("give")).next()).value
      },
    ],
    [
      "an argument of a callback",
      value => {
        api.give = (callback: any) => callback(value)
        return caller.call("give", (got: unknown) => got)
      },
    ],
    [
      "the result of a callback",
      value => {
        api.give = (callback: any) => callback()
        return caller.call("give", () => value)
      },
    ],
  ]
  describe.each(ways)("of %s", (_way, bring) => {
    test.each(sizes)("of %i bytes: it arrives, and the source is detached", async size => {
      const source = make(size)
      assert.deepStrictEqual(await bring(transfer(source)), make(size))
      expect([source.length, source.buffer.byteLength]).toEqual([0, 0])
    })

    test.each(sizes)(
      "of %i bytes that are not marked: the source is as it was, and may be changed at once",
      async size => {
        const source = make(size)
        const arrived = bring(source)
        expect(source).toHaveLength(size)
        assert.deepStrictEqual(await arrived, make(size))
        assert.deepStrictEqual(source, make(size))
      },
    )

    test.each(sizes)("of two views of one buffer of 2 x %i bytes", async size => {
      const { buffer } = make(2 * size)
      const views = { low: new Uint8Array(buffer, 0, size), high: new DataView(buffer, size) }
      const got = await bring(transfer(views, [buffer]))
      assert.deepStrictEqual(got.low, make(2 * size).subarray(0, size))
      expect([got.high.byteLength, got.high.getUint8(size - 1)]).toEqual([size, (2 * size) & 255])
      expect([buffer.byteLength, views.low.length]).toEqual([0, 0])
    })
  })

  test("what is changed after the call, unmarked, arrives as it was", async () => {
    for (const size of sizes) {
      const source = make(size)
      const answer = echo(source)
      source.fill(0)
      assert.deepStrictEqual(await answer, make(size))
    }
  })
})

describe("whatever there is", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("~", "u", "d", "#", "@", "\ud800", "é") }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, Number.NaN),
    fc.date({ noInvalidDate: true }),
    fc.float32Array(),
    fc.float64Array(),
    fc.uint8Array(),
    fc.bigInt64Array(),
    fc.uint8Array({ maxLength: 20 }).map(a => new DataView(a.buffer)),
  )
  const keys = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "constructor", "toJSON", "then", "~u"),
  )
  const { value } = fc.letrec(tie => ({
    value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, tie("object"), tie("array"), tie("map"), tie("set")),
    object: fc.dictionary(keys, tie("value")),
    array: fc.oneof(fc.array(tie("value"), { maxLength: 5 }), fc.sparseArray(tie("value"), { maxNumElements: 4 })),
    map: fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map(e => new Map(e)),
    set: fc.array(tie("value"), { maxLength: 4 }).map(e => new Set(e)),
  }))

  test("it is what structuredClone makes of it, there and back", async () => {
    const property = fc.asyncProperty(value, async v => {
      const oracle = structuredClone(v)
      let seen: unknown
      api.see = (x: unknown) => {
        seen = structuredClone(x)
        return x
      }
      const back = await caller.call("see", v)
      assert.deepStrictEqual(seen, oracle)
      assert.deepStrictEqual(back, oracle)
    })
    await fc.assert(property, { numRuns: 500 })
  })

  test("also with something large beside it, which takes another way", async () => {
    const large = "x".repeat(INLINE_BYTES)
    const property = fc.asyncProperty(value, fc.boolean(), async (v, text) => {
      const beside = text ? large : new Uint8Array(INLINE_BYTES)
      assert.deepStrictEqual(await echo([v, beside, v]), structuredClone([v, beside, v]))
    })
    await fc.assert(property, { numRuns: 200 })
  })
})
