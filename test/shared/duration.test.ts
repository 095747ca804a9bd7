import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatMs, toMs } from "../../src/shared/duration.ts"
import { OptionError } from "../../src/shared/errors.ts"

describe("toMs", () => {
  it.each([
    [0, 0],
    [1_500, 1_500],
    ["250ms", 250],
    ["1.5s", 1_500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["01:30", 90_000],
    ["90:00", 5_400_000],
    ["01:00:00", 3_600_000],
    ["1-12:00:00", 129_600_000],
    ["infinity", Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const)("reads %j", (text, ms) => {
    expect(toMs(text, "timeout")).toBe(ms)
  })

  // "90" and "1-12:00" mean minutes to Slurm and seconds to others: nothing is guessed.
  it.each([
    "",
    " 5m",
    "5 m",
    "5min",
    "soon",
    "-5s",
    "1e3ms",
    "90",
    "1-12:00",
    "1-12",
    "1:2:3:4",
    -1,
    Number.NaN,
    null,
    true,
    {},
    10n,
  ])("refuses %o, naming the option", value => {
    const read = () => toMs(value as never, "bootTimeout")
    expect(read).toThrow(OptionError)
    expect(read).toThrow(expect.objectContaining({ option: "bootTimeout" }))
    expect(read).toThrow(/`bootTimeout` is not a duration: .*\n {2}hint: .*'5m'/)
  })

  it("reads every Slurm clock as the sum of its parts", () => {
    const part = fc.nat({ max: 99 })
    fc.assert(
      fc.property(part, part, part, part, (d, h, m, s) => {
        expect(toMs(`${d}-${h}:${m}:${s}`, "x")).toBe((((d * 24 + h) * 60 + m) * 60 + s) * 1_000)
        expect(toMs(`${h}:${m}:${s}`, "x")).toBe(((h * 60 + m) * 60 + s) * 1_000)
        expect(toMs(`${m}:${s}`, "x")).toBe((m * 60 + s) * 1_000)
      }),
    )
  })
})

describe("formatMs", () => {
  it.each([
    [0, "0ms"],
    [999, "999ms"],
    [61_000, "1m1s"],
    [3_600_000, "1h"],
    [90_061_000, "1d1h1m1s"],
    [59_999, "1m"],
    [Number.POSITIVE_INFINITY, "infinity"],
  ])("shows %d as %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text)
  })

  it("shows whole seconds so that they can be read again", () => {
    const unit = { d: 86_400, h: 3_600, m: 60, s: 1 } as const
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), seconds => {
        const parts = [...formatMs(seconds * 1_000).matchAll(/(\d+)([dhms])/g)]
        const sum = parts.reduce((total, [, n, u]) => total + Number(n) * unit[u as keyof typeof unit], 0)
        expect(sum).toBe(seconds)
      }),
    )
  })
})
