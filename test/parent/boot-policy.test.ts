import { describe, expect, it } from "vitest"
import { BootPolicy, FORGET_MS } from "../../src/parent/boot-policy.ts"
import {
  BootError,
  BootTimeoutError,
  ConnectionError,
  HostError,
  ModuleError,
  OptionError,
  SlurmCommandError,
  SubmitError,
} from "../../src/shared/errors.ts"

const command = { argv: ["sbatch"], exitCode: 1, signal: null, stdout: "", stderr: "", timedOut: false }

describe("BootPolicy", () => {
  it("waits twice as long after each failure, up to a minute", () => {
    const policy = new BootPolicy()
    expect(policy.delayMs(0)).toBe(0)
    const delays = Array.from({ length: 10 }, () => {
      policy.failed(new BootError("x"), 1_000)
      return policy.delayMs(1_000)
    })
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(policy.delayMs(31_000)).toBe(30_000)
    expect(policy.delayMs(1_000_000)).toBe(0)
  })

  it("tells those who wait after three failures in a row, whether or not a runner came up in between", () => {
    const policy = new BootPolicy()
    const fail = (now = 0) => policy.failed(new BootError("x"), now)
    expect([fail(), fail()]).toEqual([false, false])
    policy.cameUp()
    expect(policy.delayMs(0)).toBe(0) // others may be booted at once
    expect(fail()).toBe(true) // but one that crashes as soon as it is up is no success
    expect(policy.delayMs(0)).toBe(2_000)
  })

  it("starts afresh when the last failure is long ago", () => {
    const policy = new BootPolicy()
    const fail = (now: number) => policy.failed(new BootError("x"), now)
    expect([fail(0), fail(0), fail(FORGET_MS + 1)]).toEqual([false, false, false])
    expect(policy.delayMs(FORGET_MS + 1)).toBe(500)
  })

  it.each([
    ["the module is at fault", new ModuleError("/a.ts", "x"), true],
    ["an option is", new OptionError("max", "x"), true],
    ["the address is", new HostError("x"), true],
    ["the scheduler refused", new SubmitError("x"), true],
    ["the wait was over", new BootTimeoutError("x"), true],
    ["there is no sbatch", new SlurmCommandError("x", { ...command, spawnCode: "ENOENT" }), true],
    ["sbatch failed this time", new SlurmCommandError("x", command), false],
    ["the job died", new BootError("x"), false],
    ["the connection did", new ConnectionError("x"), false],
    ["who knows what", new Error("x"), false],
    ["not even an error", undefined, false],
  ])("tells at once, or tries again, when %s", (_what, error, tell) => {
    expect(new BootPolicy().failed(error, 0)).toBe(tell)
  })
})
