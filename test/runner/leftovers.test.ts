/** Which directories a sweep deletes: our own of dead runners, and no others, whatever is put in its way. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { sweepLeftovers } from "../../src/runner/leftovers.ts"
import { markOf, ownMark, type ProcessMark } from "../../src/shared/process-mark.ts"

const OTHER_BOOT = "00000000-0000-4000-8000-000000000000"
const isRoot = process.getuid?.() === 0

let root: string
let dead: ProcessMark

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "flame-sweep-"))
  const child = spawn("sleep", ["60"], { stdio: "ignore" })
  dead = markOf(child.pid!)
  child.kill("SIGKILL")
  await once(child, "exit")
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A directory as a runner with that owner leaves it. */
function leave(name: string, owner: ProcessMark | string, mode = 0o700): string {
  const path = join(root, name)
  mkdirSync(join(path, "data/deep"), { recursive: true, mode: 0o700 })
  writeFileSync(join(path, "data/deep/file"), "x")
  chmodSync(join(path, "data/deep"), 0o500)
  const text = typeof owner === "string" ? owner : JSON.stringify({ v: 1, runner: "r", owner })
  writeFileSync(join(path, ".slurm-flame"), text)
  chmodSync(path, mode)
  return path
}

describe("is deleted: the directory of a runner", () => {
  it.each([
    ["that is dead", "slurm-flame-basic-1a2b3c-1-AbC123", () => dead],
    ["that was killed while it deleted it", "slurm-flame-basic-1a2b3c-1-AbC123.gone", () => dead],
    ["whose pid another process has now", "slurm-flame-p-1-AbC123", () => ({ ...ownMark(), started: "1" })],
    [
      "of this machine before it was started anew",
      "slurm-flame-p-1-AbC123",
      () => ({ ...ownMark(), boot: OTHER_BOOT }),
    ],
    [
      "of this machine before it was started anew, in a container",
      "slurm-flame-p-1-AbC123",
      () => ({ ...dead, boot: OTHER_BOOT, namespace: "pid:[1]" }),
    ],
  ])("%s", async (_, name, owner) => {
    const path = leave(name, owner())
    expect(await sweepLeftovers(root)).toEqual({ deleted: [path], failed: [] })
    expect(readdirSync(root)).toEqual([])
  })
})

describe("is left: a directory", () => {
  const NAME = "slurm-flame-p-1-AbC123"
  it.each<[string, string, () => ProcessMark | string, number?]>([
    ["whose owner lives", NAME, () => ownMark()],
    ["whose owner is in a container, out of sight", NAME, () => ({ ...dead, namespace: "pid:[1]" })],
    ["of another machine that shares it", NAME, () => ({ ...dead, boot: OTHER_BOOT, host: "elsewhere" })],
    ["of a machine without /proc", NAME, () => ({ ...dead, started: "", boot: "", namespace: "" })],
    ["with half a mark", NAME, () => JSON.stringify({ v: 1, runner: "r", owner: dead }).slice(0, -9)],
    ["with an empty mark", NAME, () => ""],
    ["with a mark of another version", NAME, () => JSON.stringify({ v: 2, owner: dead })],
    ["that others may read", NAME, () => dead, 0o750],
    ["of another name", "flame-p-1-AbC123", () => dead],
    ["whose name is not quite ours", "slurm-flame-p-1-AbC123.old", () => dead],
  ])("%s", async (_, name, owner, mode) => {
    const path = leave(name, owner(), mode)
    expect(await sweepLeftovers(root)).toEqual({ deleted: [], failed: [] })
    expect(existsSync(join(path, "data/deep/file"))).toBe(true)
  })

  it("without a mark: its runner has only just made it", async () => {
    const path = leave(NAME, dead)
    rmSync(join(path, ".slurm-flame"))
    expect(await sweepLeftovers(root)).toEqual({ deleted: [], failed: [] })
    expect(existsSync(path)).toBe(true)
  })

  it.runIf(isRoot)("of another user, with our name and a mark that says that we are dead", async () => {
    const path = leave(NAME, dead)
    chownSync(path, 65_534, 65_534)
    expect(await sweepLeftovers(root)).toEqual({ deleted: [], failed: [] })
    expect(existsSync(join(path, "data/deep/file"))).toBe(true)
  })

  it("that a link of our name leads to, or whose mark is a link", async () => {
    const precious = leave("precious", dead)
    symlinkSync(precious, join(root, NAME))
    const path = leave("slurm-flame-q-1-AbC123", dead)
    renameSync(join(path, ".slurm-flame"), join(root, "mark"))
    symlinkSync(join(root, "mark"), join(path, ".slurm-flame"))
    writeFileSync(join(root, "slurm-flame-f-1-AbC123"), "a file")
    expect(await sweepLeftovers(root)).toEqual({ deleted: [], failed: [] })
    for (const dir of [precious, path]) expect(existsSync(join(dir, "data/deep/file"))).toBe(true)
  })
})

it("what was emptied and is being deleted goes without a mark and a word; what is in one without a mark stays", async () => {
  const empty = join(root, "slurm-flame-p-1-AbC123.gone")
  const full = join(root, "slurm-flame-p-2-AbC123.gone")
  const young = join(root, "slurm-flame-p-3-AbC123")
  for (const path of [empty, full, young]) mkdirSync(path, { mode: 0o700 })
  writeFileSync(join(full, "result"), "x")
  // Its runner may live and be about to delete it: nothing is said of it.
  expect(await sweepLeftovers(root)).toEqual({ deleted: [], failed: [] })
  expect(readdirSync(root).sort()).toEqual(["slurm-flame-p-2-AbC123.gone", "slurm-flame-p-3-AbC123"])
})

it("two sweeps at once delete everything once, and neither fails", async () => {
  const paths = Array.from({ length: 20 }, (_, i) => leave(`slurm-flame-p-${i}-AbC123`, dead))
  const swept = await Promise.all([sweepLeftovers(root), sweepLeftovers(root), sweepLeftovers(root)])
  expect(swept.flatMap(({ failed }) => failed)).toEqual([])
  expect(new Set(swept.flatMap(({ deleted }) => deleted))).toEqual(new Set(paths))
  expect(readdirSync(root)).toEqual([])
})

it("what is swapped for another directory while it is swept does not take that one along", async () => {
  const path = leave("slurm-flame-p-1-AbC123", dead)
  // So much that the sweep takes turns with what happens here.
  for (let i = 0; i < 3_000; i++) writeFileSync(join(path, `${i}`), "x")
  const precious = join(root, "precious")
  mkdirSync(join(precious, "data"), { recursive: true })
  writeFileSync(join(precious, "data/file"), "x")
  const sweeping = sweepLeftovers(root)
  while (readdirSync(path).length > 2_900) await new Promise(resolve => setImmediate(resolve)) // it is at work
  renameSync(path, join(root, "moved"))
  symlinkSync(precious, path)
  const { failed } = await sweeping
  expect(failed).toMatchObject([{ path, error: { code: "ENOTDIR" } }])
  expect(existsSync(join(precious, "data/file"))).toBe(true)
  expect(readdirSync(join(root, "moved"))).toEqual([]) // that one was meant
})
