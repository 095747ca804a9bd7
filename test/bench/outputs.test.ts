/** What is written at the end of a run: what cannot be is known before it, and costs nothing else. */
import fs from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, onTestFinished, test, vi } from "vitest"
import { makeDirectory } from "../../bench/suite/output-file.ts"
import { type OutputPaths, prepareOutputs } from "../../bench/suite/outputs.ts"
import { readReport } from "../../bench/suite/report-file.ts"
import { madeUpReport } from "./made-up-report.ts"

function directory(): (name: string) => string {
  const root = fs.mkdtempSync(path.join(tmpdir(), "slurm-flame-outputs-"))
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }))
  return name => path.join(root, name)
}

const write = async (paths: OutputPaths) => await (await prepareOutputs(paths)).write(madeUpReport())

test("a file is replaced as a whole, through a link, and keeps its mode; nothing is left beside it", async () => {
  const at = directory()
  fs.writeFileSync(at("real.json"), "old", { mode: 0o640 })
  const { ino } = fs.statSync(at("real.json"))
  fs.symlinkSync("real.json", at("link.json"))
  fs.symlinkSync("later.html", at("link.html"))
  expect((await write({ json: at("link.json"), html: at("link.html") })).failures).toEqual([])
  expect(fs.statSync(at("real.json")).mode & 0o777).toBe(0o640)
  expect(fs.statSync(at("real.json")).ino).not.toBe(ino) // the old one was never cut short
  expect((await readReport(at("real.json"))).groups.length).toBeGreaterThan(0)
  expect(fs.readdirSync(at(".")).sort()).toEqual(["later.html", "link.html", "link.json", "real.json"])
})

test("what cannot be written keeps what was there", async () => {
  const at = directory()
  fs.writeFileSync(at("old.json"), "old")
  const outputs = await prepareOutputs({ json: at("old.json"), from: at("r.json") })
  vi.spyOn(fs, "fsyncSync").mockImplementationOnce(() => {
    throw new Error("ENOSPC: no space left on device, fsync")
  })
  onTestFinished(() => void vi.restoreAllMocks())
  const { failures } = await outputs.write(madeUpReport())
  expect(failures).toEqual([`--json ${at("old.json")}: ENOSPC: no space left on device, fsync`])
  expect(fs.readFileSync(at("old.json"), "utf8")).toBe("old")
  expect(fs.readdirSync(at("."))).toEqual(["old.json"])
})

test("each output is tried by itself, and a report that has nowhere to go is kept", async () => {
  const at = directory()
  fs.writeFileSync(at("old.json"), JSON.stringify(madeUpReport(2, { pace: 1.5 })))
  const { words, failures } = await write({ json: "/dev/full", html: at("x.html"), compare: at("old.json") })
  expect(words).toContain("faster")
  expect(fs.existsSync(at("x.html"))).toBe(true)
  expect(failures).toEqual([
    expect.stringMatching(/^--json \/dev\/full: ENOSPC/),
    expect.stringMatching(/^the report itself is in .*: --from /),
  ])
  const kept = /is in (.*report\.json): /.exec(failures[1]!)![1]!
  onTestFinished(() => fs.rmSync(path.dirname(kept), { recursive: true }))
  expect((await readReport(kept)).seconds).toBe(madeUpReport().seconds)
})

test("a report that cannot be kept either is said to be lost", async () => {
  vi.stubEnv("TMPDIR", "/nowhere")
  onTestFinished(() => void vi.unstubAllEnvs())
  const { failures } = await write({ json: "/dev/full" })
  expect(failures[1]).toMatch(/^the report could not be kept in \/nowhere either, and is lost: ENOENT/)
})

test.each<[OutputPaths, string]>([
  [{ json: "" }, '--json "": the name is empty'],
  [{ html: "" }, '--html "": the name is empty'],
  [{ svg: "" }, '--svg "": the name is empty'],
  [{ json: "/proc/x" }, "--json /proc/x: nothing can be written in /proc"],
  [{ html: "/dev/null/x" }, "--html /dev/null/x: /dev/null is no directory"],
  [{ svg: "/dev/null/x" }, "--svg /dev/null/x: /dev/null is no directory"],
  [{ json: "/nowhere/at/all" }, "there is no directory /nowhere/at"],
])("%j is refused before anything is measured", async (paths, words) => {
  await expect(prepareOutputs(paths)).rejects.toThrow(words)
})

// Root may write anywhere.
test.skipIf(process.getuid!() === 0)("a directory in which one may not write is refused", async () => {
  const at = directory()
  fs.mkdirSync(at("closed"), { mode: 0o555 })
  await expect(prepareOutputs({ json: at("closed/x") })).rejects.toThrow("nothing can be written in")
})

test("a directory is made level by level, and that ends where the kernel makes none", () => {
  const at = directory()
  makeDirectory(at("a/b/c"))
  expect(fs.readdirSync(at("a/b/c"))).toEqual([])
  expect(() => makeDirectory("/proc/x/y")).toThrow("/proc/x cannot be made: ENOENT")
})

test("two outputs in one file, and one in a report that is read, are refused by whatever name", async () => {
  const at = directory()
  fs.writeFileSync(at("old.json"), JSON.stringify(madeUpReport()))
  fs.symlinkSync("x", at("link"))
  const both = { json: at("x"), html: `${at(".")}/./x` }
  await expect(prepareOutputs(both)).rejects.toThrow("that is where --json is written: name another file")
  await expect(prepareOutputs({ json: at("x"), html: at("link") })).rejects.toThrow("that is where --json is written")
  fs.linkSync(at("old.json"), at("hard"))
  for (const option of ["compare", "from"] as const) {
    const paths = { [option]: at("old.json"), json: at("hard") }
    await expect(prepareOutputs(paths)).rejects.toThrow(`that is the report that --${option} reads`)
  }
  await prepareOutputs({ json: "/dev/null", html: "/dev/null" })
})
