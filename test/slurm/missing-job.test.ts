import { describe, expect, it } from "vitest"
import { FakeSlurm, is, statusOf } from "./fake-slurm.ts"

describe("a job that is missing from squeue", () => {
  const HEADER = { stdout: "" }

  it("is not missed while it is young", async () => {
    const fake = new FakeSlurm()
    fake.answer("squeue", HEADER)
    const job = await fake.submit(fake.backend())
    await fake.called("squeue", 3)
    expect(job.status).toEqual({ state: "pending" })
    expect(fake.calls("scontrol")).toEqual([])
  })

  it("has ended, nobody knows how, once Slurm has forgotten it", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "RUNNING", node: "n1" })
    await statusOf(job, is("running"))
    fake.forget(job.id)
    expect(await job.ended()).toMatchObject({ outcome: "unknown", evidence: { jobId: job.id, node: "n1" } })
  })

  it("has ended when it never turned up at all", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({}, { missingGraceMs: 0 }))
    fake.forget(job.id)
    expect(await job.ended()).toMatchObject({ outcome: "unknown" })
  })

  it("ends as scontrol says, where that still knows it", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({}, { missingGraceMs: 0 }))
    fake.answer("squeue", HEADER)
    fake.job(job.id, { state: "NODE_FAIL" })
    expect(await job.ended()).toMatchObject({ outcome: "node-fail" })
  })

  it.each([
    ["scontrol still sees it run", undefined],
    ["scontrol has no answer", { stderr: "Unable to contact slurm controller\n", exitCode: 1 }],
  ])("lives on while %s", async (_, answer) => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({}, { missingGraceMs: 0 }))
    fake.job(job.id, { state: "RUNNING", node: "n1" })
    await statusOf(job, is("running"))
    fake.answer("squeue", HEADER)
    fake.answer("scontrol", answer)
    await fake.called("scontrol", 2)
    expect(job.status).toMatchObject({ state: "running" })
    fake.answer("squeue", undefined)
    fake.answer("scontrol", undefined)
    fake.job(job.id, { state: "TIMEOUT" })
    expect(await job.ended()).toMatchObject({ outcome: "walltime" })
  })
})
