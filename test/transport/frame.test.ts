/** The binary frame: what goes in comes out, and whatever else comes in is refused without reading outside of it. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ProtocolError } from "../../src/shared/errors.ts"
import { decodeFrame, encodeFrame, type Frame, frameBytes, MAX_PARTS } from "../../src/transport/frame.ts"

const HEADER = 16
const frames = fc.record({
  channel: fc.nat({ max: 2 ** 32 - 1 }),
  json: fc.string({ unit: "binary", maxLength: 60 }),
  rich: fc.boolean(),
  parts: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
})

/** A frame, or a ProtocolError; anything else fails the test. */
function attempt(data: Buffer): Frame | undefined {
  try {
    return decodeFrame(data)
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
    return undefined
  }
}

/** A view in the middle of other bytes, so that a read past either end would show. */
function embedded(data: Uint8Array): Buffer {
  const around = Buffer.alloc(data.length + 64, 0xee)
  around.set(data, 32)
  return around.subarray(32, 32 + data.length)
}

const recorded = [
  encodeFrame(0, '{"id":1,"type":"GET","path":["x"]}', false, []),
  encodeFrame(7, '["~b:0","~b:1"]', true, [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array(17).fill(9)]),
  encodeFrame(2 ** 32 - 1, "", false, []),
]

describe("round trip", () => {
  test("channel, JSON, flag and parts arrive as they were sent", () => {
    fc.assert(
      fc.property(frames, ({ channel, json, rich, parts }) => {
        const data = encodeFrame(channel, json, rich, parts)
        const frame = decodeFrame(embedded(data))
        expect(frame).toMatchObject({ channel, rich, json: Buffer.from(json).toString() })
        expect(frame.parts.map(p => [...new Uint8Array(p)])).toEqual(parts.map(p => [...p]))
        expect(data.length).toBe(frameBytes(Buffer.byteLength(json), parts))
      }),
    )
  })

  test("parts start at multiples of 8 in the frame, and the gaps hold zeros", () => {
    fc.assert(
      fc.property(frames, ({ channel, json, rich, parts }) => {
        fc.pre(parts.length > 0)
        const data = encodeFrame(channel, json, rich, parts)
        let at = HEADER + 8 * parts.length + Buffer.byteLength(json)
        for (const part of parts) {
          const start = Math.ceil(at / 8) * 8
          expect(data.subarray(at, start).every(byte => byte === 0)).toBe(true)
          expect([...data.subarray(start, start + part.length)]).toEqual([...part])
          at = start + part.length
        }
        expect(data.length % 8).toBe(0)
        expect(data.subarray(at).every(byte => byte === 0)).toBe(true)
      }),
    )
  })

  test("a part is memory of its own, exactly as long as what was sent", () => {
    const source = new Uint8Array([1, 2, 3, 4, 5])
    const data = encodeFrame(2, "0", true, [source.subarray(1, 4)])
    source.fill(0)
    const [part] = decodeFrame(data).parts
    data.fill(0)
    expect([...new Uint8Array(part!)]).toEqual([2, 3, 4])
  })
})

describe("hostile bytes", () => {
  test("every truncation is refused", () => {
    for (const data of recorded) {
      for (let end = 0; end < data.length; end++) {
        expect(attempt(embedded(data.subarray(0, end)))).toBe(undefined)
      }
    }
  })

  test("every changed byte gives another frame or a refusal, never bytes from outside the frame", () => {
    for (const data of recorded) {
      for (let at = 0; at < data.length; at++) {
        for (const value of [0, 1, 2, 0x7f, 0x80, 0xff, data[at]! ^ 1, data[at]! ^ 0x80]) {
          const copy = embedded(data)
          copy[at] = value
          const frame = attempt(copy)
          if (!frame) continue
          expect(frame.parts.reduce((sum, p) => sum + p.byteLength, 0)).toBeLessThanOrEqual(data.length)
          for (const part of frame.parts) expect(new Uint8Array(part).includes(0xee)).toBe(value === 0xee)
          expect(frame.json.includes("\u00ee")).toBe(false)
        }
      }
    }
  })

  test("random bytes are refused or make a frame", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), bytes => void attempt(embedded(bytes))))
  })

  const part = encodeFrame(3, "1234", true, [new Uint8Array([1])])
  const changed = (change: (data: Buffer) => void) => {
    const copy = Buffer.from(part)
    change(copy)
    return copy
  }
  const cases: [name: string, data: Buffer, why: RegExp][] = [
    ["another type of packet", changed(d => d.writeUInt8(2, 0)), /a frame of type 2/],
    ["an unknown flag", changed(d => d.writeUInt8(2, 1)), /unknown frame flags 2/],
    ["a reserved field in use", changed(d => d.writeUInt32LE(1, 12)), /reserved/],
    ["JSON longer than the frame", changed(d => d.writeUInt32LE(2 ** 32 - 1, 8)), /ends inside its JSON/],
    ["more parts than lengths", changed(d => d.writeUInt16LE(65_535, 2)), /ends inside its JSON/],
    ["a negative length", changed(d => d.writeDoubleLE(-1, 16)), /part 0/],
    ["half a byte", changed(d => d.writeDoubleLE(0.5, 16)), /part 0/],
    ["no number", changed(d => d.writeDoubleLE(Number.NaN, 16)), /part 0/],
    ["endless", changed(d => d.writeDoubleLE(Number.POSITIVE_INFINITY, 16)), /part 0/],
    ["a part that is too long", changed(d => d.writeDoubleLE(2 ** 40, 16)), /part 0/],
    ["bytes after the last part", Buffer.concat([part, Buffer.alloc(8)]), /after its last part/],
    ["bytes after the JSON", Buffer.concat([encodeFrame(0, "1", false, []), Buffer.alloc(1)]), /after its last part/],
  ]
  test.each(cases)("%s is refused", (_name, data, why) => {
    expect(() => decodeFrame(data)).toThrow(why)
    expect(attempt(data)).toBe(undefined)
  })
})

test("65,535 parts are as many as the header can count", () => {
  expect(MAX_PARTS).toBe(65_535)
  const parts = new Array(MAX_PARTS).fill(new Uint8Array(1))
  expect(decodeFrame(encodeFrame(0, "0", true, parts)).parts).toHaveLength(MAX_PARTS)
})
