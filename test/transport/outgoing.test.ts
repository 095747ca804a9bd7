/** How large a message may be, and what is done with the memory of one that is sent. */
import { constants } from "node:buffer"
import { describe, expect, test } from "vitest"
import { PayloadTooLargeError } from "../../src/shared/errors.ts"
import type { Packet } from "../../src/transport/connection.ts"
import { Outbox } from "../../src/transport/outbox.ts"
import { outgoing } from "../../src/transport/outgoing.ts"
import { INLINE_BYTES, MAX_NAMED } from "../../src/transport/packet.ts"
import { MAX_MESSAGE_BYTES, MAX_PACKET_BYTES } from "../../src/transport/protocol.ts"

const part = (bytes: Uint8Array, owned = true) => ({ bytes, owned })

describe("limits", () => {
  test("a message of more than 4 GiB is refused before any memory is taken", () => {
    // The length is all that is looked at before the refusal.
    const huge = part({ byteLength: MAX_MESSAGE_BYTES } as Uint8Array, false)
    const error = (() => {
      try {
        outgoing(0, true, "0", [huge])
      } catch (e) {
        return e as PayloadTooLargeError
      }
      return undefined
    })()
    expect(error).toBeInstanceOf(PayloadTooLargeError)
    expect(error).toMatchObject({
      code: "ERR_FLAME_PAYLOAD_TOO_LARGE",
      bytes: MAX_MESSAGE_BYTES + 1,
      limit: 4 * 2 ** 30,
    })
    expect(error!.message).toMatch(/hint: split the value/)
  })

  test("65,535 parts pass, one more does not", () => {
    const one = part(new Uint8Array(1))
    expect(outgoing(0, true, "0", new Array(65_535).fill(one)).parts).toHaveLength(65_535)
    expect(() => outgoing(0, true, "0", new Array(65_536).fill(one))).toThrow(
      /^message of 65536 typed arrays and Buffers is over the limit of 65535\n.*join the small ones/,
    )
  })

  test("32,768 channels pass, one more does not", () => {
    const ids = Array.from({ length: 32_769 }, (_, i) => 2 * i + 2)
    expect(outgoing(0, true, "0", [], ids.slice(1)).opened).toHaveLength(32_768)
    expect(() => outgoing(0, true, "0", [], ids)).toThrow(
      /^message of 32769 functions, streams and proxies is over the limit of 32768\n.*pass one function/,
    )
  })

  test("the head of a message fits into a packet, whatever it has of everything", () => {
    const sent: Packet[] = []
    const wire = { send: (packet: Packet) => void sent.push(packet), credit: 0, together: (fn: () => void) => fn() }
    const outbox = new Outbox(wire, 0)
    outbox.post(0, 0, JSON.stringify("€".repeat(INLINE_BYTES - 10)))
    const large = part({ byteLength: 65_536 - 32 } as Uint8Array)
    const ids = new Array(MAX_NAMED).fill(Number.MAX_SAFE_INTEGER)
    const text = "€".repeat(65_536)
    outbox.send({ ...outgoing(0, true, text, new Array(65_535).fill(large), ids) })
    outbox.pump()
    const bytes = sent.map(packet => Buffer.byteLength(String(packet)))
    expect(bytes).toHaveLength(2)
    expect(Math.max(...bytes)).toBeLessThanOrEqual(MAX_PACKET_BYTES)
  })

  test("JSON of more bytes than the other end can read as one string is refused", () => {
    const limit = constants.MAX_STRING_LENGTH
    // As a string it is short enough: each character takes two bytes on the wire.
    const json = "\u00e9".repeat(limit / 2 + 1)
    expect(() => outgoing(0, false, json, [])).toThrow(
      expect.objectContaining({
        code: "ERR_FLAME_PAYLOAD_TOO_LARGE",
        bytes: limit + 2,
        limit,
        hint: expect.stringMatching(/as a Buffer/),
      }),
    )
  })

  test("64 KiB go in one packet, one byte more in pieces", () => {
    expect(outgoing(0, true, "0", [part(new Uint8Array(INLINE_BYTES - 1))])).toMatchObject({ bulk: undefined })
    const { bulk, json, parts } = outgoing(0, true, "0", [part(new Uint8Array(INLINE_BYTES))])
    expect(bulk?.lengths).toEqual([1, INLINE_BYTES])
    expect([json, parts]).toEqual(["", []])
  })
})

test.each([8, INLINE_BYTES + 8])("%i bytes of the caller's are copied, those that are ours are not", size => {
  const bytes = new Uint8Array(size).fill(1)
  const sent = (owned: boolean) => {
    const { bulk, parts } = outgoing(0, true, "0", [part(bytes, owned)])
    bulk?.next() // the JSON
    return (bulk ? bulk.next()[1] : parts[0]!) as Uint8Array
  }
  const copy = sent(false)
  const same = sent(true)
  bytes.fill(2)
  expect([copy[0], same[0]]).toEqual([1, 2])
})
