/** The controller does not answer for a while: what is sent meanwhile, and that nothing is lost, doubled or left. */
import { describe, expect, it, vi } from "vitest"
import type { SchedulerNews } from "../../src/shared/backend.ts"
import { SubmitError } from "../../src/shared/errors.ts"
import { FakeSlurm, is, runnerSpec, statusOf } from "./fake-slurm.ts"

const PROGRAMS = ["sbatch", "squeue", "scancel", "scontrol"] as const
const WORDS: Record<(typeof PROGRAMS)[number], string> = {
  sbatch: "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
  squeue: "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
  scancel: "scancel: error: Kill job error on job id 101: Unable to contact slurm controller (connect failure)\n",
  scontrol: "Slurmctld(primary) at ctl is DOWN\n",
}
const WAIT = { timeout: 15_000, interval: 5 }
const SOCKET = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n"
/** Opens at once, and asks quickly enough for a test. */
const times = { breaker: { after: 2, first: 20, most: 200, spread: 5 } }

const down = (fake: FakeSlurm) => {
  for (const program of PROGRAMS)
    fake.answer(program, { stderr: WORDS[program], exitCode: program === "scancel" ? 8 : 1 })
}
const up = (fake: FakeSlurm) => {
  for (const program of PROGRAMS) fake.answer(program, undefined)
}
const follow = (backend: ReturnType<FakeSlurm["backend"]>) => {
  const news: SchedulerNews[] = []
  backend.onScheduler(one => news.push(one))
  return {
    news,
    state: (state: SchedulerNews["state"]) => vi.waitFor(() => expect(news.at(-1)?.state).toBe(state), WAIT),
  }
}

describe("while the controller is down", () => {
  it("a new runner waits, with one question at a time, and is submitted when it is back", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, times)
    const { news, state } = follow(backend)
    down(fake)
    const job = fake.submit(backend)
    await state("silent")
    const tries = fake.calls("sbatch").length
    expect(tries).toBeLessThanOrEqual(2)
    expect(backend.heldUp()).toMatch(/slurmctld has not answered for/)
    await fake.called("scontrol", 3) // nobody is watched: it is pinged
    expect(fake.calls("scontrol").map(({ argv }) => argv)).toContainEqual(["ping"])
    expect(fake.calls("sbatch")).toHaveLength(tries)
    up(fake)
    expect((await job).id).toBe("101")
    expect(fake.calls("sbatch")).toHaveLength(tries + 1)
    expect(news.map(one => one.state)).toEqual(["silent", "answers"])
    expect(news[0]!.message).toMatch(/slurmctld does not answer.*Unable to contact slurm controller/)
    expect(backend.heldUp()).toBeUndefined()
  })

  it("squeue is the probe where there are jobs to ask for, and nothing else is sent", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, times)
    const { state } = follow(backend)
    const job = await fake.submit(backend)
    down(fake)
    await state("silent")
    await statusOf(job, is("unknown"))
    const before = fake.calls("squeue").length
    await fake.called("squeue", before + 2)
    expect(fake.calls("scontrol")).toEqual([])
    expect(await job.ask()).toEqual({ state: "unknown" }) // at once, and without a question of its own
    up(fake)
    await statusOf(job, is("pending"))
  })

  it("a cancel is kept, is sent once when it is back, and for all that came meanwhile", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, times)
    const { state } = follow(backend)
    const jobs = await Promise.all(fake.submitMany(backend, 3))
    down(fake)
    await state("silent")
    const taken = Promise.all(jobs.map(job => job.cancel()))
    const before = fake.calls("squeue").length
    await fake.called("squeue", before + 1)
    expect(fake.calls("scancel")).toEqual([])
    up(fake)
    await taken
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101_[0-2]"]])
    for (const job of jobs) expect(await job.ended()).toMatchObject({ outcome: "cancelled" })
  })

  it("a cancel that was the first to fail is sent again", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({}, times))
    fake.answer("scancel", { stderr: WORDS.scancel, exitCode: 8, once: true })
    await job.cancel()
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101"], ["101"]])
    expect(await job.ended()).toMatchObject({ outcome: "cancelled" })
  })

  it("who gives up is told at once, and no job comes of it", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, times)
    const { state } = follow(backend)
    down(fake)
    const enough = new AbortController()
    const many = fake.submitMany(backend, 2, [enough.signal, enough.signal])
    const one = fake.submit(backend, runnerSpec({ runnerId: "r9" }))
    await state("silent")
    enough.abort("no longer wanted")
    await expect(Promise.allSettled(many)).resolves.toMatchObject([
      { reason: "no longer wanted" },
      { reason: "no longer wanted" },
    ])
    up(fake)
    await one
    expect(fake.calls("sbatch").at(-1)!.argv.join(" ")).not.toContain("--array")
  })

  it("nobody has to wait for a submission in doubt; what came of it is said, and cancelled when it is back", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, times)
    const { state } = follow(backend)
    down(fake)
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1, queue: true })
    const enough = new AbortController()
    const job = fake.submit(backend, runnerSpec(), enough.signal)
    job.catch(() => {})
    await state("silent")
    const warned = new Promise<Error>(resolve => process.once("warning", resolve))
    enough.abort("no longer wanted")
    await expect(job).rejects.toBe("no longer wanted")
    expect(await warned).toMatchObject({ code: "SLURM_FLAME_JOB_LEFT", message: expect.stringContaining("no telling") })
    expect(fake.calls("scancel")).toEqual([])
    up(fake)
    await fake.called("scancel")
    expect(fake.calls("scancel").map(({ argv }) => argv)).toEqual([["101"]])
  })

  it("a submission whose answer was lost is found when it is back, and never doubles", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({}, times)
    const { state } = follow(backend)
    down(fake)
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1, queue: true })
    const job = fake.submit(backend)
    await state("silent")
    up(fake)
    expect((await job).id).toBe("101")
    expect(fake.calls("sbatch")).toHaveLength(1)
  })
})

it("a refusal is an answer: it opens nothing", async () => {
  const fake = new FakeSlurm()
  const backend = fake.backend({}, { breaker: { after: 1, first: 5, most: 5, spread: 5 } })
  const { news } = follow(backend)
  fake.answer("sbatch", {
    stderr: "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
    exitCode: 1,
  })
  await expect(fake.submit(backend)).rejects.toBeInstanceOf(SubmitError)
  fake.answer("sbatch", undefined)
  await fake.submit(backend, runnerSpec({ runnerId: "r2" }))
  expect(news).toEqual([])
})

describe("maxPending", () => {
  it("keeps the rest in the program, says so, and submits it in one piece when there is room", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({ maxPending: 4 })
    const jobs = fake.submitMany(backend, 10)
    const first = await Promise.all(jobs.slice(0, 4))
    expect(first.map(job => job.id)).toEqual(["101_0", "101_1", "101_2", "101_3"])
    await vi.waitFor(() => expect(backend.heldUp()).toMatch(/^4 jobs of this program wait.*maxPending/), WAIT)
    for (const job of first) fake.job(job.id, { state: "RUNNING", node: "n1" })
    for (const job of await Promise.all(jobs.slice(4, 6))) fake.job(job.id, { state: "RUNNING", node: "n1" })
    for (const job of await Promise.all(jobs.slice(0, 8))) fake.job(job.id, { state: "RUNNING", node: "n1" })
    await Promise.all(jobs)
    const sizes = fake.calls("sbatch").map(({ argv }) => Number(/--array=0-(\d+)/.exec(argv.join(" "))?.[1] ?? 0) + 1)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(10)
    expect(sizes.length).toBeLessThanOrEqual(4)
    expect(backend.heldUp()).toBeUndefined()
  })

  it("who waits for a place may give up at once", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({ maxPending: 1 })
    await fake.submit(backend)
    const enough = new AbortController()
    const job = fake.submit(backend, runnerSpec({ runnerId: "r2" }), enough.signal)
    enough.abort("no longer wanted")
    await expect(job).rejects.toBe("no longer wanted")
    expect(fake.calls("sbatch")).toHaveLength(1)
  })
})
