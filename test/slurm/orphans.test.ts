/** Who is an orphan and who is not, with a squeue and a scancel that are made up: what is asked, what is ended, what is left. */
import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { describe, expect, it, onTestFinished } from "vitest"
import { SlurmCommandError } from "../../src/shared/errors.ts"
import type { ParentLife } from "../../src/shared/parent-life.ts"
import { ownProgram, type RunRecord, RunRecords } from "../../src/shared/run-record.ts"
import { SlurmClient } from "../../src/slurm/client.ts"
import { Orphans } from "../../src/slurm/orphans.ts"
import { FakeSlurm, runnerSpec } from "./fake-slurm.ts"

const PROGRAM = "/home/me/app/main.js"
/** What is true of the parents of runs, by the run. */
const lives = new Map<string, ParentLife>()

function record(run: string, life: ParentLife, change: Partial<RunRecord> = {}): RunRecord {
  lives.set(run, life)
  const address = { host: "10.0.0.1", port: 4711 }
  return { v: 1, run, pool: "train", ...ownProgram(), program: PROGRAM, address, startedAt: 1, ...change }
}

const OWN = record("aaaaaa", "alive")

class Scene {
  readonly fake = new FakeSlurm()
  readonly records = new RunRecords()
  readonly #backend = this.fake.backend()

  /** The way of one program. */
  orphans(): Orphans {
    const client = new SlurmClient()
    return new Orphans({ client, life: async ({ run }) => lives.get(run)! })
  }

  /** A run that is on record, with so many jobs that wait. Returns their ids. */
  async run(of: RunRecord, jobs = 0): Promise<string[]> {
    await this.records.write(of)
    const ids: string[] = []
    for (let serial = 1; serial <= jobs; serial++) ids.push(await this.job(of, serial))
    return ids
  }

  async job({ run, pool }: Pick<RunRecord, "run" | "pool">, serial = 1): Promise<string> {
    const { id } = await this.fake.submit(this.#backend, runnerSpec({ pool, runnerId: `${pool}-${run}-${serial}` }))
    return id
  }

  /** What is asked from now on. */
  since(): { squeue: () => number; scancel: () => string[][] } {
    const asked = () => this.fake.calls("squeue").filter(call => call.argv.some(arg => arg.includes("%k"))).length
    const [squeues, scancels] = [asked(), this.fake.calls("scancel").length]
    return {
      squeue: () => asked() - squeues,
      scancel: () =>
        this.fake
          .calls("scancel")
          .slice(scancels)
          .map(call => call.argv),
    }
  }

  get files(): string[] {
    return readdirSync(this.records.directory).sort()
  }
}

describe("the start of a program", () => {
  it("cancels what waits for its dead runs, leaves what runs, and forgets a run that has nothing left", async () => {
    const scene = new Scene()
    const dead = record("dddddd", "dead")
    const [waits, runs] = await scene.run(dead, 2)
    scene.fake.job(runs!, { state: "RUNNING", node: "n1" })
    await scene.run(OWN)
    const since = scene.since()
    expect(await scene.orphans().sweep(OWN)).toEqual({ cancelled: [waits], running: [runs] })
    expect(since.scancel()).toEqual([[waits]])
    expect(scene.files).toEqual(["train-aaaaaa.json", "train-dddddd.json"]) // somebody is still there

    scene.fake.job(runs!, { state: "COMPLETED" })
    expect(await scene.orphans().sweep(OWN)).toEqual({ cancelled: [], running: [] })
    expect(scene.files).toEqual(["train-aaaaaa.json"])
  })

  it("touches no run that lives or may live, of another program, of another pool, or that is waited for", async () => {
    const scene = new Scene()
    await scene.run(OWN, 1)
    await scene.run(record("bbbbbb", "alive"), 1)
    await scene.run(record("cccccc", "unknown"), 1)
    await scene.run(record("dddddd", "dead", { program: "/home/me/app/other.js" }), 1)
    await scene.run(record("eeeeee", "dead", { pool: "other" }), 1)
    await scene.run(record("ffffff", "dead", { persist: { waitMs: 60_000 } }), 1)
    const { files } = scene
    const since = scene.since()
    expect(await scene.orphans().sweep(OWN)).toEqual({ cancelled: [], running: [] })
    expect(since.squeue()).toBe(0) // there was nothing to ask
    expect(since.scancel()).toEqual([])
    expect(scene.files).toEqual(files)
  })

  it("takes no program without a file for another one of that kind", async () => {
    const scene = new Scene()
    await scene.run(record("dddddd", "dead", { program: null }), 1)
    const since = scene.since()
    await scene.orphans().sweep({ ...OWN, program: null })
    expect(since.scancel()).toEqual([])
  })

  it("asks squeue once and cancels at once, for a hundred dead runs of two pools", async () => {
    const scene = new Scene()
    const runs = Array.from({ length: 100 }, (_, i) =>
      record(i.toString(16).padStart(6, "0"), "dead", { pool: i % 2 === 0 ? "train" : "test" }),
    )
    for (const run of runs) await scene.run(run)
    const [one, two] = [await scene.job(runs[0]!), await scene.job(runs[1]!)]
    const since = scene.since()
    const orphans = scene.orphans()
    const reports = await Promise.all([orphans.sweep(OWN), orphans.sweep({ ...OWN, pool: "test" })])
    expect(reports.map(({ cancelled }) => cancelled)).toEqual([[one], [two]]) // each pool hears of its own
    expect(since.squeue()).toBe(1)
    expect(since.scancel().map(ids => ids.sort())).toEqual([[one, two]])
    expect(scene.files).toEqual([])
  })

  it("is not in the way of another one that starts at the same time", async () => {
    const scene = new Scene()
    const ids = await scene.run(record("dddddd", "dead"), 2)
    const [a, b] = await Promise.all([scene.orphans().sweep(OWN), scene.orphans().sweep({ ...OWN, run: "bbbbbb" })])
    expect(new Set([...a.cancelled, ...b.cancelled])).toEqual(new Set(ids))
    expect(scene.files).toEqual([])
  })

  it.each(["squeue", "scancel"] as const)("leaves all as it was when %s does not answer", async program => {
    const scene = new Scene()
    await scene.run(record("dddddd", "dead"), 1)
    scene.fake.answer(program, { exitCode: 1, stderr: "Unable to contact slurm controller (connect failure)" })
    await expect(scene.orphans().sweep(OWN)).rejects.toBeInstanceOf(SlurmCommandError)
    expect(scene.files).toEqual(["train-dddddd.json"])
    scene.fake.answer(program, undefined)
  })
})

describe("who looks at the queue", () => {
  it("sees each job with whoever waits for it, and no job that is not ours", async () => {
    const scene = new Scene()
    const [alive] = await scene.run(record("bbbbbb", "alive"), 1)
    const [dead] = await scene.run(record("dddddd", "dead"), 1)
    const stray = await scene.job({ run: "999999", pool: "train" })
    const foreign = await scene.job({ run: "dddddd", pool: "train" }, 2)
    scene.fake.job(foreign, { name: "flame-train-dddddd-2-c0ffee" })
    const { jobs, runs } = await scene.orphans().survey()
    expect(jobs.map(({ id, parent, record }) => [id, parent, record?.run])).toEqual([
      [alive, "alive", "bbbbbb"],
      [dead, "dead", "dddddd"],
      [stray, "unknown", undefined],
    ])
    expect(runs.map(run => [run.record.run, run.jobs.length, run.removed])).toEqual([
      ["bbbbbb", 1, false],
      ["dddddd", 1, false],
    ])
  })

  it("removes the record of a dead run without jobs, and no other", async () => {
    const scene = new Scene()
    await scene.run(record("aaaaaa", "alive"))
    await scene.run(record("bbbbbb", "unknown"))
    await scene.run(record("cccccc", "dead", { persist: { waitMs: 60_000 } }))
    await scene.run(record("dddddd", "dead"))
    await scene.run(record("eeeeee", "refused"))
    const { runs } = await scene.orphans().survey()
    expect(runs.filter(({ removed }) => removed).map(({ record }) => record.run)).toEqual(["dddddd", "eeeeee"])
    expect(scene.files).toEqual(["train-aaaaaa.json", "train-bbbbbb.json", "train-cccccc.json"])
  })

  it("takes a refusal for death, but not while a job of the run runs: the parent is there for that one", async () => {
    const scene = new Scene()
    const [pending, running] = await scene.run(record("dddddd", "refused"), 2)
    const parents = async () => (await scene.orphans().survey()).jobs.map(({ parent }) => parent)
    expect(await parents()).toEqual(["dead", "dead"])
    scene.fake.job(running!, { state: "RUNNING" })
    expect(await parents()).toEqual(["unknown", "unknown"])
    const since = scene.since()
    expect(await scene.orphans().sweep(OWN)).toEqual({ cancelled: [], running: [] })
    expect(since.scancel()).toEqual([])
    scene.fake.job(running!, { state: "COMPLETED" })
    expect(await scene.orphans().sweep(OWN)).toEqual({ cancelled: [pending], running: [] })
  })

  it("keeps the record of a dead run whose sbatch is still under way: its job may come any moment", async () => {
    const scene = new Scene()
    await scene.run(record("dddddd", "dead"))
    const argv = ["-e", "setInterval(() => {}, 1e6); console.log('up')", "--", "--parsable"]
    const sbatch = spawn(process.execPath, [...argv, "--job-name=flame-train-train-dddddd-1-c0ffee"])
    onTestFinished(() => void sbatch.kill("SIGKILL"))
    await new Promise(resolve => sbatch.stdout.once("data", resolve))
    await scene.orphans().survey()
    expect(scene.files).toEqual(["train-dddddd.json"])
    const over = new Promise(resolve => sbatch.once("exit", resolve))
    sbatch.kill("SIGKILL")
    await over
    await scene.orphans().survey()
    expect(scene.files).toEqual([])
  })

  it("counts the wait of a run that may come back from when it was first found dead", async () => {
    const scene = new Scene()
    const [job] = await scene.run(record("dddddd", "dead", { persist: { waitMs: 60_000 } }), 1)
    const before = Date.now()
    expect((await scene.orphans().survey()).jobs).toMatchObject([{ id: job, parent: "waiting" }])
    const [marked] = await scene.records.list()
    expect(marked!.deadSince).toBeGreaterThanOrEqual(before)
    await scene.orphans().survey()
    expect(await scene.records.list()).toEqual([marked]) // not anew with each look
    await scene.records.write({ ...marked!, deadSince: before - 60_001 })
    expect((await scene.orphans().survey()).jobs).toMatchObject([{ id: job, parent: "dead" }])
  })
})

describe("ending jobs", () => {
  it("ends those that are given, with one scancel, and removes the records that nothing is left of", async () => {
    const scene = new Scene()
    const [a, b] = await scene.run(record("dddddd", "dead"), 2)
    const [c] = await scene.run(record("eeeeee", "dead"), 2)
    const since = scene.since()
    const orphans = scene.orphans()
    const survey = await orphans.survey()
    const chosen = survey.jobs.filter(({ id }) => [a, b, c].includes(id))
    expect(await orphans.end(chosen, survey)).toEqual(new Map())
    expect(since.scancel().map(ids => ids.sort())).toEqual([[a, b, c].sort()])
    expect(scene.files).toEqual(["train-eeeeee.json"])
  })

  it("keeps a run on record whose job ran: it is still ending, and nobody is to wonder whose it is", async () => {
    const scene = new Scene()
    const [job] = await scene.run(record("dddddd", "dead"), 1)
    scene.fake.job(job!, { state: "RUNNING", node: "n1" })
    const orphans = scene.orphans()
    const survey = await orphans.survey()
    expect(await orphans.end(survey.jobs, survey)).toEqual(new Map())
    expect(scene.files).toEqual(["train-dddddd.json"])
  })

  it("tells which could not be ended, and keeps their run on record", async () => {
    const scene = new Scene()
    const [a, b] = await scene.run(record("dddddd", "dead"), 2)
    const orphans = scene.orphans()
    const survey = await orphans.survey()
    scene.fake.answer("scancel", {
      exitCode: 1,
      stderr: `scancel: error: Kill job error on job id ${a}: Access denied`,
    })
    const failed = await orphans.end(survey.jobs, survey)
    expect([...failed.keys()]).toEqual([a])
    expect(failed.has(b!)).toBe(false)
    expect(scene.files).toEqual(["train-dddddd.json"])
    scene.fake.answer("scancel", undefined)
  })
})
