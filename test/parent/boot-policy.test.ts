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
  it("waits twice as long after each failure", () => {
    const policy = new BootPolicy()
    expect(policy.delayMs(0)).toBe(0)
    const delays = Array.from({ length: 10 }, () => {
      policy.failed(new BootError("x"), 1_000)
      return policy.delayMs(1_000)
    })
    expect(delays.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000])
    expect(policy.delayMs(2_000)).toBe(59_000)
    expect(policy.delayMs(1_000_000)).toBe(0)
  })

  it("tells those who wait after three failures in a row, whether or not a runner came up in between", () => {
    const policy = new BootPolicy()
    const fail = (now = 0) => policy.failed(new BootError("x"), now).tell
    expect([fail(), fail()]).toEqual([false, false])
    policy.cameUp()
    expect(policy.delayMs(0)).toBe(0) // others may be booted at once
    expect(fail()).toBe(true) // but one that crashes as soon as it is up is no success
    expect(policy.delayMs(0)).toBe(2_000)
  })

  it("starts afresh when the last failure is long ago", () => {
    const policy = new BootPolicy()
    const fail = (now: number) => policy.failed(new BootError("x"), now).tell
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
  ])("tells at once, or tries again, when %s", (_what, error, tell) => {
    expect(new BootPolicy().failed(error, 0).tell).toBe(tell)
  })
})

describe("the breaker", () => {
  const broken = () => {
    const policy = new BootPolicy()
    const opened = Array.from({ length: 5 }, (_, i) => policy.failed(new BootError(`failure ${i}`), i).opened)
    return { policy, opened }
  }

  it("lets as many boots through as are wanted, until five in a row have failed", () => {
    const { opened } = broken()
    expect(opened).toEqual([undefined, undefined, undefined, undefined, 60_000])
    expect(new BootPolicy().allowance(7, 0)).toBe(7)
  })

  it("says why nothing is booted, and when it will be tried again", () => {
    const { policy } = broken()
    expect(policy.allowance(3, 10_000)).toBe(0)
    expect(policy.refusal(10_004)?.message).toMatch(/the last 5 boots failed, and the next is tried in 50s.*failure 4/)
  })

  it("lets one boot through when it has cooled down, and opens for longer when that fails", () => {
    const { policy } = broken()
    expect(policy.allowance(3, 60_004)).toBe(1)
    expect(policy.refusal(60_004)).toBeUndefined()
    expect(policy.allowance(3, 60_005)).toBe(0)
    expect(policy.failed(new BootError("again"), 61_000).opened).toBe(120_000)
    expect(policy.allowance(3, 181_000)).toBe(1)
  })

  it("closes when that one comes up; if it crashes soon, it opens again", () => {
    const { policy } = broken()
    policy.allowance(1, 60_004)
    policy.cameUp()
    expect(policy.allowance(3, 60_005)).toBe(3)
    expect(policy.failed(new BootError("crashed"), 62_000).opened).toBe(120_000)
  })

  it("lets another one through when the first was called off", () => {
    const { policy } = broken()
    expect(policy.allowance(1, 60_004)).toBe(1)
    policy.calledOff()
    expect(policy.allowance(1, 60_005)).toBe(1)
  })

  it("does not count a boot that was under way when it opened twice", () => {
    const { policy } = broken()
    expect(policy.failed(new BootError("the sixth"), 6).opened).toBeUndefined()
  })

  it("counts boots that were under way together once", () => {
    const policy = new BootPolicy()
    const wave = (startedAt: number, now: number) =>
      Array.from({ length: 6 }, () => policy.failed(new BootError("x"), now, startedAt))
    expect(wave(0, 10).some(({ tell, opened }) => tell || opened !== undefined)).toBe(false)
    expect(policy.delayMs(10)).toBe(500)
    wave(600, 610)
    expect(policy.delayMs(610)).toBe(1_000)
  })

  it("is not for long queues, and forgets", () => {
    const policy = new BootPolicy()
    const late = Array.from({ length: 8 }, () => policy.failed(new BootTimeoutError("x"), 0).opened)
    expect(late).toEqual(Array(8).fill(undefined))
    const other = broken().policy
    expect(other.failed(new BootError("x"), 60_004 + FORGET_MS + 1).opened).toBeUndefined()
    expect(other.allowance(2, 300_000)).toBe(2)
  })
})
