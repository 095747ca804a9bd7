/** What the deletion of a directory reaches, and what it never touches. */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { emptyTree, emptyTreeSync, removeTree } from "../../src/runner/remove-tree.ts"

/** Of a user who is not root: what root may do is no test of modes. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

let base: string
let top: string

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "flame-remove-"))
  top = join(base, "top")
  mkdirSync(top)
})
afterEach(() => {
  process.seteuid?.(process.getuid!())
  rmSync(base, { recursive: true, force: true })
})

/** Does it as a user whom modes stop. */
async function unprivileged<T>(action: () => T): Promise<Awaited<T>> {
  if (!isRoot) return await action()
  execFileSync("chown", ["-R", String(NOBODY), base])
  process.seteuid!(NOBODY)
  try {
    return await action()
  } finally {
    process.seteuid!(0)
  }
}

describe.each([
  ["in slices", emptyTree],
  ["in one go", emptyTreeSync],
])("a directory emptied %s", (_, empty) => {
  it("keeps itself and what is spared, and loses everything else, however deep", async () => {
    mkdirSync(join(top, "a/b/c/d"), { recursive: true })
    for (const name of ["a/1", "a/b/c/d/2", "mark", "a/mark"]) writeFileSync(join(top, name), "x")
    expect(await empty(top, "mark")).toBeUndefined()
    expect(readdirSync(top)).toEqual(["mark"])
    expect(await empty(top)).toBeUndefined()
    expect(readdirSync(top)).toEqual([])
  })

  it("loses links, and what they lead to stays", async () => {
    mkdirSync(join(base, "outside"))
    writeFileSync(join(base, "outside/precious"), "x")
    symlinkSync(join(base, "outside"), join(top, "to-directory"))
    symlinkSync(join(base, "outside/precious"), join(top, "to-file"))
    symlinkSync(join(base, "nowhere"), join(top, "to-nothing"))
    expect(await empty(top)).toBeUndefined()
    expect(readdirSync(top)).toEqual([])
    expect(readdirSync(join(base, "outside"))).toEqual(["precious"])
  })

  it("loses what its owner may not write to, or even read", async () => {
    for (const [name, mode] of [
      ["read-only", 0o500],
      ["closed", 0o000],
      ["blind", 0o300],
    ] as const) {
      mkdirSync(join(top, name, "inner"), { recursive: true })
      writeFileSync(join(top, name, "inner/file"), "x", { mode: 0o400 })
      chmodSync(join(top, name, "inner"), mode)
      chmodSync(join(top, name), mode)
    }
    await unprivileged(async () => {
      expect(() => rmSync(top, { recursive: true })).toThrow() // or this test shows nothing
      expect(await empty(top)).toBeUndefined()
      expect(readdirSync(top)).toEqual([])
    })
  })

  it("loses what lies deeper than a path can name", async () => {
    const cwd = process.cwd()
    try {
      process.chdir(top)
      for (let depth = 0; depth < 60; depth++) {
        mkdirSync("d".repeat(200))
        process.chdir("d".repeat(200))
        if (depth % 10 === 0) writeFileSync("file", "x")
      }
    } finally {
      process.chdir(cwd)
    }
    writeFileSync(join(top, "mark"), "x")
    expect(await empty(top, "mark")).toBeUndefined()
    expect(readdirSync(top)).toEqual(["mark"])
  })

  it("loses what has a name that is no text", async () => {
    const within = (...bytes: number[]) => Buffer.concat([Buffer.from(`${top}/`), Buffer.from(bytes)])
    writeFileSync(within(0xff, 0xfe), "x")
    mkdirSync(within(0xfd, 0x0a))
    writeFileSync(within(0xfd, 0x0a, 0x2f, 0xc3), "x")
    expect(await empty(top)).toBeUndefined()
    expect(readdirSync(top)).toEqual([])
  })

  it("is no error when there is none", async () => {
    expect(await empty(join(base, "missing"))).toBeUndefined()
  })

  it.runIf(isRoot)("does not enter what is mounted there, and says so", async () => {
    const mounted = join(top, "home")
    mkdirSync(mounted)
    writeFileSync(join(top, "file"), "x")
    execFileSync("mount", ["-t", "tmpfs", "none", mounted])
    try {
      writeFileSync(join(mounted, "precious"), "x")
      expect((await empty(top))?.message).toMatch(/another file system is mounted on .*home/)
      expect(readdirSync(top)).toEqual(["home"])
      expect(readdirSync(mounted)).toEqual(["precious"])
    } finally {
      execFileSync("umount", [mounted])
    }
  })
})

it("what somebody else deletes at the same time is deleted: two walks, and rm", async () => {
  for (let i = 0; i < 50; i++) {
    mkdirSync(join(top, `${i}`))
    for (let j = 0; j < 40; j++) writeFileSync(join(top, `${i}/${j}`), "x")
  }
  const rm = spawn("rm", ["-rf", ...readdirSync(top).map(name => join(top, name))], { stdio: "ignore" })
  const ended = once(rm, "exit")
  expect(await Promise.all([emptyTree(top), emptyTree(top)])).toEqual([undefined, undefined])
  await ended
  expect(readdirSync(top)).toEqual([])
})

it("lets the event loop turn while it deletes much", async () => {
  for (let i = 0; i < 3_000; i++) writeFileSync(join(top, `${i}`), "x")
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  await emptyTree(top)
  clearInterval(timer)
  expect(turns).toBeGreaterThan(0)
})

it("a file, a link or nothing can be removed as well", async () => {
  writeFileSync(join(base, "file"), "x")
  symlinkSync(top, join(base, "link"))
  for (const name of ["file", "link", "nothing", "top"]) await removeTree(join(base, name))
  expect(readdirSync(base)).toEqual([])
  expect(existsSync(top)).toBe(false)
})
