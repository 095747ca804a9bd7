/**
 * What a parent leaves that is killed, at every stage of a boot; who finds it, and who ends it. And that nobody has to where a parent
 * ends in an orderly way.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest"
import {
  APP,
  cluster,
  endEverything,
  inNode,
  nodeProcesses,
  noJobsLeft,
  onCluster,
  type Program,
  runAs,
  squeue,
  type User,
  waitFor,
} from "./harness.ts"
import { closeCleanly, nothingLeft, openPool, spawn, start } from "./parent.ts"

const STATE = "/home/flame/.local/state/slurm-flame"
/** Where bundles lie. */
const CACHE = "/home/flame/.cache/slurm-flame"
const BIN = `${APP}/node_modules/.bin/slurm-flame`

/** The state directory: records of runs, and logs that hold nothing. */
function leftovers(): string[] {
  const files = (name: string) => (existsSync(join(STATE, name)) ? readdirSync(join(STATE, name)) : [])
  return [...files("runs"), ...files("logs").filter(name => statSync(join(STATE, "logs", name)).size === 0)]
}

async function flame(args: string[], user: User = "flame") {
  return await runAs(user, [BIN, ...args])
}

interface Ps {
  jobs: { id: string; state: string; reason: string | null; pool: string; parent: { state: string; pid: number } }[]
  runs: { pool: string; jobs: number; removed: boolean; parent: { state: string } }[]
}

async function ps(user: User = "flame"): Promise<Ps> {
  const { code, stdout, stderr } = await flame(["ps", "--json"], user)
  if (code !== 0) throw new Error(`ps ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as Ps
}

/** A search path on which `sbatch` is this shell script, in which "$real" is the real one. */
class Sbatch {
  readonly dir = mkdtempSync("/home/flame/sbatch-")
  readonly PATH: string

  constructor(body: string) {
    const bin = join(this.dir, "bin")
    mkdirSync(bin)
    chmodSync(this.dir, 0o777)
    writeFileSync(join(bin, "sbatch"), `#!/bin/sh\nreal=/usr/bin/sbatch dir=${this.dir}\n${body}\n`, { mode: 0o755 })
    this.PATH = `${bin}:${process.env.PATH}`
  }
}

/** Deleted with the test. */
function sbatch(body: string): Sbatch {
  const made = new Sbatch(body)
  onTestFinished(() => rmSync(made.dir, { recursive: true }))
  return made
}

async function killed(parent: Program): Promise<void> {
  parent.kill("SIGKILL")
  await parent.result
}

/** The same program is started again and works; when it is closed, nothing is left of either. */
async function nextStart(cancelled: string[]): Promise<void> {
  const parent = await openPool({ min: 1, max: 1 })
  await parent.next("runner:up")
  const isLeft = async () => (await squeue()).some(({ id }) => cancelled.includes(id))
  await waitFor(async () => !(await isLeft()), "what waits for the killed parent to be cancelled")
  // One record is its own.
  await waitFor(() => leftovers().filter(name => name.endsWith(".json")).length === 1, "the old record to go")
  await closeCleanly(parent)
  const { stderr } = await parent.result
  expect(readdirSync(CACHE)).toEqual([]) // the bundle of the killed one, too
  for (const id of cancelled)
    expect(stderr).toMatch(new RegExp(`an earlier run of this program was killed.* cancelled=.*${id}`))
  expect(leftovers()).toEqual([])
}

// Logs of other tests, and records of those that failed.
beforeEach(() => {
  for (const path of [STATE, CACHE]) rmSync(path, { recursive: true, force: true })
})

onCluster("a parent that is SIGKILLed", () => {
  afterEach(endEverything)

  test("before sbatch: a record and nothing else, which goes with the next look", async () => {
    const { PATH } = sbatch('kill -9 "$PPID"; exit 1')
    const parent = await openPool({ min: 1 }, {}, { PATH })
    expect(await parent.result).toMatchObject({ signal: "SIGKILL" })
    expect(leftovers()).toHaveLength(1)
    const { jobs, runs } = await ps()
    expect(jobs).toEqual([])
    expect(runs).toMatchObject([{ jobs: 0, removed: true, parent: { state: "dead" } }])
    await nothingLeft()
    expect(leftovers()).toEqual([])
  })

  test("while sbatch is still under way: the record stays until the job is there, and then both go", async () => {
    const { PATH, dir } = sbatch(
      // With the script in hand: the parent that is killed cannot finish it.
      'cat >"$dir/script"; kill -9 "$PPID"\nwhile [ ! -e "$dir/go" ]; do sleep 0.1; done\n"$real" "$@" <"$dir/script"',
    )
    const parent = await openPool({ min: 1 }, { sbatch: { hold: true } }, { PATH })
    await parent.result
    expect((await ps()).runs).toMatchObject([{ jobs: 0, removed: false, parent: { state: "dead" } }])
    writeFileSync(join(dir, "go"), "")
    const [job] = await waitFor(async () => {
      const { jobs } = await ps()
      return jobs.length === 1 && jobs
    }, "the job to be queued")
    expect(job).toMatchObject({ parent: { state: "dead", pid: parent.pid } })
    await nextStart([job!.id])
  })

  test("between sbatch and its answer: the job starts, finds nobody, and ends at once with nothing left", async () => {
    const { PATH, dir } = sbatch('"$real" "$@" >"$dir/id"\nkill -9 "$PPID"')
    const parent = await openPool({ min: 1 }, {}, { PATH })
    await parent.result
    const began = performance.now()
    await nothingLeft()
    console.info(
      `a job without a parent is gone ${Math.round(performance.now() - began)} ms after it was submitted (${dir})`,
    )
    expect((await ps()).runs).toMatchObject([{ jobs: 0, removed: true }])
    expect(leftovers()).toEqual([])
  })

  test("while its jobs are pending: ps tells whose they are, the next start cancels them", async () => {
    const parent = await openPool({ min: 2, max: 2 }, { sbatch: { hold: true } })
    const pending = await waitFor(async () => {
      const jobs = await squeue()
      return jobs.length === 2 && jobs
    }, "both to be queued")
    expect((await ps()).jobs.map(job => job.parent.state)).toEqual(["alive", "alive"])
    await killed(parent)
    const { jobs } = await ps()
    expect(jobs.map(({ id, state, reason, pool, parent }) => [id, state, reason, pool, parent.state])).toEqual(
      pending.map(({ id }) => [id, "PENDING", "JobHeldUser", "basic", "dead"]),
    )
    await nextStart(pending.map(({ id }) => id))
  })

  test("while a runner boots: it ends although its import does not", async () => {
    const parent = await openPool({ min: 1, module: `${APP}/programs/slow.ts` }, { sbatch: { nodelist: "n1" } })
    await waitFor(async () => (await nodeProcesses("n1")).length >= 2, "supervisor and worker to run")
    await killed(parent)
    const began = performance.now()
    await nothingLeft()
    console.info(`a booting runner is gone ${Math.round(performance.now() - began)} ms after its parent`)
    await ps()
    expect(leftovers()).toEqual([])
  })

  test("while calls run, one of which blocks its event loop: the runners end within orphanTimeout", async () => {
    const parent = await openPool({ max: 2 })
    start(parent, "block", ["$report"])
    await parent.next("report")
    start(parent, "hold", ["$report"])
    await parent.next("report")
    expect((await ps()).jobs.map(job => job.parent.state)).toEqual(["alive", "alive"])
    await killed(parent)
    const began = performance.now()
    await nothingLeft()
    console.info(`busy runners are gone ${Math.round(performance.now() - began)} ms after their parent`)
    await nextStart([])
  })

  test("while the link is down, so that its end is not heard of: the runner ends after orphanTimeout", async () => {
    const times = { heartbeat: "1s", orphanTimeout: "6s" }
    const parent = await openPool({ max: 1, ...times }, { sbatch: { nodelist: "n1" } })
    start(parent, "hold", ["$report"])
    await parent.next("report")
    const began = performance.now()
    try {
      await cluster("fail", "n1", "ib")
      await killed(parent)
      await noJobsLeft()
      const ms = performance.now() - began
      console.info(`a runner that hears nothing is gone ${Math.round(ms)} ms after its link`)
      expect(ms).toBeGreaterThan(3_000) // it did not give up at once
    } finally {
      await cluster("heal", "n1")
    }
    await nothingLeft()
    await ps()
    expect(leftovers()).toEqual([])
  })
})

const inN1 = (argv: string[]) => inNode("n1", argv, { user: "flame" })

onCluster("slurm-flame cancel", () => {
  afterEach(endEverything)

  test("--orphans ends those of the dead parent, not those of the living one, nor a job that is none of ours", async () => {
    const held = { sbatch: { hold: true } }
    const [dead, alive] = [
      await openPool({ min: 1, name: "gone" }, held),
      await openPool({ min: 1, name: "here" }, held),
    ]
    await runAs("flame", ["sbatch", "--hold", "-J", "flame-thrower", "-o", "/dev/null"], { input: "#!/bin/sh\ntrue\n" })
    const idOf = async (name: string) => (await squeue()).find(job => job.name.startsWith(name))?.id
    const [gone, here] = [
      await waitFor(() => idOf("flame-gone-"), "the one job"),
      await waitFor(() => idOf("flame-here-"), "the other"),
    ]
    const foreign = await waitFor(() => idOf("flame-thrower"), "the foreign job")
    await killed(dead)

    const table = await flame(["ps"])
    expect(table.stdout).toMatch(
      new RegExp(`^${gone} +PENDING \\(JobHeldUser\\) .* gone .* dead .*:${dead.pid} pool.mjs`, "m"),
    )
    expect(table.stdout).toMatch(new RegExp(`^${here} +PENDING .* here .* alive .*:${alive.pid} pool.mjs`, "m"))
    expect(table.stdout).not.toMatch(new RegExp(`^${foreign} `, "m"))
    expect(table.stderr).toMatch(/^1 job whose parent is dead.*cancel --orphans/m)

    // Another user sees none of it, and ends none.
    expect(await ps("eve")).toMatchObject({ jobs: [], runs: [] })
    expect(await flame(["cancel", "--orphans"], "eve")).toMatchObject({ code: 0, stdout: "no orphans\n" })
    expect(await flame(["cancel", gone], "eve")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no job of"),
    })
    expect((await runAs("eve", ["cat", `${STATE}/runs/${readdirSync(`${STATE}/runs`)[0]}`])).code).not.toBe(0)
    expect(await squeue()).toHaveLength(3)

    const ended = await flame(["cancel", "--orphans"])
    expect(ended).toMatchObject({ code: 0, stderr: "" })
    expect(ended.stdout).toMatch(new RegExp(`^cancelled ${gone} \\(pending, pool gone, parent dead: .*\\)\\n$`))
    expect((await squeue()).map(({ id }) => id).sort()).toEqual([here, foreign].sort())
    expect(await flame(["cancel", "--orphans"])).toMatchObject({ code: 0, stdout: "no orphans among 1 job\n" })

    // By name: whoever waits for it. The foreign one is not ours to end.
    expect((await flame(["cancel", foreign])).code).toBe(1)
    await killed(alive) // it would replace what is taken from it
    expect(await flame(["cancel", "here"])).toMatchObject({ code: 0 })
    expect((await squeue()).map(({ id }) => id)).toEqual([foreign])
    expect(leftovers()).toEqual([])
  })

  test("from another host, where the parent's process cannot be seen, its port tells", async () => {
    const parent = await openPool({ min: 1 }, { sbatch: { hold: true } })
    await waitFor(async () => (await squeue()).length === 1, "the job to be queued")
    const onNode = async () => {
      const { stdout } = await inN1([BIN, "ps", "--json"])
      return (JSON.parse(stdout) as Ps).jobs.map(job => job.parent.state)
    }
    expect(await onNode()).toEqual(["alive"])
    await killed(parent)
    expect(await onNode()).toEqual(["dead"])
    expect((await inN1([BIN, "cancel", "--orphans"])).code).toBe(0)
    await nothingLeft()
    expect(leftovers()).toEqual([])
  })
})

onCluster("a parent that ends in an orderly way, its pool open", () => {
  afterEach(endEverything)

  test.each<[string, (parent: Program) => void]>([
    ["SIGTERM", parent => parent.kill("SIGTERM")],
    ["SIGINT", parent => parent.kill("SIGINT")],
    ["process.exit()", parent => parent.send({ do: "exit", code: 3 })],
    ["an error that nobody catches", parent => parent.send({ do: "crash" })],
  ])("%s: no job waits or runs on, and no record is left", async (_, end) => {
    const parent = await openPool({ min: 1, max: 2 }, { sbatch: { nodelist: "n1", cpusPerTask: 8 } })
    await parent.next("runner:up")
    await spawn(parent, "a")
    parent.send({ do: "spawn", as: "b" }) // cannot start: the first job has the whole node
    await waitFor(async () => (await ps()).jobs.some(job => job.state === "PENDING"), "a pending job")
    expect(readdirSync(`${STATE}/runs`)).toHaveLength(1)
    end(parent)
    await parent.result
    expect((await squeue()).filter(job => job.state === "PENDING")).toEqual([])
    expect(readdirSync(`${STATE}/runs`)).toEqual([])
    await nothingLeft()
  })

  test("SIGTERM while sbatch is under way: a job may come of it, so the record stays for the next start", async () => {
    const { PATH, dir } = sbatch(
      'cat >"$dir/script"; : >"$dir/begun"\nwhile [ ! -e "$dir/go" ]; do sleep 0.1; done\n"$real" "$@" <"$dir/script"',
    )
    const parent = await openPool({ min: 1 }, { sbatch: { hold: true } }, { PATH })
    await waitFor(() => existsSync(join(dir, "begun")), "sbatch to be called")
    parent.kill("SIGTERM")
    await parent.result
    expect(readdirSync(`${STATE}/runs`)).toHaveLength(1)
    writeFileSync(join(dir, "go"), "")
    const [job] = await waitFor(async () => {
      const jobs = await squeue()
      return jobs.length === 1 && jobs
    }, "the job to be queued")
    await nextStart([job!.id])
  })
})
