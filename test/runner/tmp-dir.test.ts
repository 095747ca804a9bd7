import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterEach, describe, expect, it, test } from "vitest"
import { deleteOrphaned, TmpDir } from "../../src/runner/tmp-dir.ts"
import { parseMark } from "../../src/runner/tmp-mark.ts"
import { ownMark } from "../../src/shared/process-mark.ts"

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL")
})

/** Every way in which a runner's directory is deleted. */
const WAYS: [string, (dir: TmpDir) => void | Promise<void>][] = [
  ["beside other work", dir => dir.remove()],
  ["at process exit", dir => dir.removeSync()],
  [
    "at process exit, which comes in the middle",
    dir => {
      void dir.remove()
      dir.removeSync()
    },
  ],
  ["by the worker, when the supervisor is dead", dir => deleteOrphaned(dir.path)],
]

test("a runner's directory is its user's alone, new each time, and says whose it is", () => {
  const [one, two] = [new TmpDir("r-1"), new TmpDir("r-1")]
  expect(one.path).not.toBe(two.path)
  for (const dir of [one, two]) {
    expect(statSync(dir.path).mode & 0o777).toBe(0o700)
    expect(parseMark(readFileSync(join(dir.path, ".slurm-flame"), "utf8"))).toEqual(ownMark())
    dir.removeSync()
  }
})

test.each([
  ["", "an empty file"],
  ['{"v":1,"runner":"r","owner":{"pid":1', "half of one"],
  ['{"v":2,"owner":{"pid":1,"host":"h","started":"1","boot":"b","namespace":"n"}}', "another version"],
  ['{"v":1,"owner":{"pid":1,"host":"h","started":"","boot":"b","namespace":"n"}}', "no start time"],
  ["null", "nothing"],
])("%j is no mark: %s", text => expect(parseMark(text)).toBeUndefined())

describe.each(WAYS)("a directory deleted %s", (_, remove) => {
  const gone = (dir: TmpDir) => !existsSync(dir.path) && !existsSync(`${dir.path}.gone`)

  it("is gone with what is in it, twice if need be", async () => {
    const dir = new TmpDir("r-1")
    mkdirSync(join(dir.path, "a/b"), { recursive: true })
    writeFileSync(join(dir.path, "a/b/file"), "x")
    await remove(dir)
    expect(gone(dir)).toBe(true)
    await remove(dir)
    expect(gone(dir)).toBe(true)
  })

  it("is gone although a process still writes into it, by its path and from inside", async () => {
    const dir = new TmpDir("r-1")
    // In a loop of its own: new files and directories where it stands, and, by its full path, where it was.
    const script = `cd "$1"; echo on; while :; do mkdir -p d; : > d/$((i += 1)); : > e$i; : > "$1/f$i"; done 2>/dev/null`
    const writer = spawn("bash", ["-c", script, "writer", dir.path], { stdio: ["ignore", "pipe", "ignore"] })
    children.push(writer)
    await once(writer.stdout, "data")
    await remove(dir)
    expect(gone(dir)).toBe(true)
  })

  it("does not come back to who deletes it: what was made anew at its path goes as well", async () => {
    const dir = new TmpDir("r-1")
    rmSync(dir.path, { recursive: true })
    mkdirSync(join(dir.path, "again"), { recursive: true })
    await remove(dir)
    expect(gone(dir)).toBe(true)
  })

  it("that became a link takes nothing along", async () => {
    const [dir, other] = [new TmpDir("r-1"), new TmpDir("r-2")]
    writeFileSync(join(other.path, "precious"), "x")
    rmSync(dir.path, { recursive: true })
    symlinkSync(other.path, dir.path)
    await remove(dir)
    expect(existsSync(join(other.path, "precious"))).toBe(true)
    expect(gone(dir)).toBe(true)
    other.removeSync()
  })
})

test("its path is free at once, however much is in it", async () => {
  const dir = new TmpDir("r-1")
  for (let i = 0; i < 2_000; i++) writeFileSync(join(dir.path, `${i}`), "x")
  const removed = dir.remove()
  expect(existsSync(dir.path)).toBe(false)
  expect(existsSync(dirname(dir.path))).toBe(true)
  await removed
  expect(existsSync(`${dir.path}.gone`)).toBe(false)
})
