/** Checks whose bad case this machine does not have: made up, one by one. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, onTestFinished, test, vi } from "vitest"
import { runCheck } from "../../src/cli/check.ts"
import { programsCheck, sharedFilesCheck } from "../../src/cli/checks/files.ts"
import { openFilesCheck, skewFinding } from "../../src/cli/checks/host.ts"
import { median } from "../../src/cli/checks/network.ts"
import { nodeCheck } from "../../src/cli/checks/node.ts"
import { commandsCheck, controllerCheck, findCommands, partitionsCheck } from "../../src/cli/checks/slurm.ts"
import { Desk } from "./command.ts"

test.each([
  ["18.19.0", false, "is older than 20.12"],
  ["20.11.1", false, "is older than 20.12"],
  ["20.12.0", true, "20.12.0"],
  ["24.0.0", true, "24.0.0"],
  ["31.0.0", true, "newer than the newest tested one"],
])("Node %s", async (version, ok, words) => {
  expect(await runCheck(nodeCheck(version))).toMatchObject({ ok, fact: expect.stringContaining(words) })
})

test("a package that was not built: the missing programs are named", async () => {
  const dir = mkdtempSync(join(tmpdir(), "flame-cli-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const result = await runCheck(programsCheck(pathToFileURL(`${dir}/`)))
  expect(result).toMatchObject({ ok: false, fact: expect.stringContaining("bin/supervisor.js, bin/worker.js") })
  expect(result.advice).toContain("npm run build")
})

test("what lies in a temporary directory is no other host's; a name that only begins like one is", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "flame-cli-")), "node")
  onTestFinished(() => rmSync(join(file, ".."), { recursive: true }))
  expect(await runCheck(sharedFilesCheck({ node: file }))).toMatchObject({
    ok: false,
    required: false,
    fact: `node is in ${file}: each host has a ${tmpdir()} of its own`,
  })
  expect(await runCheck(sharedFilesCheck({ node: process.execPath }))).toMatchObject({ ok: true })
  const near = await runCheck(sharedFilesCheck({ node: "/tmpfoo/node" }))
  expect(near.fact).toContain("ENOENT")
})

test.each([
  ["1024", true],
  ["256", false],
  ["unlimited", true],
])("a limit of %s open files", async (limit, ok) => {
  const text = `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${limit}                 4096                 files\n`
  expect(await runCheck(openFilesCheck(async () => text))).toMatchObject({ ok, fact: expect.stringContaining(limit) })
})

test.each([
  [5, true, "agrees with that of n1"],
  [-500, true, "n1 is 500 ms behind this host"],
  [3_000, false, "n1 is 3000 ms ahead of this host"],
])("a clock that is %i ms off", (skew, ok, fact) => {
  expect(skewFinding("n1", skew)).toMatchObject({ ok, fact })
})

test("the median is the middle of the sorted values", () => {
  expect(median([10, 9, 100])).toBe(10)
})

/** Long enough for a shell script to start on a busy machine; the hanging one hangs for far longer. */
const LIMIT_MS = 400

test("commands that do not answer in time are killed, and the check says so", async () => {
  const desk = new Desk()
  desk.slurm()
  vi.stubEnv("PATH", desk.bin)
  onTestFinished(() => void vi.unstubAllEnvs())
  for (const name of ["scontrol", "sinfo"]) desk.program(name, "exec /bin/sleep 120")
  const late = { ok: false, fact: expect.stringContaining("did not answer within 400ms") }
  expect(await runCheck(controllerCheck(LIMIT_MS))).toMatchObject(late)
  expect(await runCheck(partitionsCheck(undefined, LIMIT_MS))).toMatchObject(late)
  expect(await runCheck(commandsCheck(findCommands(), false, LIMIT_MS))).toMatchObject(late)
})

test("a site without sinfo, or whose sinfo shows nothing", async () => {
  const desk = new Desk()
  vi.stubEnv("PATH", desk.bin)
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await runCheck(partitionsCheck(undefined))).toMatchObject({ ok: false, required: false })
  desk.slurm({ sinfo: "exit 0" })
  expect(await runCheck(partitionsCheck(undefined))).toMatchObject({ fact: "none that you may see" })
})

test("what is on PATH but cannot be run does not count", async () => {
  const desk = new Desk()
  desk.slurm()
  chmodSync(join(desk.bin, "squeue"), 0o644)
  expect([...findCommands({ PATH: desk.bin }).keys()]).toEqual(["sbatch", "scancel", "scontrol"])
})
