import { inspect } from "node:util"
import { describe, expect, it } from "vitest"
import * as errors from "../../src/shared/errors.ts"

const command = { argv: ["sbatch"], exitCode: 1, signal: null, stdout: "", stderr: "", timedOut: false }
const init = { hint: "do this", cause: new Error("inner") }

/** One of each class: with its code, and whether the work certainly did not start. */
const ALL: [errors.FlameError, errors.FlameErrorCode, boolean][] = [
  [new errors.OptionError("max", "m", init), "ERR_FLAME_OPTION", false],
  [new errors.HostError("m", init), "ERR_FLAME_HOST", false],
  [new errors.ModuleError("/a.ts", "m", init), "ERR_FLAME_MODULE", false],
  [new errors.SlurmCommandError("m", command, init), "ERR_FLAME_SLURM_COMMAND", false],
  [new errors.SubmitError("m", init), "ERR_FLAME_SUBMIT", false],
  [new errors.BootError("m", {}, init), "ERR_FLAME_BOOT", false],
  [new errors.BootTimeoutError("m", {}, init), "ERR_FLAME_BOOT_TIMEOUT", false],
  [new errors.RunnerLostError("m", "r", "crashed", true, {}, init), "ERR_FLAME_RUNNER_LOST", false],
  [new errors.RunnerLostError("m", "r", "crashed", false, {}, init), "ERR_FLAME_RUNNER_LOST", true],
  [new errors.RunnerDrainingError("m", "r", init), "ERR_FLAME_RUNNER_DRAINING", true],
  [new errors.ReleasedError("m", init), "ERR_FLAME_RELEASED", true],
  [new errors.CallTimeoutError("m", 5, true, init), "ERR_FLAME_CALL_TIMEOUT", false],
  [new errors.CallTimeoutError("m", 5, false, init), "ERR_FLAME_CALL_TIMEOUT", true],
  [new errors.CallAbortedError("m", false, init), "ERR_FLAME_CALL_ABORTED", false],
  [new errors.NoExportError("m", init), "ERR_FLAME_NO_EXPORT", true],
  [new errors.NotSerializableError("a.b", "m", init), "ERR_FLAME_NOT_SERIALIZABLE", false],
  [new errors.PayloadTooLargeError(9, 8, init), "ERR_FLAME_PAYLOAD_TOO_LARGE", false],
  [new errors.HandshakeError("m", init), "ERR_FLAME_HANDSHAKE", false],
  [new errors.ProtocolError("m", init), "ERR_FLAME_PROTOCOL", false],
  [new errors.ConnectionError("m", init), "ERR_FLAME_CONNECTION", false],
  [new errors.PoolClosedError("m", init), "ERR_FLAME_POOL_CLOSED", true],
  [new errors.StateError("m", init), "ERR_FLAME_STATE", false],
  [new errors.WalltimeError("m", 2, 1, init), "ERR_FLAME_WALLTIME", false],
  [new errors.CheckpointError("m", init), "ERR_FLAME_CHECKPOINT", false],
]

describe.each(ALL)("%s", (error, code, retryable) => {
  it("has its code, its class's name, and says whether it may be tried again", () => {
    expect(error).toMatchObject({ code, retryable, hint: "do this" })
    expect(error.name).toBe(error instanceof errors.CallAbortedError ? "AbortError" : error.constructor.name)
    expect(error).toBeInstanceOf(Error)
    expect(errors.isFlameError(error)).toBe(true)
  })

  it("shows its hint, its code and its cause to whoever prints it", () => {
    expect(error.message).toMatch(/\n {2}hint: do this$/)
    expect(inspect(error)).toContain(code)
    expect(inspect(error)).toContain("inner")
  })
})

it("has one of each class in this test", () => {
  const classes = Object.values(errors).filter(
    value => Object.hasOwn(value, "prototype") && value.prototype instanceof Error,
  )
  const made = new Set(ALL.map(([error]) => error.constructor))
  expect(classes.filter(c => c !== errors.FlameError && !made.has(c as never))).toEqual([])
})

describe("isFlameError", () => {
  it("knows an error of another copy of the package", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("slurm-flame.error")]: true })
    expect(errors.isFlameError(foreign)).toBe(true)
  })

  it.each([[new Error("x")], [{ code: "ERR_FLAME_OPTION" }], [null], [undefined], ["ERR_FLAME_OPTION"]])(
    "is false for %o",
    value => {
      expect(errors.isFlameError(value)).toBe(false)
    },
  )
})

it("leaves no word about a hint or a cause where there is none", () => {
  const error = new errors.StateError("just this")
  expect(error.message).toBe("just this")
  expect("cause" in error).toBe(false)
  expect(new errors.StateError("x", { cause: undefined })).toHaveProperty("cause", undefined) // `throw undefined` has a cause
})
