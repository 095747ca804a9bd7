import { describe, expect, it } from "vitest"
import { reviveError } from "../../src/parent/revive-error.ts"
import {
  type FlameError,
  isFlameError,
  NoExportError,
  NotSerializableError,
  PayloadTooLargeError,
  RunnerLostError,
} from "../../src/shared/errors.ts"
import { decode, encode } from "../../src/transport/codec/index.ts"
import { lowerError, raiseError } from "../../src/transport/remote-error.ts"

/** What comes of an error that crosses the wire. */
function crossed(error: unknown): Error {
  const { json, rich } = encode(lowerError(error))
  const raised = raiseError(decode(json, rich, [])) as Error
  reviveError(raised)
  return raised
}

describe("reviveError", () => {
  it.each<[FlameError]>([
    [new NoExportError("no such", { hint: "try this" })],
    [new NotSerializableError("result.fn", "result.fn cannot cross", { hint: "try this", cause: new Error("inner") })],
    [new PayloadTooLargeError(9, 8)],
  ])("gives %s its class and its fields back", error => {
    const here = crossed(error)
    expect(here).toBeInstanceOf(error.constructor)
    expect(isFlameError(here)).toBe(true)
    expect({ ...here }).toEqual({ ...error })
    expect(here.message).toBe(error.message)
    expect(here.stack).toBe(error.stack)
  })

  it.each([
    ["another pool's runner", new RunnerLostError("x", "r", "crashed", true)],
    ["an error of the user's that borrows a code", Object.assign(new Error("x"), { code: "ERR_FLAME_NO_EXPORT" })],
    ["any other", Object.assign(new TypeError("x"), { code: "toString" })],
  ])("leaves %s as it came", (_what, error) => {
    expect(isFlameError(crossed(error))).toBe(false)
  })
})
