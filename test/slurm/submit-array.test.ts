import { describe, expect, it, vi } from "vitest"
import { SubmitError } from "../../src/shared/errors.ts"
import type { SlurmOptions } from "../../src/slurm/options.ts"
import { FakeSlurm, is, limits, runnerSpec, statusOf } from "./fake-slurm.ts"

const SOCKET = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n"
const LIMIT =
  "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n"
const reason = new Error("no longer wanted")

const arrayOf = (argv: readonly string[]) => argv.find(arg => arg.startsWith("--array="))
const arrays = (fake: FakeSlurm) => fake.calls("sbatch").map(({ argv }) => arrayOf(argv) ?? "alone")
const keysOf = (env: Record<string, string>) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("SLURM_FLAME_KEY")))

/** Ids of the jobs, or the errors, in order. */
async function outcomes(jobs: readonly Promise<{ id: string }>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(jobs)
  return settled.map(result => (result.status === "fulfilled" ? result.value.id : result.reason))
}

describe("several runners at once", () => {
  it("are the tasks of one job, each with its own id, key and end", async () => {
    const fake = new FakeSlurm()
    const jobs = await Promise.all(fake.submitMany(fake.backend(), 3))
    expect(jobs.map(job => job.id)).toEqual(["101_0", "101_1", "101_2"])
    const [call, ...more] = fake.calls("sbatch")
    expect(more).toEqual([])
    expect(arrayOf(call!.argv)).toBe("--array=0-2")
    expect(call!.argv.find(arg => arg.startsWith("--output="))).toMatch(/flame-train-r0-\w+\.%A_%a\.log$/)
    expect(keysOf(call!.env)).toEqual({
      SLURM_FLAME_KEY_0: "k3y-0",
      SLURM_FLAME_KEY_1: "k3y-1",
      SLURM_FLAME_KEY_2: "k3y-2",
    })
    expect(JSON.stringify([call!.argv, call!.stdin])).not.toContain("k3y")

    for (const job of jobs) fake.job(job.id, { state: "RUNNING", node: `n${job.id.at(-1)}` })
    const seen = await Promise.all(jobs.map(job => statusOf(job, is("running"))))
    expect(seen).toMatchObject([{ node: "n0" }, { node: "n1" }, { node: "n2" }])
    await jobs[1]!.cancel()
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101_1"]])
    expect(await jobs[1]!.ended()).toMatchObject({ outcome: "cancelled", evidence: { jobId: "101_1" } })
    expect([jobs[0]!.status.state, jobs[2]!.status.state]).toEqual(["running", "running"])
  })

  it("is no array where there is one", async () => {
    const fake = new FakeSlurm()
    const [job] = await Promise.all(fake.submitMany(fake.backend(), 1))
    expect(job!.id).toBe("101")
    const [call] = fake.calls("sbatch")
    expect(arrayOf(call!.argv)).toBeUndefined()
    expect(keysOf(call!.env)).toEqual({ SLURM_FLAME_KEY: "k3y-0" })
  })

  it("are as many jobs as there are pools or environments among them", async () => {
    const fake = new FakeSlurm()
    const changes = [
      { env: { A: "1" } },
      { env: { A: "1" } },
      { env: { A: undefined } },
      { env: {} },
      { pool: "other" },
    ]
    const spec = (i: number) => runnerSpec({ runnerId: `r${i}`, ...changes[i] })
    await Promise.all(fake.submitMany(fake.backend(), changes.length, [], spec))
    expect(arrays(fake).sort()).toEqual(["--array=0-1", "alone", "alone", "alone"])
  })

  it.each([
    ["MaxArraySize            = 4\n", ["--array=0-3", "--array=0-3", "--array=0-1"]],
    [
      "MaxArraySize = 1001\nSchedulerParameters     = bf_interval=1,max_array_tasks=6\n",
      ["--array=0-5", "--array=0-3"],
    ],
    ["MaxArraySize = 0\n", Array.from({ length: 10 }, () => "alone")],
  ])("are split as the site wants it: %j", async (config, expected) => {
    const fake = new FakeSlurm()
    fake.config(config)
    const jobs = await Promise.all(fake.submitMany(fake.backend(), 10))
    expect(arrays(fake)).toEqual(expected)
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(10)
  })

  it("are split at what an environment can carry", async () => {
    const fake = new FakeSlurm()
    const secretEnv = { SLURM_FLAME_KEY: "k".repeat(20_000) }
    await Promise.all(fake.submitMany(fake.backend(), 5, [], i => runnerSpec({ runnerId: `r${i}`, secretEnv })))
    expect(arrays(fake)).toEqual(["--array=0-2", "--array=0-1"])
    for (const { env } of fake.calls("sbatch")) expect(JSON.stringify(keysOf(env)).length).toBeLessThan(64 * 1_024)
  })

  it("with scripts of their own are submitted one by one, equal ones together, and none waits for another's script", async () => {
    const fake = new FakeSlurm()
    let release = (_: string) => {}
    const late = new Promise<string>(resolve => {
      release = resolve
    })
    const slurmJob: SlurmOptions["slurmJob"] = ({ runnerId }) =>
      runnerId === "r3" ? late : `#!/bin/sh\n# ${runnerId === "r2" ? "another" : "the same"}\n`
    const jobs = fake.submitMany(fake.backend({ slurmJob }), 4)
    await Promise.all(jobs.slice(0, 3))
    expect(arrays(fake).sort()).toEqual(["--array=0-1", "alone"])
    release("#!/bin/sh\n# the same\n")
    await jobs[3]
    expect(arrays(fake).sort()).toEqual(["--array=0-1", "alone", "alone"])
    const texts = fake.calls("sbatch").map(({ stdin }) => stdin.split("\n")[1])
    expect(texts.sort()).toEqual(["# another", "# the same", "# the same"])
  })
})

describe("tasks that end together", () => {
  it("are asked about in one question, each with its own end; those that we have cancelled in none", async () => {
    const fake = new FakeSlurm()
    const jobs = await Promise.all(fake.submitMany(fake.backend(), 6))
    for (const job of jobs) fake.job(job.id, { state: "RUNNING", node: "n1" })
    await Promise.all(jobs.map(job => statusOf(job, is("running"))))
    fake.answer("squeue", { stdout: "" }) // so that all are seen at once
    for (const [i, job] of jobs.slice(0, 4).entries())
      fake.job(job.id, { state: "FAILED", detail: `ExitCode=${i + 1}:0` })
    await Promise.all(jobs.slice(4).map(job => job.cancel()))
    fake.answer("squeue", undefined)
    const ends = await Promise.all(jobs.map(job => job.ended()))
    expect(ends.map(({ outcome, evidence }) => [outcome, evidence.exitCode])).toEqual([
      ["failed", 1],
      ["failed", 2],
      ["failed", 3],
      ["failed", 4],
      ["cancelled", undefined],
      ["cancelled", undefined],
    ])
    const asked = fake.calls("scontrol").map(({ argv }) => argv.at(-1))
    expect(asked.length).toBeLessThanOrEqual(3)
    expect(asked).toContain("101")
  })
})

describe("an array whose answer was lost", () => {
  it("is found by its tag, and every runner gets its task", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1, queue: true })
    expect(await outcomes(fake.submitMany(fake.backend(), 3))).toEqual(["101_0", "101_1", "101_2"])
    expect(fake.calls("sbatch")).toHaveLength(1)
  })

  it("is found also when it was cut off in the middle, and who gave up meanwhile has his task cancelled", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { hang: true, queue: true })
    const times = { limits: limits({ sbatch: 1_000 }), lookupMs: [0, 500, 1_000, 2_000, 4_000] }
    const gone = new AbortController()
    const jobs = fake.submitMany(fake.backend({}, times), 3, [undefined, gone.signal])
    await fake.called("sbatch")
    gone.abort(reason)
    expect(await outcomes(jobs)).toEqual(["101_0", reason, "101_2"])
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101_1"]])
  })

  it("is a refusal to all of them when there is no such job", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1 })
    const errors = await outcomes(fake.submitMany(fake.backend({}, { againMs: [] }), 2))
    expect(errors).toEqual([expect.any(SubmitError), expect.any(SubmitError)])
    expect(fake.calls("sbatch")).toHaveLength(1)
  })
})

describe("an array that is refused", () => {
  it("for a reason that would hold for each of them is not tried again", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: "sbatch: error: Invalid qos specification\n", exitCode: 1 })
    const errors = await outcomes(fake.submitMany(fake.backend(), 4))
    expect(errors.map(error => (error as Error).message)).toEqual(Array(4).fill(expect.stringContaining("Invalid qos")))
    expect(fake.calls("sbatch")).toHaveLength(1)
  })

  it("since a limit leaves room for some: these get in, the others hear of the limit", async () => {
    const fake = new FakeSlurm()
    fake.allow(3, LIMIT)
    const results = await outcomes(fake.submitMany(fake.backend(), 6))
    expect(results.slice(0, 3)).toEqual(["101_0", "101_1", "101_2"])
    expect(results.slice(3).map(error => (error as Error).message)).toEqual(
      Array(3).fill(expect.stringContaining("AssocMaxSubmitJobLimit")),
    )
    // Six, three that get in, three, one alone: what does not fit is halved.
    expect(arrays(fake)).toEqual(["--array=0-5", "--array=0-2", "--array=0-2", "alone"])
  })

  it("since the site wants no arrays: each is submitted by itself", async () => {
    const fake = new FakeSlurm()
    fake.allow(1, "sbatch: error: Batch job submission failed: Invalid job array specification\n", "each")
    expect(await outcomes(fake.submitMany(fake.backend(), 3))).toEqual(["101", "102", "103"])
    expect(arrays(fake)).toEqual(["--array=0-2", "alone", "alone", "alone"])
  })
})

describe("one of several that is given up", () => {
  it("before its turn comes is left out, and hears at once", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, { gate: { atOnce: 1, burst: 10, perSecond: 1 } })
    fake.answer("sbatch", { hold: true })
    const first = fake.submit(backend)
    await fake.called("sbatch")
    const gone = new AbortController()
    const jobs = fake.submitMany(backend, 3, [undefined, gone.signal])
    gone.abort(reason)
    await expect(jobs[1]).rejects.toBe(reason) // while sbatch still holds the gate
    fake.answer("sbatch", undefined)
    await first
    expect(await outcomes(jobs)).toEqual(["102_0", reason, "102_1"])
    const [, call] = fake.calls("sbatch")
    expect(Object.values(keysOf(call!.env))).toEqual(["k3y-0", "k3y-2"])
    expect(fake.calls("scancel")).toEqual([])
  })

  it("with all the others asks for nothing", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, { gate: { atOnce: 1, burst: 10, perSecond: 1 } })
    fake.answer("sbatch", { hold: true })
    const first = fake.submit(backend)
    await fake.called("sbatch")
    const gone = new AbortController()
    const jobs = fake.submitMany(backend, 2, [gone.signal, gone.signal])
    gone.abort(reason)
    expect(await outcomes(jobs)).toEqual([reason, reason])
    fake.answer("sbatch", undefined)
    await first
    await fake.submit(backend, runnerSpec({ runnerId: "next" }))
    expect(arrays(fake)).toEqual(["alone", "alone"])
  })

  it("while sbatch is under way has its task cancelled, and the others go on", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { hold: true })
    const gone = new AbortController()
    const jobs = fake.submitMany(fake.backend(), 3, [gone.signal])
    await fake.called("sbatch")
    gone.abort(reason)
    fake.answer("sbatch", undefined)
    expect(await outcomes(jobs)).toEqual([reason, "101_1", "101_2"])
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101_0"]])
  })
})

describe("a task that is cancelled before it ran", () => {
  it("has ended although Slurm keeps no record of it", async () => {
    const fake = new FakeSlurm()
    const jobs = await Promise.all(fake.submitMany(fake.backend(), 2))
    await jobs[0]!.cancel()
    expect(await jobs[0]!.ended()).toMatchObject({ outcome: "cancelled", evidence: { jobId: "101_0" } })
    expect(jobs[1]!.status.state).toBe("pending")
  })

  it("by hand, too", async () => {
    const fake = new FakeSlurm()
    const [job] = await Promise.all(fake.submitMany(fake.backend(), 2))
    fake.job(job!.id, { reason: "Resources" })
    await vi.waitFor(() => expect(job!.status).toMatchObject({ reason: "Resources" }), { timeout: 15_000 })
    fake.forget(job!.id)
    expect(await job!.ended()).toMatchObject({ outcome: "cancelled" })
  })
})
