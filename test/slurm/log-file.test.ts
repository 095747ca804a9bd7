import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { expandLogPath, logDirectory, readTail, removeEmpty } from "../../src/slurm/log-file.ts"

describe("expandLogPath", () => {
  const user = userInfo().username
  it.each([
    ["flame.%j.out", "/w/flame.4711.out"],
    ["/abs/%x-%A_%a.log", "/abs/job-4711_4294967294.log"],
    ["%6j %3x", "/w/004711 job"],
    ["%u/%N.%n.%t.%s", `/w/${user}/n1.0.0.batch`],
    ["100%%j", "/w/100%j"],
    ["\\%j", "/w/%j"],
    ["%q", "/w/%q"],
  ])("%j is %s", (path, expected) => {
    const facts = { id: "4711", number: "4711", node: "n1.cluster.example" }
    expect(expandLogPath({ path, cwd: "/w", jobName: "job", own: true }, facts)).toBe(expected)
  })
  it.each([
    ["/abs/%x-%A_%a.%j.log", "4713", "/abs/job-4711_2.4713.log"],
    ["%6A_%4a", "4713", "/w/004711_0002"],
    ["%A_%a.%j", undefined, "/w/4711_2.%j"],
  ])("%j of an array's task with the number %s is %s", (path, number, expected) => {
    expect(expandLogPath({ path, cwd: "/w", jobName: "job", own: true }, { id: "4711_2", number })).toBe(expected)
  })
  it("leaves a node that is not known yet", () => {
    expect(expandLogPath({ path: "%N", cwd: "/w", jobName: "job", own: true }, { id: "1" })).toBe("/w/%N")
  })
})

describe("logDirectory", () => {
  it("follows XDG_STATE_HOME, unless that is relative", () => {
    expect(logDirectory({ XDG_STATE_HOME: "/shared/state" })).toBe("/shared/state/slurm-flame/logs")
    expect(logDirectory({ XDG_STATE_HOME: "state" })).toMatch(/^\/.*\/\.local\/state\/slurm-flame\/logs$/)
  })
})

describe("readTail", () => {
  const file = (content: string) => {
    const directory = mkdtempSync(join(tmpdir(), "slurm-flame-log-"))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    writeFileSync(join(directory, "log"), content)
    return join(directory, "log")
  }
  it("gives a short file whole", async () => {
    expect(await readTail(file("first\nlast\n"))).toBe("first\nlast\n")
  })
  it("gives the last 4 KiB of a long one, in whole lines", async () => {
    const tail = await readTail(file(`${"ä".repeat(5_000)}\n${"x".repeat(100)}\nlast\n`))
    expect(tail).toBe(`${"x".repeat(100)}\nlast\n`)
  })
  it("has nothing of a file that is not there, or is a directory", async () => {
    expect(await readTail("/nonexistent/slurm-flame/log")).toBeUndefined()
    expect(await readTail("/")).toBeUndefined()
  })
})

describe("removeEmpty", () => {
  it("deletes an empty file, keeps one that holds something, and does not mind one that is not there", async () => {
    const dir = mkdtempSync(join(tmpdir(), "flame-log-"))
    writeFileSync(join(dir, "empty"), "")
    writeFileSync(join(dir, "full"), "words")
    for (const name of ["empty", "full", "missing"]) await removeEmpty(join(dir, name))
    expect(readdirSync(dir)).toEqual(["full"])
    rmSync(dir, { recursive: true })
  })
  it("deletes one that holds nothing but words of the job's being cancelled, and keeps what says more", async () => {
    const dir = mkdtempSync(join(tmpdir(), "flame-log-"))
    const cancelled = "slurmstepd-n3: error: *** JOB 26 ON n3 CANCELLED AT 2026-11-22T23:39:09 ***\n"
    const texts = {
      cancelled,
      "cancelled, of a later release": cancelled
        .replace("-n3:", ":")
        .replace(" ***\n", " DUE to SIGNAL Terminated ***\n"),
      limit: cancelled.replace(" ***\n", " DUE TO TIME LIMIT ***\n"),
      "refused at its start": `${cancelled}slurm-flame: no parent: the parent at a:1 refused this runner: alert 40\n\n  hint: its key was revoked (the pool gave this runner up)\n`,
      "its worker refused": `${cancelled}slurm-flame: the worker has no line to the parent: the parent at a:1 refused this runner: alert 40\n\n  hint: its key was revoked (the pool gave this runner up), or another\n`,
      "swept for another":
        "slurm-flame: deleted what runners that were killed left here: /tmp/slurm-flame-p-1-AbC123\n",
      "refused, and more": `slurm-flame: no parent: the parent at a:1 refused this runner\n  hint: its key was revoked\nand more\n`,
      words: `a warning\n${cancelled}`,
      "words after": `${cancelled}a warning\n`,
    }
    for (const [name, text] of Object.entries(texts)) {
      writeFileSync(join(dir, name), text)
      await removeEmpty(join(dir, name))
    }
    expect(readdirSync(dir).sort()).toEqual(["limit", "refused, and more", "words", "words after"])
    rmSync(dir, { recursive: true })
  })
})
