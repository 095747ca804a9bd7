/** Reports that are read from files: what is none is refused with the place and the reason. */
import { mkdtemp, readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, test } from "vitest"
import { prepareOutputs, reportFor } from "../../bench/suite/outputs.ts"
import { parseReport, readReport } from "../../bench/suite/report-file.ts"
import { shortened } from "../../bench/suite/report-text.ts"
import { madeUpReport } from "./made-up-report.ts"

const good = () => JSON.parse(JSON.stringify(madeUpReport()))

test("takes what the suite writes, and what a later version adds to it", () => {
  const report = good()
  report.groups[0].figures[0].later = { more: 1 }
  expect(parseReport(JSON.stringify(report), "r.json")).toEqual(report)
})

/** Puts a value in a place of the report. */
const set = (of: (report: any) => any, key: string | number, value: unknown) => (report: any) => {
  of(report)[key] = value
  return report
}

test.each<[string, (report: any) => unknown, string]>([
  ["another schema", report => Object.assign(report, { schema: 2 }), "r.json has schema 2, and this version reads 1"],
  [
    "no schema",
    report => Object.assign(report, { schema: undefined }),
    'r.json is no report of this suite: it has no "schema"',
  ],
  ["a list", () => [], 'it has no "schema"'],
  ["null", () => null, 'it has no "schema"'],
  ["no groups", report => Object.assign(report, { groups: 3 }), "r.json: groups is 3, expected a list"],
  [
    "a slice",
    set(report => report.groups[1].figures[2].slices, 1, "x"),
    'groups[1].figures[2].slices[1] is "x", expected a number',
  ],
  [
    "better",
    set(report => report.groups[0].figures[0], "better", "up"),
    'groups[0].figures[0].better is "up", expected "less" or "more"',
  ],
  ["a spread", set(report => report.groups[0].figures[0].spread, "p25", null), "spread.p25 is null, expected a number"],
  ["a name", set(report => report.about, "version", undefined), "about.version is missing, expected a text"],
  [
    "an interface",
    set(report => report.about.nodes[2].interface, "mtu", "9000"),
    'about.nodes[2].interface.mtu is "9000"',
  ],
  [
    "slices without an end",
    set(report => report.groups[0].figures[0], "slices", Array(10_001).fill(1)),
    "groups[0].figures[0].slices is a list of 10001, expected 10000 items at most",
  ],
  [
    "too many figures in all",
    report =>
      Object.assign(report, {
        groups: Array(3).fill({ ...report.groups[0], figures: Array(7_000).fill(report.groups[0].figures[0]) }),
      }),
    "groups hold 21000 figures, expected 20000 at most",
  ],
  [
    "too many buckets",
    set(report => report.groups[0].figures[0], "histogram", {
      low: 1,
      growth: 1.1,
      max: 2,
      counts: Array(5_001).fill(1),
    }),
    "histogram.counts is a list of 5001, expected 5000 items at most",
  ],
  [
    "buckets that do not grow",
    set(report => report.groups[0].figures[0], "histogram", { low: 1, growth: 1, max: 2, counts: [] }),
    "histogram.growth is 1, expected a number above 1",
  ],
  [
    "a text without an end",
    set(report => report.groups[0].figures[0], "note", "x".repeat(10_001)),
    "groups[0].figures[0].note is a text of 10001 characters, expected 10000 at most",
  ],
])("refuses %s", (_, spoil, message) => {
  expect(() => parseReport(JSON.stringify(spoil(good())), "r.json")).toThrow(message)
})

test("refuses a number that is none, and what is nested without an end", () => {
  const text = JSON.stringify({ ...good(), seconds: -77 })
  expect(() => parseReport(text.replace("-77", "1e999"), "r.json")).toThrow("seconds is Infinity, expected a number")
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
  expect(() => parseReport(text.replace("-77", deep), "r.json")).toThrow("is nested deeper than 30 levels")
})

test("no text of a report steers a terminal, and a byte order mark is no part of it", () => {
  const spoilt = { ...good(), warnings: ["a\x1b[2Jb\x9bc\r\x07d\n\te"], options: { "\x1b]0;x": "\x7f" } }
  const report = parseReport(`\ufeff${JSON.stringify(spoilt)}`, "r.json")
  expect(report.warnings).toEqual(["a\ufffd[2Jb\ufffdc\ufffd\ufffdd\n\te"])
  expect(report.options).toEqual({ "\ufffd]0;x": "\ufffd" })
})

test("a message that has no end is cut before it is written", () => {
  expect(shortened("x".repeat(9_999_999))).toHaveLength(2_001)
  expect(shortened("a word")).toBe("a word")
})

test("refuses a file that does not end", async () => {
  await expect(readReport("/dev/zero")).rejects.toThrow("cannot read the report /dev/zero: it is larger than 128 MiB")
})

test("refuses what is no JSON, and a file that is not there, by name", async () => {
  expect(() => parseReport("{", "r.json")).toThrow("r.json is no JSON: ")
  await expect(readReport("/nowhere/r.json")).rejects.toThrow("cannot read the report /nowhere/r.json: ENOENT")
})

test("everything is written that was asked for, from one report", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "slurm-flame-report-"))
  const at = (name: string) => path.join(directory, name)
  await writeFile(at("old.json"), JSON.stringify(madeUpReport(2, { pace: 1.5 })))
  const paths = { json: at("new.json"), html: at("new.html"), svg: at("plots/deep"), compare: at("old.json") }
  const { words, failures } = await (await prepareOutputs(paths)).write(madeUpReport(1))
  expect(failures).toEqual([])
  expect(words).toContain("faster")
  expect(await reportFor("from", at("new.json"))).toEqual(good())
  expect(await readFile(at("new.html"), "utf8")).toContain("Changes beyond the noise")
  expect(await readFile(at("plots/deep/size-latency.svg"), "utf8")).toMatch(/^<\?xml .*\n<svg /)
})

test("what cannot be written or compared is known before anything is measured", async () => {
  await expect(prepareOutputs({ html: "/nowhere/a.html" })).rejects.toThrow(
    "--html /nowhere/a.html: there is no directory /nowhere",
  )
  await expect(prepareOutputs({ json: tmpdir() })).rejects.toThrow("that is a directory")
  await expect(prepareOutputs({ compare: "/nowhere/a.json" })).rejects.toThrow(
    "--compare: cannot read the report /nowhere/a.json",
  )
  await expect(prepareOutputs({ svg: "/dev/null/x" })).rejects.toThrow("--svg /dev/null/x: /dev/null is no directory")
})
