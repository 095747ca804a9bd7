/** Which failures are worth another run, and how often. */
import { describe, expect, it } from "vitest"
import { checkRetries, mayRetry } from "../../src/parent/retry-policy.ts"
import { OptionError, RunnerLostError } from "../../src/shared/errors.ts"

const lost = new RunnerLostError("gone", "r-1", "crashed", true)
const coded = (code: unknown) => Object.assign(new Error("x"), { code })

describe("retries", () => {
  it.each([
    ["not asked for", undefined],
    ["none", 0],
    ["none, with a list", { times: 0, on: ["E"] }],
  ])("%s: nothing is run again", (_what, option) => {
    expect(checkRetries(option)).toBeUndefined()
    expect(mayRetry(checkRetries(option), 0, lost)).toBe(false)
  })

  it("a number: after the loss of the runner alone, so many times", () => {
    const policy = checkRetries(2)
    expect([0, 1, 2].map(done => mayRetry(policy, done, lost))).toEqual([true, true, false])
    expect(mayRetry(policy, 0, new Error("the function's own"))).toBe(false)
  })

  it("a list: codes and names, ours and the function's own, and no others", () => {
    const policy = checkRetries({ times: 1, on: ["ECONNRESET", "RangeError"] })
    expect(mayRetry(policy, 0, coded("ECONNRESET"))).toBe(true)
    expect(mayRetry(policy, 0, new RangeError("x"))).toBe(true)
    for (const other of [lost, coded(5), new Error("ECONNRESET"), "ECONNRESET", null, undefined]) {
      expect(mayRetry(policy, 0, other)).toBe(false)
    }
  })

  it.each([
    [-1],
    [1.5],
    [Number.NaN],
    ["2"],
    [null],
    [{}],
    [{ times: 1, on: [] }],
    [{ times: 1, on: "E" }],
    [{ times: 1, on: [5] }],
    [{ time: 1 }],
  ])("refuses %j", option => {
    expect(() => checkRetries(option)).toThrow(OptionError)
  })
})
