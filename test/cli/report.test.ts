/** How findings look, without making any: marks, margins, colour, the summary and the document. */
import { describe, expect, test } from "vitest"
import { type CheckResult, failure, round, runCheck } from "../../src/cli/check.ts"
import { renderCheck, renderJson, renderSummary, usesColour } from "../../src/cli/report.ts"
import { HostError } from "../../src/shared/errors.ts"

const good: CheckResult = { name: "node", ok: true, required: true, fact: "20.12.0", advice: null }
const noted: CheckResult = { name: "esbuild", ok: false, required: false, fact: "not installed", advice: "install it" }
const bad: CheckResult = { name: "address", ok: false, required: true, fact: "two\nlines", advice: "choose\none" }
const MARGIN = " ".repeat(24)
const ESCAPE = String.fromCharCode(27)

describe("renderCheck", () => {
  test("has a word for a mark, so that a pipe or a log keeps it", () => {
    expect(renderCheck(good, false)).toBe("ok    node              20.12.0")
    expect(renderCheck(noted, false)).toBe(`note  esbuild           not installed\n${MARGIN}-> install it`)
  })

  test("keeps further lines in their column", () => {
    expect(renderCheck(bad, false)).toBe(
      `FAIL  address           two\n${MARGIN}lines\n${MARGIN}-> choose\n${MARGIN}one`,
    )
  })

  test("colours the mark alone, and columns stay where they were", () => {
    const plain = (text: string) => text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, "g"), "")
    for (const [result, code] of [
      [good, 32],
      [noted, 33],
      [bad, 31],
    ] as const) {
      const line = renderCheck(result, true)
      expect(line.startsWith(`${ESCAPE}[${code}m`)).toBe(true)
      expect(plain(line)).toBe(renderCheck(result, false))
    }
  })
})

test.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { NO_COLOR: "1" }, false],
  [{ isTTY: true }, { NO_COLOR: "" }, true], // no-color.org: an empty one does not count
  [{ isTTY: true }, { TERM: "dumb" }, false],
  [{}, { TERM: "xterm" }, false],
])("usesColour(%o, %o) is %s", (stream, env, expected) => {
  expect(usesColour(stream, env)).toBe(expected)
})

test("the summary names what failed, then what was noted", () => {
  expect(renderSummary([good], false)).toBe("all that is needed works")
  expect(renderSummary([good, noted], false)).toBe("all that is needed works; see the notes on: esbuild")
  expect(renderSummary([good, bad, noted], false)).toBe("does not work: address; see the notes on: esbuild")
  expect(renderSummary([bad], true)).toBe(`${ESCAPE}[31mdoes not work: address${ESCAPE}[39m`)
})

test("the document is ok while only notes failed", () => {
  expect(JSON.parse(renderJson("1.2.3", [good, noted]))).toEqual({ version: "1.2.3", ok: true, checks: [good, noted] })
  expect(JSON.parse(renderJson("1.2.3", [bad]))).toMatchObject({ ok: false })
})

describe("runCheck", () => {
  const check = { name: "thing", required: true }

  test("makes a failed check of one that throws, with the hint apart", async () => {
    const run = () => {
      throw new HostError("no address", { hint: "give one" })
    }
    expect(await runCheck({ ...check, run })).toEqual({
      ...check,
      ok: false,
      fact: "no address",
      advice: "give one",
    })
  })

  test("rounds the time, and leaves it out where there is none", async () => {
    expect(await runCheck({ ...check, run: () => ({ ok: true, fact: "", ms: 0.21349 }) })).toMatchObject({ ms: 0.213 })
    expect(await runCheck({ ...check, run: () => ({ ok: true, fact: "" }) })).not.toHaveProperty("ms")
    expect(round(1350.4)).toBe(1350)
  })

  test("a finding may say itself whether it is needed", async () => {
    const run = async () => ({ ok: false, fact: "", required: false })
    expect(await runCheck({ ...check, run })).toMatchObject({ required: false })
  })

  test("finds the hint also where it is part of the message alone", () => {
    expect(failure(new HostError("job 1 on n1: no address\n  hint: give one"))).toEqual({
      ok: false,
      fact: "job 1 on n1: no address",
      advice: "give one",
    })
  })

  test("takes anything that is thrown", () => {
    expect(failure("text")).toEqual({ ok: false, fact: "text" })
    expect(failure(new Error("plain"))).toEqual({ ok: false, fact: "plain" })
  })
})
