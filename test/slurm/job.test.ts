import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import type { JobStatus } from "../../src/shared/backend.ts"
import { Canceller } from "../../src/slurm/canceller.ts"
import { SlurmJob } from "../../src/slurm/job.ts"
import { Watcher } from "../../src/slurm/watcher.ts"
import { FakeSlurm, is, limits, runnerSpec, statusOf } from "./fake-slurm.ts"

const END = "2026-11-22T12:34:57"
const ENDS_AT = Date.UTC(2026, 10, 22, 12, 34, 57)

/** A job of nobody's backend. */
function loneJob(change: { show?: () => Promise<undefined> } = {}): SlurmJob {
  const client = {
    queue: async () => new Map(),
    show: async () => undefined,
    scancel: async () => new Map(),
    ...change,
  }
  const accounting = { record: async () => ({ maxRssBytes: undefined, cancelledBy: undefined }) }
  const services = {
    client,
    watcher: new Watcher(client),
    canceller: new Canceller(client),
    accounting,
    missingGraceMs: 0,
  }
  return new SlurmJob("7", { path: "/nonexistent/log", cwd: "/", jobName: "x", own: false }, services)
}

describe("status", () => {
  it("follows the job from pending to its end", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    const seen: JobStatus[] = []
    job.onStatus(status => seen.push(status))

    fake.job(job.id, { reason: "Resources", start: END })
    await statusOf(job, status => status.state === "pending" && status.reason === "Resources")
    fake.job(job.id, { state: "RUNNING", node: "n2", end: END, reason: "None" })
    await statusOf(job, is("running"))
    await fake.called("squeue", fake.calls("squeue").length + 2)
    fake.job(job.id, { state: "COMPLETED" })
    const ended = await job.ended()

    expect(seen).toEqual([
      {
        state: "pending",
        reason: "Resources",
        expectedStart: new Date(ENDS_AT),
        outlook: "queued",
        hint: expect.stringMatching(/ask for less/),
      },
      { state: "running", node: "n2", endsAt: ENDS_AT },
      { state: "running", node: "n2", endsAt: ENDS_AT, ending: true }, // at once; its evidence may take a while
      ended,
    ])
    expect(ended).toMatchObject({
      outcome: "completed",
      evidence: { jobId: "101", exitCode: 0, node: "n2", slurmState: "COMPLETED" },
    })
    expect(job.status).toBe(ended)
    expect(fake.calls("scontrol")).toEqual([])
  })

  it("tells its end on this machine's clock, whatever that of the controller shows", async () => {
    const fake = new FakeSlurm()
    const shown = new Date(Date.now() + 600_000).toISOString().slice(0, 19)
    fake.config(`Configuration data as of ${shown}\n`)
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "RUNNING", node: "n2", end: shown })
    const status = await statusOf(job, is("running"))
    const now = Date.now()
    expect(status).toMatchObject({ endsAt: expect.any(Number) })
    // As far ahead of us as the end is ahead of us there: it ends now. Not to the millisecond, since Slurm tells seconds.
    expect(Math.abs((status as { endsAt: number }).endsAt - now)).toBeLessThan(20_000)
  })

  it("notices at rest that an administrator has moved its end, when squeue is asked for another", async () => {
    const fake = new FakeSlurm()
    const [one, other] = fake.backends(2)
    const job = await fake.submit(one!)
    fake.job(job.id, { state: "RUNNING", node: "n2", end: END })
    await statusOf(job, is("running"))
    job.attend("rest")
    fake.job(job.id, { end: "2026-11-22T13:34:57" })
    const moved = statusOf(job, status => status.state === "running" && status.endsAt === ENDS_AT + 3_600_000)
    const waiting = await fake.submit(other!, runnerSpec({ runnerId: "r2" }))
    expect(await moved).toMatchObject({ node: "n2" })
    expect(waiting.status.state).toBe("pending")
  })

  it("is watched while it is suspended, although its pool is at rest: it will not say itself that it goes on", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "RUNNING", node: "n2", end: END })
    await statusOf(job, is("running"))
    job.attend("rest")
    fake.job(job.id, { state: "SUSPENDED" })
    expect(await job.ask()).toMatchObject({ suspended: true })
    fake.job(job.id, { state: "RUNNING" })
    await statusOf(job, status => status.state === "running" && !status.suspended)
  })

  it("has no end time where Slurm has none", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "RUNNING", node: "n2", end: "N/A" })
    expect(await statusOf(job, is("running"))).toEqual({ state: "running", node: "n2" })
  })

  it("tells nobody who does not listen any more, and the others although a listener throws", async () => {
    const job = loneJob()
    const mistake = new Error("listener's mistake")
    const [former, other] = [vi.fn(), vi.fn()]
    job.onStatus(former)()
    const stop = job.onStatus(() => {
      throw mistake
    })
    job.onStatus(other)

    const nextTick = vi.spyOn(process, "nextTick").mockImplementation(() => {})
    job.onRow({
      id: "7",
      number: "7",
      slurmState: "RUNNING",
      end: undefined,
      start: undefined,
      node: "n1",
      partitions: ["cpu"],
      reason: undefined,
    })
    const [[rethrow]] = nextTick.mock.calls as unknown as [[() => void]]
    nextTick.mockRestore()

    expect(rethrow).toThrow(mistake)
    expect(other).toHaveBeenCalledWith({ state: "running", node: "n1" })
    expect(former).not.toHaveBeenCalled()
    stop()
    job.onRow({
      id: "7",
      number: "7",
      slurmState: "COMPLETED",
      end: undefined,
      start: undefined,
      node: "n1",
      partitions: ["cpu"],
      reason: undefined,
    })
    await job.ended()
  })
})

describe("a job that dies", () => {
  it("ends with Slurm's words and the tail of its stderr", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({ sbatch: { error: join(fake.root, "%x-%j.err"), jobName: "mine" } }))
    const log = join(fake.root, `mine-${job.id}.err`)
    writeFileSync(log, "node: not found\n")
    fake.job(job.id, { state: "FAILED", node: "n3", reason: "NonZeroExitCode", detail: "ExitCode=127:0 BatchHost=n3" })
    expect(await job.ended()).toEqual({
      state: "ended",
      outcome: "failed",
      evidence: {
        jobId: job.id,
        node: "n3",
        slurmState: "FAILED",
        slurmReason: "NonZeroExitCode",
        exitCode: 127,
        signal: undefined,
        stderrTail: "node: not found\n",
        logPath: log,
      },
    })
    expect(await job.stderrTail()).toBe("node: not found\n")
  })

  it("says on which node the log is when it cannot be read here", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({ sbatch: { output: "/nonexistent/%j.out" } }))
    fake.job(job.id, { state: "FAILED", node: "n3", detail: "ExitCode=0:9 BatchHost=n3" })
    const { evidence } = await job.ended()
    expect(evidence).toMatchObject({ logPath: "n3:/nonexistent/101.out", signal: "SIGKILL", exitCode: undefined })
    expect(evidence.stderrTail).toBeUndefined()
    expect(await job.stderrTail()).toBe("")
  })

  it("ends with what squeue told when scontrol has no answer", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.answer("scontrol", { stderr: "Unable to contact slurm controller\n", exitCode: 1 })
    fake.job(job.id, { state: "OUT_OF_MEMORY", node: "n1", reason: "OutOfMemory" })
    expect(await job.ended()).toMatchObject({
      outcome: "out-of-memory",
      evidence: { slurmState: "OUT_OF_MEMORY", slurmReason: "OutOfMemory", node: "n1" },
    })
  })
})

describe("a job that ran out of memory", () => {
  const CONFIG = "AccountingStorageType   = accounting_storage/slurmdbd\n"
  const DETAIL = "ExitCode=0:125 TRES=cpu=1,mem=300M,node=1"

  it("says how much it had, and how much it might have", async () => {
    const fake = new FakeSlurm()
    fake.config(CONFIG)
    fake.answer("sacct", {
      stdout: "101|OUT_OF_MEMORY|2026-11-22T12:00:00|\n101.batch|OUT_OF_MEMORY|2026-11-22T12:00:00|299.50M\n",
    })
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "RUNNING", node: "n1" })
    await statusOf(job, is("running"))
    fake.job(job.id, { state: "OUT_OF_MEMORY", node: "n1", detail: DETAIL })
    expect(await job.ended()).toMatchObject({
      outcome: "out-of-memory",
      evidence: { outOfMemory: true, memoryLimitBytes: 300 * 1024 ** 2, maxRssBytes: 299.5 * 1024 ** 2 },
    })
    expect(fake.calls("sacct")).toHaveLength(1)
  })

  it("does not wait for accounts that the site does not keep", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "OUT_OF_MEMORY", node: "n1", detail: DETAIL })
    const { evidence } = await job.ended()
    expect(evidence).toMatchObject({ outOfMemory: true, memoryLimitBytes: 300 * 1024 ** 2, maxRssBytes: undefined })
    expect(fake.calls("sacct")).toEqual([])
  })
})

describe("a job that was cancelled", () => {
  const CONFIG = "AccountingStorageType   = accounting_storage/slurmdbd\n"
  const RECORD = { stdout: "101|CANCELLED by 1002|2026-11-22T12:00:00|\n" }

  it("by somebody says by whom, where accounts are kept", async () => {
    const fake = new FakeSlurm()
    fake.config(CONFIG)
    fake.answer("sacct", RECORD)
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "CANCELLED" })
    expect(await job.ended()).toMatchObject({ outcome: "cancelled", evidence: { cancelledBy: 1002 } })
  })

  it("by us needs no accounts", async () => {
    const fake = new FakeSlurm()
    fake.config(CONFIG)
    fake.answer("sacct", RECORD)
    const job = await fake.submit(fake.backend())
    await job.cancel()
    expect((await job.ended()).evidence.cancelledBy).toBeUndefined()
    expect(fake.calls("sacct")).toEqual([])
  })
})

describe("a job that waits", () => {
  it.each([
    ["PartitionTimeLimit", "cpu", "never"],
    ["PartitionTimeLimit", "short,cpu", "queued"],
    ["JobHeldUser", "cpu", "blocked"],
    ["Of a plugin", "cpu", undefined],
  ])("for %s in %s", async (reason, partitions, outlook) => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { reason, partitions })
    const told = (status: JobStatus) => status.state === "pending" && status.reason === reason
    await statusOf(job, status => told(status) && (status as { outlook?: string }).outlook === outlook)
  })

  it("for what can never come is believed when that is said twice in a row", () => {
    const job = loneJob()
    const seen: unknown[] = []
    job.onStatus(status =>
      seen.push([(status as { reason?: string }).reason, (status as { outlook?: string }).outlook]),
    )
    const row = { id: "7", number: "7", slurmState: "PENDING", end: undefined, start: undefined, node: undefined }
    for (const reason of ["PartitionConfig", "Priority", "PartitionConfig", "PartitionTimeLimit", "PartitionTimeLimit"])
      job.onRow({ ...row, partitions: ["cpu"], reason })
    expect(seen).toEqual([
      ["PartitionConfig", undefined],
      ["Priority", "queued"],
      ["PartitionConfig", undefined],
      ["PartitionTimeLimit", "never"],
    ])
    job.onMissing()
  })
})

describe("a job whose end is being looked into", () => {
  it("does so once, whatever squeue says meanwhile", async () => {
    const show = vi.fn(() => new Promise<undefined>(resolve => setImmediate(() => resolve(undefined))))
    const job = loneJob({ show })
    const row = {
      id: "7",
      number: "7",
      slurmState: "FAILED",
      end: undefined,
      start: undefined,
      node: "n1",
      partitions: ["cpu"],
      reason: undefined,
    }
    const changes = vi.fn()
    job.onStatus(changes)
    job.onRow(row)
    job.onRow({ ...row, slurmState: "RUNNING" })
    job.onMissing()
    job.onSilence()
    await job.ended()
    expect(changes.mock.calls).toEqual([[job.status]])
    expect(show).toHaveBeenCalledTimes(1)
  })
})

describe("squeue failing", () => {
  it.each([
    ["an error", { stderr: "slurm_load_jobs error: Unable to contact slurm controller\n", exitCode: 1 }],
    ["no answer", { hang: true }],
  ])("(%s) is not `no jobs`: first nothing changes, then nothing is known, then all is well", async (_, answer) => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({}, { limits: limits({ squeue: 700 }) }))
    fake.job(job.id, { state: "RUNNING", node: "n1", end: END })
    await statusOf(job, is("running"))
    const before = fake.calls("squeue").length
    fake.answer("squeue", answer)
    await fake.called("squeue", before + 2)
    expect(job.status.state).toBe("running")
    await statusOf(job, is("unknown"))
    fake.answer("squeue", undefined)
    expect(await statusOf(job, is("running"))).toEqual({ state: "running", node: "n1", endsAt: ENDS_AT })
  })
})

describe("attend", () => {
  it("asks with one squeue for all jobs", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend()
    const jobs = await Promise.all(["r1", "r2", "r3"].map(runnerId => fake.submit(backend, runnerSpec({ runnerId }))))
    const asked = fake.calls("squeue").length
    for (const job of jobs) fake.job(job.id, { state: "RUNNING", node: "n1" })
    await Promise.all(jobs.map(job => statusOf(job, is("running"))))
    // One may have been under way when the jobs changed; the next finds all three.
    expect(fake.calls("squeue").length - asked).toBeLessThanOrEqual(4)
    for (const { argv } of fake.calls("squeue")) expect(argv).toContain("--me")
  })

  it("at rest asks nobody, once it was seen running and its end time is known", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend()
    const job = await fake.submit(backend)
    job.attend("rest")
    fake.job(job.id, { state: "RUNNING", node: "n1", end: END })
    expect(await statusOf(job, is("running"))).toMatchObject({ endsAt: ENDS_AT })
    fake.job(job.id, { state: "FAILED" })

    // A job that is watched shows that squeue was asked again and the resting one was not told.
    const other = await fake.submit(backend, runnerSpec({ runnerId: "r2" }))
    fake.job(other.id, { state: "RUNNING" })
    await statusOf(other, is("running"))
    expect(job.status.state).toBe("running")

    job.attend("watch")
    await statusOf(job, is("ended"))
  })

  it("holds no timer once the job has ended, whatever is asked of it", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    onTestFinished(() => void vi.useRealTimers())
    const job = loneJob()
    expect(vi.getTimerCount()).toBe(1)
    job.onRow({
      id: "7",
      number: "7",
      slurmState: "COMPLETED",
      end: undefined,
      start: undefined,
      node: undefined,
      partitions: ["cpu"],
      reason: undefined,
    })
    const ended = await job.ended()
    job.attend("rest")
    job.attend("watch")
    await job.cancel()
    expect(await job.ended()).toBe(ended)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("ask", () => {
  it("gives what squeue says after the question, also of a job nobody watches any more", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "RUNNING", node: "n1" })
    await statusOf(job, is("running"))
    job.attend("rest")
    const before = fake.calls("squeue").length
    expect(await job.ask()).toMatchObject({ state: "running", node: "n1" })
    expect(fake.calls("squeue").length).toBeGreaterThan(before)
    fake.job(job.id, { state: "COMPLETING", node: "n1" })
    expect(await job.ask()).toMatchObject({ state: "running", ending: true })
    fake.job(job.id, { state: "CANCELLED" })
    expect(await job.ask()).not.toMatchObject({ state: "running" })
    expect(await job.ended()).toMatchObject({ outcome: "cancelled" })
    expect(await job.ask()).toMatchObject({ state: "ended" })
  })

  it("is unknown when squeue does not answer", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend())
    fake.job(job.id, { state: "RUNNING", node: "n1" })
    await statusOf(job, is("running"))
    fake.answer("squeue", { stderr: "Unable to contact slurm controller\n", exitCode: 1 })
    expect(await job.ask()).toEqual({ state: "unknown" })
  })
})
