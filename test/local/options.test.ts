import { describe, expect, it } from "vitest"
import { local } from "../../src/local/backend.ts"
import { OptionError } from "../../src/shared/errors.ts"

describe("local()", () => {
  it.each([
    [
      { waltime: "1m" },
      "waltime",
      /unknown option `waltime` of local\(\)\. Did you mean `walltime`\?\n.*known: walltime/,
    ],
    [{ partition: "gpu" }, "partition", /unknown option/],
    [{ walltime: "soon" }, "walltime", /not a duration/],
    [{ signalBefore: -1 }, "signalBefore", /not a duration/],
    [{ signalBefore: "infinity" }, "signalBefore", /finite time\n.*local\(\{ signalBefore: '30s' \}\)/],
    [{ killWait: Number.POSITIVE_INFINITY }, "killWait", /finite time/],
    [null, "backend", /takes an object of options, not null\n.*walltime/],
    ["1m", "backend", /takes an object/],
  ])("refuses %o", (options, option, message) => {
    const make = () => local(options as never)
    expect(make).toThrow(OptionError)
    expect(make).toThrow(expect.objectContaining({ option }))
    expect(make).toThrow(message)
  })

  it("says what it is", () => {
    expect(local()).toMatchObject({ name: "local", network: "loopback" })
  })
})

describe("validate", () => {
  it.each([
    ["its default", { walltime: "30s" }],
    ["what it is given", { walltime: "1m", signalBefore: "1m" }],
  ] as const)("wants a walltime longer than the warning before it: %s", (_what, options) => {
    const backend = local(options)
    expect(() => backend.validate()).toThrow(/not longer than `signalBefore`.*\n.*local\(\{ walltime: '1m'/)
    expect(() => backend.validate()).toThrow(expect.objectContaining({ option: "walltime" }))
  })

  it.each([[{}], [{ walltime: "31s" }], [{ walltime: Number.POSITIVE_INFINITY }], [{ signalBefore: "1d" }]] as const)(
    "is content with %o",
    options => {
      expect(() => local(options).validate()).not.toThrow()
    },
  )
})
