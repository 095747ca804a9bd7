import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { homedir, hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { BundleDir, bundleRoot, sweep } from "../../src/parent/bundle-dir.ts"

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flame-test-"))
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

/** The id of a process that has just ended. */
const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid

describe("BundleDir", () => {
  it("is private, named for this host and process, and gone when it is removed", () => {
    const dir = new BundleDir(join(root, "a", "b"))
    expect(dir.path).toMatch(/\/a\/b\/bundle-[^/]+-\d+-[A-Za-z0-9]{6}$/)
    expect(dir.path).toContain(`/bundle-${hostname()}-${process.pid}-`)
    expect(statSync(dir.path).mode & 0o777).toBe(0o700)
    writeFileSync(join(dir.path, "x.mjs"), "")
    dir.remove()
    expect(existsSync(dir.path)).toBe(false)
    dir.remove()
  })

  it.each([
    ["ends", "", 0],
    ["exits", "process.exit(3)", 3],
    ["throws", "throw new Error('mine')", 1],
    ["is told to end", "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)", null],
  ])("goes with its process when that %s without a word", (_how, code, status) => {
    // The library as it is built: plain node reads no TypeScript.
    const built = new URL("../../dist/parent/bundle-dir.js", import.meta.url).href
    const script = `const { BundleDir } = await import(${JSON.stringify(built)}); console.log(new BundleDir(${JSON.stringify(root)}).path); ${code}`
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" })
    expect(child.status).toBe(status)
    expect(child.stdout).toContain(root) // it was there
    expect(readdirSync(root)).toEqual([])
  })

  it("sweeps before it is made", () => {
    mkdirSync(join(root, `bundle-${hostname()}-${deadPid()}-AbC123`))
    const dir = new BundleDir(root)
    expect(readdirSync(root).map(name => join(root, name))).toEqual([dir.path])
    dir.remove()
  })
})

describe("the sweep", () => {
  it("takes what a dead process of this host left, and nothing that might be another's", async () => {
    const living = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] })
    const dead = deadPid()
    const host = hostname()
    const left = [`bundle-${host}-${dead}-AbC123`, `bundle-${host}-${dead}-zzzzzz`]
    const kept = [
      `bundle-${host}-${process.pid}-AbC123`, // our own
      `bundle-${host}-${living.pid}-AbC123`,
      `bundle-${host}-1-AbC123`, // alive, and perhaps not ours to signal
      `bundle-other${host}-${dead}-AbC123`,
      `bundle-${host}.other-${dead}-AbC123`,
      `bundle-${host}-${dead}-AbC1234`,
      `bundle-${host}-${dead}-AbC12`,
      `bundle-${host}-${dead}-AbC-23`,
      `bundle-${host}-${dead}`,
      `bundle-${host}-x${dead}-AbC123`,
      `my-bundle-${host}-${dead}-AbC123`,
      "bundle-AbC123",
      "logs",
    ]
    for (const name of [...left, ...kept]) mkdirSync(join(root, name, "inside"), { recursive: true })
    // A file and a link of the right name are not what we make.
    writeFileSync(join(root, `bundle-${host}-${dead}-file12`), "")
    symlinkSync(join(root, "logs"), join(root, `bundle-${host}-${dead}-link12`))
    sweep(root)
    expect(readdirSync(root).toSorted()).toEqual(
      [...kept, `bundle-${host}-${dead}-file12`, `bundle-${host}-${dead}-link12`].toSorted(),
    )
    expect(readdirSync(join(root, "logs"))).toEqual(["inside"])
    living.stdin.end()
    await once(living, "exit")
  })
})

it("the sweep leaves the directory of a process that it may not signal", () => {
  mkdirSync(join(root, `bundle-${hostname()}-${deadPid()}-AbC123`))
  const kill = vi.spyOn(process, "kill").mockImplementation(() => {
    throw Object.assign(new Error("no"), { code: "EPERM" })
  })
  sweep(root)
  kill.mockRestore()
  expect(readdirSync(root)).toHaveLength(1)
})

describe("bundleRoot", () => {
  it.each([
    [{ XDG_CACHE_HOME: "/shared/cache" }, "/shared/cache/slurm-flame"],
    [{ XDG_CACHE_HOME: "" }, join(homedir(), ".cache/slurm-flame")],
    [{ XDG_CACHE_HOME: "relative" }, join(homedir(), ".cache/slurm-flame")],
    [{}, join(homedir(), ".cache/slurm-flame")],
  ])("for %o", (env, path) => {
    expect(bundleRoot(env)).toBe(path)
  })
})
