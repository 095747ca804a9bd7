import { describe, expect, it } from "vitest"
import { FakeSlurm, limits, runnerSpec } from "./fake-slurm.ts"

describe("cancel", () => {
  it("ends many jobs with one scancel", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend()
    const jobs = await Promise.all(["r1", "r2", "r3"].map(runnerId => fake.submit(backend, runnerSpec({ runnerId }))))
    await Promise.all([...jobs, jobs[0]!].map(job => job.cancel()))
    expect(fake.calls("scancel").map(call => call.argv.sort())).toEqual([["101", "102", "103"]])
    const ended = await Promise.all(jobs.map(job => job.ended()))
    expect(ended.map(status => status.outcome)).toEqual(["cancelled", "cancelled", "cancelled"])
    await Promise.all(jobs.map(job => job.cancel()))
    expect(fake.calls("scancel")).toHaveLength(1)
  })

  it.each([
    ["scancel: error: Kill job error on job id 101: Invalid job id specified", 1],
    ["scancel: error: Kill job error on job id 101: Job/step already completing or completed", 1],
    ["", 0],
  ])("takes a job that is gone for cancelled: %j", async (stderr, exitCode) => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.answer("scancel", { stderr, exitCode })
    await expect(job.cancel()).resolves.toBeUndefined()
  })

  it("rejects when it was not taken, for the jobs concerned only, and can be tried again", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend()
    const first = await fake.submit(backend)
    const second = await fake.submit(backend, runnerSpec({ runnerId: "r2" }))
    fake.answer("scancel", {
      stderr: `scancel: error: Kill job error on job id ${first.id}: Access/permission denied\n`,
      exitCode: 210,
    })
    const results = await Promise.allSettled([first.cancel(), second.cancel()])
    expect(results[0]).toMatchObject({ status: "rejected", reason: { code: "ERR_FLAME_SLURM_COMMAND" } })
    expect(results[1]).toMatchObject({ status: "fulfilled" })
    fake.answer("scancel", undefined)
    await first.cancel()
    expect(await first.ended()).toMatchObject({ outcome: "cancelled" })
  })

  it("cancelSync ends those that live, without waiting for the event loop", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend()
    const over = await fake.submit(backend)
    fake.job(over.id, { state: "COMPLETED" })
    await over.ended()
    const live = await fake.submit(backend, runnerSpec({ runnerId: "r2" }))
    backend.cancelSync([over, live])
    expect(fake.calls("scancel").map(call => call.argv)).toEqual([[live.id]])
  })

  it("cancelSync does not hang on a scancel that does", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, { limits: limits({ scancelSync: 1_000 }) })
    const job = await fake.submit(backend)
    fake.answer("scancel", { hang: true })
    backend.cancelSync([job])
    expect(fake.calls("scancel")).toHaveLength(1)
  })
})
