/** Runners that share a job, up to the job: what is submitted, with which keys, and who is told what. */
import { describe, expect, it, vi } from "vitest"
import { OptionError, SubmitError } from "../../src/shared/errors.ts"
import { FakeSlurm, is, runnerSpec, statusOf } from "./fake-slurm.ts"

const option = (argv: readonly string[], name: string) => argv.filter(arg => arg.startsWith(`--${name}`))
const keysOf = (env: Record<string, string>) =>
  Object.entries(env).flatMap(([name, value]) => (name.startsWith("SLURM_FLAME_KEY") ? [`${name}=${value}`] : []))

describe("runnersPerJob", () => {
  it("submits one job with a task and a key for each runner", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({ runnersPerJob: 4, sbatch: { nodes: 2 }, node: "/usr/bin/node" })
    const jobs = await Promise.all(fake.submitMany(backend, 4))
    expect(jobs.map(({ id }) => id)).toEqual(["101", "101", "101", "101"])
    const [call, ...more] = fake.calls("sbatch")
    expect(more).toEqual([])
    expect(option(call!.argv, "ntasks")).toEqual(["--ntasks=4"])
    expect(option(call!.argv, "array")).toEqual([])
    expect(option(call!.argv, "signal")).toEqual(["--signal=TERM@60"])
    expect(call!.stdin).toMatch(
      /^#!\/bin\/bash\ntrap : TERM\nsrun --ntasks=4 .* \/usr\/bin\/node \/opt\/app\/supervisor\.js &&/,
    )
    expect(keysOf(call!.env)).toEqual([0, 1, 2, 3].map(task => `SLURM_FLAME_KEY_${task}=k3y-${task}`))
    expect(JSON.stringify([call!.argv, call!.stdin])).not.toContain("k3y")

    fake.job("101", { state: "RUNNING", node: "n[1-2]" })
    for (const job of jobs) expect(await statusOf(job, is("running"))).not.toHaveProperty("node")
    await jobs[1]!.cancel()
    expect(await jobs[1]!.ended()).toMatchObject({ outcome: "cancelled", evidence: { jobId: "101" } })
    expect(fake.calls("scancel")).toEqual([])
    for (const job of jobs) await job.cancel()
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101"]])
    expect(await jobs[3]!.ended()).toMatchObject({ outcome: "cancelled" })
  })

  it("makes as many jobs as it takes; one that is left over is a job like any other", async () => {
    const fake = new FakeSlurm()
    const jobs = await Promise.all(fake.submitMany(fake.backend({ runnersPerJob: 3 }), 7))
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(3)
    const calls = fake.calls("sbatch")
    expect(calls.map(({ argv }) => option(argv, "ntasks")[0]).sort()).toEqual([
      "--ntasks=1",
      "--ntasks=3",
      "--ntasks=3",
    ])
    const alone = calls.find(({ argv }) => option(argv, "ntasks")[0] === "--ntasks=1")!
    expect(alone.stdin).toContain("\nexec ")
    expect(option(alone.argv, "signal")).toEqual(["--signal=B:TERM@60"])
    expect(keysOf(alone.env)).toEqual(["SLURM_FLAME_KEY=k3y-6"])
  })

  it("takes the user's number of tasks where it is enough, and refuses one that is not", async () => {
    const fake = new FakeSlurm()
    await Promise.all(fake.submitMany(fake.backend({ runnersPerJob: 2, slurmJob: "#!/bin/sh\n#SBATCH -n 4\n" }), 2))
    const [call] = fake.calls("sbatch")
    expect(option(call!.argv, "ntasks")).toEqual([])
    expect(call!.stdin).toContain("srun --ntasks=2 ")
    const few = fake.backend({ runnersPerJob: 4, sbatch: { ntasks: 2 } })
    expect(() => few.validate()).toThrow(OptionError)
    expect(() => few.validate()).toThrow(/`runnersPerJob` is 4, but the job has only 2 tasks/)
  })

  it("asks a script's function once for each job", async () => {
    const fake = new FakeSlurm()
    const slurmJob = vi.fn(({ runnerId }: { runnerId: string }) => `#!/bin/sh\nexport FIRST=${runnerId}\n`)
    const backend = fake.backend({ runnersPerJob: 2, slurmJob })
    await Promise.all(fake.submitMany(backend, 4))
    expect(slurmJob.mock.calls.map(([{ runnerId }]) => runnerId)).toEqual(["r0", "r2"])
    expect(
      fake
        .calls("sbatch")
        .map(({ stdin }) => /FIRST=(\w+)/.exec(stdin)![1])
        .sort(),
    ).toEqual(["r0", "r2"])
  })

  it("leaves out who gives up before its turn, and keeps the job for the others when one gives up after that", async () => {
    const fake = new FakeSlurm()
    const [early, late] = [new AbortController(), new AbortController()]
    early.abort(new Error("early"))
    fake.answer("sbatch", { hold: true })
    const jobs = fake.submitMany(fake.backend({ runnersPerJob: 4 }), 4, [early.signal, undefined, late.signal])
    await expect(jobs[0]).rejects.toThrow("early")
    const [call] = await fake.called("sbatch")
    expect(option(call!.argv, "ntasks")).toEqual(["--ntasks=3"])
    late.abort(new Error("late"))
    fake.answer("sbatch", undefined)
    await expect(jobs[2]).rejects.toThrow("late")
    expect((await Promise.all([jobs[1]!, jobs[3]!])).map(({ id }) => id)).toEqual(["101", "101"])
    expect(fake.calls("scancel")).toEqual([])
  })

  it("is cancelled when all have given up before there is an id", async () => {
    const fake = new FakeSlurm()
    const gone = new AbortController()
    fake.answer("sbatch", { hold: true })
    const jobs = fake.submitMany(fake.backend({ runnersPerJob: 2 }), 2, [gone.signal, gone.signal])
    const settled = Promise.allSettled(jobs)
    await fake.called("sbatch")
    gone.abort(new Error("no longer wanted"))
    fake.answer("sbatch", undefined)
    expect(await settled).toMatchObject([{ status: "rejected" }, { status: "rejected" }])
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101"]])
  })

  it("is refused in one piece: half a job is none", async () => {
    const fake = new FakeSlurm()
    fake.allow(1, "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)\n")
    fake.answer("sbatch", {
      stderr: "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy",
      exitCode: 1,
    })
    const settled = await Promise.allSettled(fake.submitMany(fake.backend({ runnersPerJob: 2 }), 2))
    for (const result of settled) expect((result as PromiseRejectedResult).reason).toBeInstanceOf(SubmitError)
    expect(fake.calls("sbatch")).toHaveLength(1)
  })

  it("warns of a script once, however many runners it starts", async () => {
    const fake = new FakeSlurm()
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
    const backend = fake.backend({ runnersPerJob: 2, slurmJob: "#!/bin/sh\n{{runner}}\necho after\n" })
    backend.validate()
    await Promise.all(fake.submitMany(backend, 4))
    expect(warned.mock.calls).toEqual([
      [expect.stringContaining("line 3 never runs"), { type: "SlurmFlameWarning", code: "SLURM_FLAME_SCRIPT" }],
    ])
    warned.mockRestore()
  })

  it("is cancelled once while the process exits, whoever shares it", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({ runnersPerJob: 2 })
    const jobs = await Promise.all(fake.submitMany(backend, 2, [], i => runnerSpec({ runnerId: `r${i}` })))
    backend.cancelSync(jobs)
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101"]])
  })
})
