import { describe, expect, it, vi } from "vitest"
import type { Job, JobStatus } from "../../src/shared/backend.ts"
import { shareJob } from "../../src/slurm/shared-job.ts"

/** A job that does what a test tells it. */
class FakeJob implements Job {
  readonly id = "77"
  status: JobStatus = { state: "pending" }
  cancels = 0
  interest = "watch"
  answer: JobStatus = { state: "unknown" }
  readonly #listeners = new Set<(status: JobStatus) => void>()
  readonly #ended: Promise<JobStatus & { state: "ended" }>
  #resolve!: (status: JobStatus & { state: "ended" }) => void

  constructor() {
    this.#ended = new Promise(resolve => {
      this.#resolve = resolve
    })
  }
  onStatus(listener: (status: JobStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  become(status: JobStatus): void {
    this.status = status
    for (const listener of this.#listeners) listener(status)
    if (status.state === "ended") this.#resolve(status)
  }
  ask = async () => this.answer
  attend(interest: "watch" | "rest"): void {
    this.interest = interest
  }
  ended = () => this.#ended
  async cancel(): Promise<void> {
    this.cancels += 1
  }
  stderrTail = async () => "tail"
}

const share = (runners = 3) => {
  const job = new FakeJob()
  return { job, views: shareJob(job, runners) }
}
const ENDED = {
  state: "ended",
  outcome: "cancelled",
  evidence: { jobId: "77", node: "n1", slurmState: "CANCELLED" },
} as const

describe("a job that several runners share", () => {
  it("is one job to all, and its end is everybody's, with the evidence", async () => {
    const { job, views } = share()
    const heard = views.map(view => {
      const listener = vi.fn()
      view.onStatus(listener)
      return listener
    })
    expect(views.map(({ id }) => id)).toEqual(["77", "77", "77"])
    job.become({ state: "running", node: "n1", endsAt: 5 })
    job.become(ENDED)
    for (const listener of heard)
      expect(listener.mock.calls).toEqual([[{ state: "running", node: "n1", endsAt: 5 }], [ENDED]])
    expect(await Promise.all(views.map(view => view.ended()))).toEqual([ENDED, ENDED, ENDED])
    expect(await views[0]!.stderrTail()).toBe("tail")
  })

  it("is over at once for a runner that leaves or is given up, and goes on for the others", async () => {
    const { job, views } = share()
    const [a, b, c] = views as [Job, Job, Job]
    const heard = vi.fn()
    a.onStatus(heard)
    job.become({ state: "running" })
    heard.mockClear()
    a.leave!()
    expect(await a.ended()).toEqual({ state: "ended", outcome: "completed", evidence: { jobId: "77" } })
    expect(heard.mock.calls).toEqual([[a.status]])
    await b.cancel()
    expect(b.status).toMatchObject({ state: "ended", outcome: "cancelled" })
    expect(await b.ask()).toEqual(b.status)
    expect(c.status).toEqual({ state: "running" })
    expect(job.cancels).toBe(0)
    job.become(ENDED)
    expect(heard).toHaveBeenCalledTimes(1) // what becomes of the job is none of its business any more
    expect(a.status).toMatchObject({ outcome: "completed" })
  })

  it("is cancelled with the last that is given up, once", async () => {
    const { job, views } = share()
    await views[0]!.cancel()
    views[1]!.leave!()
    await views[0]!.cancel()
    expect(job.cancels).toBe(0)
    await views[2]!.cancel()
    expect(job.cancels).toBe(1)
  })

  it("is not over for the last that leaves until it is; it can still be helped along", async () => {
    const { job, views } = share(2)
    views[0]!.leave!()
    views[1]!.leave!()
    expect(job.cancels).toBe(0)
    const ended = vi.fn()
    const whenEnded = views[1]!.ended().then(ended)
    await views[0]!.ended()
    expect(ended).not.toHaveBeenCalled()
    await views[1]!.cancel()
    expect(job.cancels).toBe(1)
    job.become(ENDED)
    await whenEnded
    expect(ended).toHaveBeenCalledWith(ENDED)
  })

  it("is watched as long as one of those who need it wants to know", () => {
    const { job, views } = share()
    const [a, b, c] = views as [Job, Job, Job]
    a.attend("rest")
    b.attend("rest")
    expect(job.interest).toBe("watch")
    c.leave!()
    expect(job.interest).toBe("rest")
    c.attend("watch")
    expect(job.interest).toBe("rest")
    a.attend("watch")
    expect(job.interest).toBe("watch")
  })

  it("says nothing of where a runner is when it has several nodes", async () => {
    const { job, views } = share()
    job.become({ state: "running", node: "n[1-2]", endsAt: 5 })
    expect(views[1]!.status).toEqual({ state: "running", endsAt: 5 })
    job.answer = { state: "running", node: "n1,n3" }
    expect(await views[1]!.ask()).toEqual({ state: "running" })
    job.become(ENDED)
    expect(views[1]!.status).toMatchObject({ evidence: { slurmState: "CANCELLED", node: undefined } })
  })

  it("lets nobody leave what has ended", async () => {
    const { job, views } = share()
    job.become(ENDED)
    views[0]!.leave!()
    await views[1]!.cancel()
    expect(views.map(({ status }) => status)).toEqual([ENDED, ENDED, ENDED])
    expect(job.cancels).toBe(0)
  })
})
