/** Errors inside control messages: packed small enough for one, whatever was thrown. */
import { describe, expect, test } from "vitest"
import { ModuleError } from "../../src/shared/errors.ts"
import { packError, unpackError } from "../../src/transport/failure.ts"
import { MAX_CONTROL_BYTES } from "../../src/transport/protocol.ts"

const tripped = (thrown: unknown) => {
  const text = JSON.stringify({ t: "fail", error: packError(thrown) })
  expect(text.length).toBeLessThan(MAX_CONTROL_BYTES)
  return unpackError(JSON.parse(text).error)
}

describe("a packed error", () => {
  test("keeps its cause and its fields", () => {
    const error = new ModuleError("m", "no", { cause: Object.assign(new RangeError("why"), { when: new Date(1) }) })
    expect(tripped(error)).toMatchObject({ code: "ERR_FLAME_MODULE", module: "m", cause: { when: new Date(1) } })
  })

  test.each([
    ["binary fields", { bytes: new Uint8Array(8) }],
    ["a field that is larger than a message", { text: "x".repeat(MAX_CONTROL_BYTES) }],
    ["a field that only its quotes make larger than a message", { text: '"'.repeat(MAX_CONTROL_BYTES / 3) }],
  ])("with %s is told in words", (_name, fields) => {
    const got = tripped(Object.assign(new RangeError("why"), { code: "E" }, fields))
    expect(got).toBeInstanceOf(RangeError)
    expect(got).toMatchObject({ message: "why", code: "E" })
    expect(Object.keys(got as object)).toEqual(["code"])
  })

  test.each([[null], ["y".repeat(MAX_CONTROL_BYTES)], [{ bytes: new Uint8Array(1) }]])(
    "may be no error (%#)",
    thrown => {
      tripped(thrown)
    },
  )
})
