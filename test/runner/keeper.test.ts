/** What keep() moves, where to, and what it refuses; on one file system and between two. */

import { spawnSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { PARTIAL } from "../../src/runner/partial-name.ts"
import { Partials } from "../../src/runner/supervisor/partials.ts"
import { Keeper } from "../../src/runner/worker/keeper.ts"

const SHM = "/dev/shm"
const hasTwo = existsSync(SHM) && statSync(SHM).dev !== statSync(tmpdir()).dev

let base: string
let keepDir: string
let dirs: string[]

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "flame-keep-"))
  keepDir = join(base, "kept")
  dirs = [base]
})
afterEach(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
})

describe.each([
  ["on one file system", () => join(base, "tmp"), true],
  ["between two file systems", () => mkdtempSync(join(SHM, "flame-keep-")), hasTwo],
] as const)("keep() %s", (_, place, there) => {
  let temp: string
  let noted: { path: string; done: boolean }[]
  let keeper: Keeper

  beforeEach(() => {
    if (!there) return
    temp = place()
    dirs.push(temp)
    mkdirSync(temp, { recursive: true, mode: 0o700 })
    noted = []
    keeper = new Keeper(temp, keepDir, (path, done) => noted.push({ path, done }))
  })
  const put = (name: string, text = "content") => {
    mkdirSync(join(temp, name, ".."), { recursive: true })
    writeFileSync(join(temp, name), text)
    return join(temp, name)
  }
  const test = it.runIf(there)

  test("moves a file, under the name it has there or the one that is given", async () => {
    expect(await keeper.keep(put("out/model.bin"))).toBe(join(keepDir, "out/model.bin"))
    await expect(keeper.keep("model.bin", "run/7.bin")).rejects.toMatchObject({ code: "ENOENT" })
    put("model.bin", "second")
    expect(await keeper.keep("model.bin", "run/7.bin")).toBe(join(keepDir, "run/7.bin"))
    expect(readFileSync(join(keepDir, "out/model.bin"), "utf8")).toBe("content")
    expect(readFileSync(join(keepDir, "run/7.bin"), "utf8")).toBe("second")
    expect(readdirSync(temp)).toEqual(["out"])
    expect(statSync(keepDir).mode & 0o777).toBe(0o700)
    expect(readdirSync(keepDir).filter(name => PARTIAL.test(name))).toEqual([])
  })

  test("moves a directory with its modes, times and links", async () => {
    put("set/a/data", "x")
    put("set/secret")
    chmodSync(join(temp, "set/secret"), 0o400)
    symlinkSync("a/data", join(temp, "set/link"))
    symlinkSync("/nowhere", join(temp, "set/dangling"))
    utimesSync(join(temp, "set/a/data"), 1_000, 2_000)
    chmodSync(join(temp, "set/a"), 0o500)
    chmodSync(join(temp, "set"), 0o550)
    const kept = await keeper.keep(join(temp, "set"))
    const mode = (name: string) => lstatSync(join(kept, name)).mode & 0o777
    expect([mode("."), mode("a"), mode("secret")]).toEqual([0o550, 0o500, 0o400])
    expect([readlinkSync(join(kept, "link")), readlinkSync(join(kept, "dangling"))]).toEqual(["a/data", "/nowhere"])
    expect(statSync(join(kept, "a/data")).mtimeMs).toBe(2_000_000)
    expect(readFileSync(join(kept, "link"), "utf8")).toBe("x")
    expect(existsSync(join(temp, "set"))).toBe(false)
  })

  test("replaces nothing: a file, a directory, a link; and what was to be kept stays where it is", async () => {
    mkdirSync(join(keepDir, "dir"), { recursive: true })
    writeFileSync(join(keepDir, "file"), "old")
    symlinkSync("/nowhere", join(keepDir, "link"))
    put("new/x")
    put("one")
    for (const name of ["dir", "file", "link", "file/below"]) {
      for (const source of ["new", "one"]) {
        await expect(keeper.keep(source, name)).rejects.toThrow()
        if (name !== "file/below")
          await expect(keeper.keep(source, name)).rejects.toMatchObject({
            code: "ERR_FLAME_STATE",
            message: expect.stringMatching(/already.*\n?.*another name/s),
          })
      }
    }
    expect(readFileSync(join(keepDir, "file"), "utf8")).toBe("old")
    expect(readdirSync(keepDir).sort()).toEqual(["dir", "file", "link"])
    expect(readdirSync(temp).sort()).toEqual(["new", "one"])
  })

  test("of many that want one name keeps one", async () => {
    for (let i = 0; i < 8; i++) put(`${i}`, `${i}`)
    const results = await Promise.allSettled([0, 1, 2, 3, 4, 5, 6, 7].map(i => keeper.keep(`${i}`, "best")))
    const won = results.findIndex(({ status }) => status === "fulfilled")
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
    expect(readFileSync(join(keepDir, "best"), "utf8")).toBe(`${won}`)
    expect(readdirSync(temp)).toHaveLength(7)
    expect(readdirSync(keepDir)).toEqual(["best"])
  })

  test("moves nothing that is not in the directory, nor the directory itself, nor the runner's mark", async () => {
    put("in")
    put(".slurm-flame")
    writeFileSync(join(base, "outside"), "x")
    symlinkSync(join(base, "outside"), join(temp, "link"))
    symlinkSync(base, join(temp, "way"))
    for (const path of [temp, ".", "", "..", join(base, "outside"), "link", "way/outside", "way", ".slurm-flame", 7]) {
      await expect(keeper.keep(path as string, "x")).rejects.toMatchObject({ code: "ERR_FLAME_OPTION", option: "path" })
    }
    for (const as of ["", ".", "..", "../x", "a/../../x", "/etc/x", 7, "a\0b"]) {
      await expect(keeper.keep("in", as as string)).rejects.toMatchObject({ code: "ERR_FLAME_OPTION", option: "as" })
    }
    expect(existsSync(join(base, "outside"))).toBe(true)
    expect(existsSync(keepDir)).toBe(false)
  })

  test("of a link in the directory to something else in it moves that, under the link's name", async () => {
    put("epoch-12", "best")
    symlinkSync("epoch-12", join(temp, "best"))
    const kept = await keeper.keep("best")
    expect(kept).toBe(join(keepDir, "best"))
    expect(lstatSync(kept).isFile()).toBe(true)
    expect(readFileSync(kept, "utf8")).toBe("best")
  })

  test("is waited for, also where nobody awaits it", async () => {
    for (let i = 0; i < 5; i++) void keeper.keep(put(`${i}`))
    await keeper.settled()
    expect(readdirSync(keepDir)).toHaveLength(5)
    await keeper.settled()
  })
})

describe.runIf(hasTwo)("a copy to another file system", () => {
  let temp: string
  beforeEach(() => {
    temp = mkdtempSync(join(SHM, "flame-keep-"))
    dirs.push(temp)
  })

  it("that fails leaves nothing there, and everything here", async () => {
    mkdirSync(join(temp, "set"))
    writeFileSync(join(temp, "set/a"), "x")
    spawnSync("mkfifo", [join(temp, "set/pipe")])
    const keeper = new Keeper(temp, keepDir, () => {})
    await expect(keeper.keep("set")).rejects.toThrow(/set\/pipe is neither a file, a directory nor a link/)
    expect(readdirSync(keepDir)).toEqual([])
    expect(readdirSync(join(temp, "set")).sort()).toEqual(["a", "pipe"])
  })

  it("is announced before it begins, has another name until it is whole, and is cleaned up behind a worker that dies", async () => {
    writeFileSync(join(temp, "big"), Buffer.alloc(20_000_000, 1))
    const partials = new Partials()
    const seen: boolean[] = []
    const keeper = new Keeper(temp, keepDir, (path, done) => {
      partials.note({ path, done })
      seen.push(existsSync(path))
      if (!done) expect(existsSync(join(keepDir, "big"))).toBe(false)
    })
    const kept = keeper.keep("big")
    await kept
    expect(seen).toEqual([false, false])
    await partials.clear()
    expect(readdirSync(keepDir)).toEqual(["big"])

    const cut = join(keepDir, ".slurm-flame-0123456789abcdef.part")
    mkdirSync(join(cut, "half"), { recursive: true })
    expect(basename(cut)).toMatch(PARTIAL)
    partials.note({ path: cut, done: false })
    partials.note({ path: join(keepDir, "big"), done: false }) // no such name is ever deleted
    await partials.clear()
    expect(readdirSync(keepDir)).toEqual(["big"])
  })
})
