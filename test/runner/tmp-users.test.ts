/** Who is found at work in a directory, and ended; and who is not. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { killUsers } from "../../src/runner/tmp-users.ts"

let base: string
let children: ChildProcess[]

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "flame-users-"))
  mkdirSync(join(base, "dir/inner"), { recursive: true })
  mkdirSync(join(base, "dir2"))
  children = []
})
afterEach(() => {
  for (const child of children) child.kill("SIGKILL")
  rmSync(base, { recursive: true, force: true })
})

/** A process that has come so far as to stand there, or to have that open. */
async function user(script: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", `${script}; echo on; exec sleep 60`], {
    cwd: base,
    stdio: ["ignore", "pipe", "inherit"],
  })
  children.push(child)
  await once(child.stdout!, "data")
  return child
}

it("kills who stands in it or has something of it open, at whatever path it is asked for, and nobody else", async () => {
  const there = await Promise.all([user("cd dir/inner"), user("cd dir"), user("exec 3>dir/inner/log")])
  const elsewhere = await Promise.all([user("cd dir2"), user("exec 3>dir2/log"), user("true")])
  const ends = there.map(child => once(child, "exit"))
  symlinkSync(join(base, "dir"), join(base, "link"))
  expect(killUsers(join(base, "link"))).toBe(true)
  for (const end of ends) expect(await end).toEqual([null, "SIGKILL"])
  expect(killUsers(join(base, "dir"))).toBe(false)
  expect(elsewhere.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([null, null, null])
})
