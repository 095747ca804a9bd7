import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { silentLogger } from "../../src/parent/logger.ts"
import { RunEntry } from "../../src/parent/run-entry.ts"
import type { Backend, SweepReport } from "../../src/shared/backend.ts"
import { ownProgram, type RunRecord, RunRecords } from "../../src/shared/run-record.ts"

const ADDRESS = { host: "10.0.0.1", port: 4711 }

class Scene {
  readonly root = mkdtempSync(join(tmpdir(), "flame-entry-"))
  readonly said: { level: string; fields: object; message: string }[] = []
  readonly swept: RunRecord[] = []

  constructor() {
    vi.stubEnv("XDG_STATE_HOME", this.root)
    onTestFinished(() => {
      vi.unstubAllEnvs()
      rmSync(this.root, { recursive: true, force: true })
    })
  }

  entry(sweep: "none" | ((own: RunRecord) => Promise<SweepReport>), run = "0123ab", persist = false): RunEntry {
    const say = (level: string) => (fields: object, message: string) => void this.said.push({ level, fields, message })
    const logger = { ...silentLogger, debug: say("debug"), warn: say("warn") } as typeof silentLogger
    const watched = (own: RunRecord) => {
      this.swept.push(own)
      return sweep === "none" ? Promise.reject(new Error("never")) : sweep(own)
    }
    const backend = (sweep === "none" ? {} : { sweep: watched }) as Backend
    return new RunEntry({ name: "train", backend, logger, persist, orphanMs: 300_000 }, run)
  }

  get files(): string[] {
    return readdirSync(this.root, { recursive: true }).map(String).sort()
  }
}

const nothing = async () => ({ cancelled: [], running: [] })
const settled = () => new Promise(resolve => setImmediate(resolve))

describe("a pool's entry among the runs", () => {
  it("is written at the beginning, once, and removed at the end", async () => {
    const scene = new Scene()
    const entry = scene.entry(nothing)
    await entry.begin(ADDRESS)
    await entry.begin(ADDRESS)
    expect(scene.files).toEqual(["slurm-flame", "slurm-flame/runs", "slurm-flame/runs/train-0123ab.json"])
    expect(scene.swept).toEqual([
      { v: 1, run: "0123ab", pool: "train", ...ownProgram(), address: ADDRESS, startedAt: expect.any(Number) },
    ])
    await entry.end()
    await entry.end()
    expect(scene.files).toEqual(["slurm-flame", "slurm-flame/runs"])
    await settled()
    expect(scene.said).toEqual([])
  })

  it("goes while the process exits, too", async () => {
    const scene = new Scene()
    const entry = scene.entry(nothing)
    entry.endSync() // nothing was written
    await entry.begin(ADDRESS)
    entry.endSync()
    expect(scene.files).toEqual(["slurm-flame", "slurm-flame/runs"])
  })

  it("is none where jobs end with the program", async () => {
    const scene = new Scene()
    await scene.entry("none").begin(ADDRESS)
    expect([scene.files, scene.swept]).toEqual([[], []])
  })

  it("that cannot be written is a warning, and earlier runs are looked after all the same", async () => {
    const scene = new Scene()
    writeFileSync(join(scene.root, "slurm-flame"), "a file where the directory should be")
    const entry = scene.entry(nothing)
    await entry.begin(ADDRESS)
    expect(scene.said).toMatchObject([{ level: "warn", message: expect.stringContaining("no record of this run") }])
    expect(scene.swept).toHaveLength(1)
    await entry.end()
    entry.endSync()
    expect(scene.said).toHaveLength(1)
  })

  it("does not wait for the look at earlier runs", async () => {
    const scene = new Scene()
    mkdirSync(join(scene.root, "slurm-flame"))
    await scene.entry(() => new Promise(() => {})).begin(ADDRESS)
    expect(scene.swept).toHaveLength(1)
  })

  it("of a pool that persists outlives a parent that just exits; the next one has it as its own, and closes it", async () => {
    const scene = new Scene()
    const runs = new RunRecords()
    const first = scene.entry(nothing, "0123ab", true)
    await first.begin(ADDRESS)
    first.endSync()
    const [left] = await runs.list()
    expect(left).toMatchObject({ run: "0123ab", persist: { waitMs: 300_000 } })
    await runs.write({ ...left!, parent: { ...left!.parent, pid: 1, started: "1" }, deadSince: 7 })
    await runs.write({ ...left!, run: "ffffff", pool: "other" })

    const next = scene.entry(nothing, "aaaaaa", true)
    const address = { host: "10.0.0.1", port: 4712 }
    await next.begin(address)
    const mine = { pool: "train", parent: ownProgram().parent, address }
    const [taken, own, other] = (await runs.list()).sort((a, b) => a.run.localeCompare(b.run))
    expect(taken).toMatchObject({ ...mine, run: "0123ab", startedAt: left!.startedAt })
    expect(taken).not.toHaveProperty("deadSince")
    expect(own).toMatchObject({ ...mine, run: "aaaaaa" })
    expect(other).toMatchObject({ address: ADDRESS, pool: "other" })
    await next.end()
    expect(await runs.list()).toEqual([other])
  })

  it("says in one line what was left of them, and nothing where nothing was", async () => {
    const scene = new Scene()
    await scene.entry(async () => ({ cancelled: ["7", "8_1"], running: [] })).begin(ADDRESS)
    await vi.waitFor(() => expect(scene.said).toHaveLength(1))
    expect(scene.said[0]).toMatchObject({ level: "warn", fields: { cancelled: "7,8_1", running: "none" } })
  })

  it("takes a scheduler that does not answer for no news", async () => {
    const scene = new Scene()
    await scene.entry(() => Promise.reject(new Error("no answer"))).begin(ADDRESS)
    await vi.waitFor(() => expect(scene.said).toMatchObject([{ level: "debug" }]))
  })
})
