/** `ps` and `cancel`: the words, the exit codes, and which jobs are meant. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { choose } from "../../src/cli/cancel.ts"
import { remarks, renderJobs } from "../../src/cli/jobs-report.ts"
import { ownMark } from "../../src/shared/process-mark.ts"
import type { RunRecord } from "../../src/shared/run-record.ts"
import type { KnownJob, Parent } from "../../src/slurm/orphans.ts"
import { Desk } from "./command.ts"

const NOW = Date.parse("2026-11-22T12:00:00Z")

function record(run: string, change: Partial<RunRecord> = {}): RunRecord {
  const parent = { ...ownMark(), host: "login1", pid: 4242 }
  const address = { host: "10.0.0.1", port: 4711 }
  return { v: 1, run, pool: "train", program: "/app/main.js", cwd: "/app", parent, address, startedAt: 1, ...change }
}

function job(id: string, parent: Parent, change: Partial<KnownJob> = {}): KnownJob {
  return {
    id,
    pool: "train",
    run: "0123ab",
    runnerId: "train-0123ab-1",
    slurmState: "PENDING",
    pending: true,
    reason: "Resources",
    node: undefined,
    start: undefined,
    elapsed: undefined,
    parent,
    record: record("0123ab"),
    ...change,
  }
}

describe("the table", () => {
  test("is aligned, and says of each job who waits for it", () => {
    const jobs = [
      job("7", "dead", { start: NOW + 90_000 }),
      job("12_3", "alive", { slurmState: "RUNNING", pending: false, node: "n1", elapsed: "1:23" }),
      job("13", "unknown", { record: undefined, start: NOW - 1 }),
    ]
    expect(renderJobs(jobs, NOW).split("\n")).toEqual([
      "JOB   STATE                NODE  POOL   RUNNER           PARENT                         TIME",
      "7     PENDING (Resources)  -     train  train-0123ab-1   dead     login1:4242 main.js   in 1m30s",
      "12_3  RUNNING              n1    train  train-0123ab-1…  alive    login1:4242 main.js   1:23",
      "13    PENDING (Resources)  -     train  train-0123ab-1   unknown  no record of its run  due",
    ])
  })

  test("is followed by what can be done", () => {
    const jobs = [job("1", "dead"), job("2", "dead"), job("3", "waiting"), job("4", "unknown"), job("5", "alive")]
    const runs = [
      { record: record("0123ab"), parent: "dead" as const, jobs, removed: false },
      { record: record("aaaaaa", { program: null }), parent: "alive" as const, jobs: [], removed: false },
      { record: record("bbbbbb"), parent: "dead" as const, jobs: [], removed: true },
    ]
    expect(remarks({ jobs, runs })).toEqual([
      "pool train of login1:4242 (no file): alive, no jobs",
      "pool train of login1:4242 main.js: dead and without jobs, its record is removed",
      expect.stringMatching(/^2 jobs whose parent is dead.*`slurm-flame cancel --orphans`/),
      expect.stringMatching(/^1 job waiting for the parent/),
      expect.stringMatching(/^1 job of which nobody can say.*`slurm-flame cancel <job>`/),
    ])
  })
})

describe("which jobs are meant", () => {
  const all = [job("1", "dead"), job("2", "alive"), job("3", "unknown"), job("4", "waiting")]
  const ids = (jobs: readonly KnownJob[]) => jobs.map(({ id }) => id)

  test("--orphans: those of dead parents; --force adds those that may be, and never those of living ones", () => {
    const plain = choose(all, [], { orphans: true })
    expect([ids(plain.jobs), ids(plain.left)]).toEqual([["1"], ["3", "4"]])
    const forced = choose(all, [], { orphans: true, force: true })
    expect([ids(forced.jobs), ids(forced.left)]).toEqual([["1", "3", "4"], []])
  })

  test("an id means that job, or all tasks of that array; a name the pool; each job once", () => {
    const jobs = [
      job("12", "alive"),
      job("12_1", "alive"),
      job("12_2", "alive"),
      job("123", "alive", { pool: "other" }),
      job("5", "alive", { pool: "12" }),
    ]
    const meant = (...names: string[]) => ids(choose(jobs, names, {}).jobs)
    expect(meant("12")).toEqual(["12", "12_1", "12_2"]) // an id before a pool of that name
    expect(meant("12_2", "12_2")).toEqual(["12_2"])
    expect(meant("other", "123")).toEqual(["123"])
    expect(choose(jobs, ["1", "oth"], {})).toEqual({ jobs: [], unmatched: ["1", "oth"], left: [] })
  })
})

/** A desk whose squeue prints the file `queue`, and whose scancel takes book. */
class JobDesk extends Desk {
  readonly runs = join(this.root, "home", ".local", "state", "slurm-flame", "runs")

  constructor() {
    super()
    writeFileSync(join(this.root, "queue"), "")
    this.slurm({
      squeue: 'while read -r line; do echo "$line"; done <"$DESK/queue"',
      scancel: 'echo "$@" >>"$DESK/book"',
    })
    mkdirSync(this.runs, { recursive: true, mode: 0o700 })
  }

  /** Puts a run on record, of a parent that is this process or, with `dead`, was. */
  record(run: string, dead: boolean): void {
    const mark = ownMark()
    const of = record(run, { parent: dead ? { ...mark, started: "1" } : mark })
    writeFileSync(join(this.runs, `train-${run}.json`), JSON.stringify(of), { mode: 0o600 })
  }

  job(id: string, run: string): void {
    const line = `${id}|PENDING|N/A||0:00|Resources|flame-train-train-${run}-1-c0ffee|(null)\n`
    appendFileSync(join(this.root, "queue"), line)
  }

  get cancelled(): string {
    const book = join(this.root, "book")
    return existsSync(book) ? readFileSync(book, "utf8") : ""
  }
}

describe("the commands", () => {
  test("without jobs: ps and cancel --orphans say so, and end well", async () => {
    const desk = new JobDesk()
    expect(await desk.run(["ps"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "no jobs of slurm-flame are in the queue\n",
    })
    expect(await desk.run(["cancel", "--orphans"])).toMatchObject({ code: 0, stdout: "no orphans\n", stderr: "" })
    expect(JSON.parse((await desk.run(["ps", "--json"])).stdout)).toMatchObject({ jobs: [], runs: [] })
    expect(desk.cancelled).toBe("")
  })

  test("cancel --orphans ends those of the dead, and says what it leaves", async () => {
    const desk = new JobDesk()
    desk.record("dddddd", true)
    desk.record("aaaaaa", false)
    desk.job("1", "dddddd")
    desk.job("2", "aaaaaa")
    desk.job("3", "999999") // on no record
    const { code, stdout, stderr } = await desk.run(["cancel", "--orphans"])
    expect(stdout).toMatch(/^cancelled 1 \(pending, pool train, parent dead: .*:\d+ main.js\)\n$/)
    expect(stderr).toMatch(/^left 3 \(pending, pool train, no record of its run\)\n {2}--force/)
    expect(code).toBe(0)
    expect(desk.cancelled).toBe("1\n")
    expect(readdirSync(desk.runs)).toEqual(["train-aaaaaa.json"])
    expect((await desk.run(["cancel", "--orphans", "--force"])).stdout).toContain("cancelled 3 ")
  })

  test("cancel names what is none of ours, and what Slurm would not cancel, and ends with 1", async () => {
    const desk = new JobDesk()
    desk.job("1", "999999")
    const { code, stderr } = await desk.run(["cancel", "77"])
    expect([code, desk.cancelled]).toEqual([1, ""])
    expect(stderr).toMatch(/no job of slurm-flame of yours .* 77/)
    desk.program("scancel", "echo 'scancel: error: Kill job error on job id 1: Access/permission denied' >&2; exit 210")
    const refused = await desk.run(["cancel", "1"])
    expect(refused).toMatchObject({ code: 1, stdout: "" })
    expect(refused.stderr).toMatch(/^error: 1 is not cancelled: .*permission denied/)
  })

  test.each([["ps"], ["cancel", "--orphans"]])("%s %s ends with 1 where squeue does not answer", async (...args) => {
    const desk = new JobDesk()
    desk.record("dddddd", true)
    desk.program("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    const { code, stdout, stderr } = await desk.run(args)
    expect(stderr).toMatch(/^error: `squeue` failed .*Unable to contact[\s\S]*hint: /)
    expect([code, stdout]).toEqual([1, ""])
    expect(readdirSync(desk.runs)).toEqual(["train-dddddd.json"]) // no answer is not "no jobs"
  })

  test.each([
    ["nothing", [], "say which jobs"],
    ["two things", ["7", "--orphans"], "not both"],
    ["force without what", ["7", "--force"], "--force goes with --orphans"],
  ])("cancel with %s ends with 2", async (_, args, words) => {
    const { code, stderr } = await new JobDesk().run(["cancel", ...args])
    expect(stderr).toContain(words)
    expect(code).toBe(2)
  })
})
