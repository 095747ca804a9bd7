/** `transfer()`: memory moves with the message that was encoded, and stays with the caller of one that was not. */
import { describe, expect, test } from "vitest"
import { OptionError } from "../../src/shared/errors.ts"
import { encode } from "../../src/transport/codec/index.ts"
import { lowerError } from "../../src/transport/remote-error.ts"
import { isMarked, transfer } from "../../src/transport/transfer.ts"
import { arrive } from "./codec-helpers.ts"

/** A page of WebAssembly memory, which cannot be detached. The types of Node know no WebAssembly. */
function wasmMemory(): ArrayBuffer {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } }
  }
  return new WebAssembly.Memory({ initial: 1 }).buffer
}

describe("moves", () => {
  test("an ArrayBuffer, which is detached here, and nothing is copied", () => {
    const buffer = Uint8Array.of(1, 2, 3).buffer
    const { parts, ...rest } = encode({ data: transfer(buffer) })
    expect(buffer.byteLength).toBe(0)
    expect(parts).toEqual([{ bytes: Uint8Array.of(1, 2, 3), owned: true }])
    expect(arrive({ parts, ...rest })).toEqual({ data: Uint8Array.of(1, 2, 3).buffer })
  })

  test("the memory under a view, which keeps its place on it", () => {
    const view = new Float32Array(8).fill(7).subarray(2, 5)
    const encoded = encode([transfer(view), 1])
    expect(view.length).toBe(0)
    expect(encoded.parts[0]).toMatchObject({ owned: true, bytes: { byteOffset: 8, byteLength: 12 } })
    expect(encoded.parts[0]!.bytes.buffer.byteLength).toBe(32)
    expect(arrive(encoded)).toEqual([Float32Array.of(7, 7, 7), 1])
  })

  test("both of two views on one buffer, and the buffer itself", () => {
    const buffer = Uint8Array.of(1, 2, 3, 4).buffer
    const value = { low: new Uint8Array(buffer, 0, 2), high: new DataView(buffer, 2), buffer }
    const encoded = encode(transfer(value, [buffer]))
    expect(encoded.parts.map(({ bytes, owned }) => [[...bytes], owned])).toEqual([
      [[1, 2], true],
      [[3, 4], true],
      [[1, 2, 3, 4], true],
    ])
    expect(new Set(encoded.parts.map(({ bytes }) => bytes.buffer)).size).toBe(1)
    expect(value.low.length).toBe(0)
  })

  test("large memory in no time that copying it could take", () => {
    const buffer = new ArrayBuffer(256 * 2 ** 20)
    new Uint8Array(buffer).fill(1)
    const before = process.memoryUsage().arrayBuffers
    const { parts } = encode(transfer(buffer))
    expect(parts[0]!.bytes[0]).toBe(1)
    expect(parts[0]!.bytes.byteLength).toBe(256 * 2 ** 20)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
  })

  test("only what is marked, and only when the message meets it", () => {
    const marked = new Uint8Array(4)
    const other = new Uint8Array(4)
    transfer(marked)
    expect(encode([other]).parts[0]!.owned).toBe(false)
    expect([other.length, marked.length]).toEqual([4, 4])
    expect(encode([other, marked]).parts.map(part => part.owned)).toEqual([false, true])
    expect([other.length, marked.length]).toEqual([4, 0])
  })
})

describe("leaves", () => {
  test("everything where it is when the message is refused", () => {
    const bytes = Uint8Array.of(1)
    expect(() => encode([transfer(bytes), Symbol("no")])).toThrow(/value\[1\] cannot cross/)
    expect([...bytes]).toEqual([1])
  })

  test("everything where it is when the message is larger than any may be", () => {
    // Views on one buffer, so that the message is over 4 GiB without the memory being.
    const buffer = new ArrayBuffer(2 ** 26)
    const views = Array.from({ length: 65 }, () => new Uint8Array(buffer))
    const { parts } = encode(transfer(views, [buffer]))
    expect(parts.some(part => part.owned)).toBe(false)
    expect(buffer.byteLength).toBe(2 ** 26)
  })

  test("what cannot be detached, which is copied", () => {
    const pooled = Buffer.from("pooled")
    const wasm = wasmMemory()
    const encoded = encode([transfer(pooled), transfer(wasm)])
    expect(encoded.parts.map(part => part.owned)).toEqual([false, false])
    expect([pooled.toString(), wasm.byteLength]).toEqual(["pooled", 65_536])
    expect(arrive(encoded)).toEqual([Buffer.from("pooled"), new ArrayBuffer(65_536)])
  })

  test("an empty buffer", () => {
    expect(arrive(encode(transfer(new ArrayBuffer(0))))).toEqual(new ArrayBuffer(0))
  })

  test("an error's data for the message itself, though its fields are tried out first", () => {
    const data = transfer(Uint8Array.of(5, 6))
    const lowered = lowerError(Object.assign(new Error("with data"), { data }))
    expect([...data]).toEqual([5, 6])
    expect(encode(lowered).parts).toEqual([{ bytes: Uint8Array.of(5, 6), owned: true }])
  })
})

describe("refuses", () => {
  test.each([
    ["a SharedArrayBuffer", new SharedArrayBuffer(1), undefined, /value is a SharedArrayBuffer/],
    ["a view of one", new Uint8Array(new SharedArrayBuffer(1)), undefined, /a view of one, which cannot be moved/],
    ["one in the list", {}, [new ArrayBuffer(1), new SharedArrayBuffer(1)], /list\[1\] is a SharedArrayBuffer/],
    ["an object without a list", { data: new ArrayBuffer(1) }, undefined, /value is no ArrayBuffer/],
    ["a view in the list", {}, [new Uint8Array(1)], /list\[0\] is no ArrayBuffer/],
  ])("%s", (_, value, list, message) => {
    const call = () => transfer(value, list as ArrayBuffer[])
    expect(call).toThrow(OptionError)
    expect(call).toThrow(message)
    for (const buffer of list ?? []) expect(isMarked(buffer as ArrayBuffer)).toBe(false)
  })
})
