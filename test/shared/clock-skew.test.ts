import { describe, expect, it } from "vitest"
import { clockSkew } from "../../src/shared/clock-skew.ts"
import { controllerSkew } from "../../src/slurm/controller-clock.ts"

describe("a reading of another clock", () => {
  it.each([
    ["at the same moment", { shown: 5_000, from: 5_000, until: 5_000 }, 0],
    ["somewhere within the time it took", { shown: 5_100, from: 5_000, until: 5_400 }, 0],
    ["one that is ahead", { shown: 12_000, from: 5_000, until: 5_000 }, 7_001],
    ["one that is behind", { shown: 2_000, from: 5_000, until: 5_400 }, -3_199],
    ["in whole seconds, which this second began", { shown: 5_000, resolutionMs: 1_000, from: 5_990, until: 5_999 }, 0],
    ["in whole seconds, ahead", { shown: 65_000, resolutionMs: 1_000, from: 5_200, until: 5_200 }, 60_300],
    ["that a busy program took long to look at", { shown: 1_000, from: 500, until: 20_000 }, 0],
  ])("%s", (_, reading, skew) => {
    expect(clockSkew(reading)).toBe(skew)
  })
})

describe("the controller's clock", () => {
  const at = Date.UTC(2026, 10, 22, 12, 0, 0)
  it("is read from the first line of its configuration", () => {
    const config = "Configuration data as of 2026-11-22T12:02:00\nKillWait                = 7 sec\n"
    expect(controllerSkew(config, at + 100, at + 120)).toBe(120_390)
    expect(controllerSkew(config, at + 120_300, at + 120_320)).toBe(0)
  })
  it("is taken to be right where it does not say", () => {
    expect(controllerSkew("KillWait                = 7 sec\n", at, at)).toBe(0)
    expect(controllerSkew("", at, at)).toBe(0)
  })
})
