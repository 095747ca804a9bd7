import { describe, expect, it } from "vitest"
import { SubmitBatch } from "../../src/parent/submit-batch.ts"
import type { Backend, Job, RunnerSpec, WantedRunner } from "../../src/shared/backend.ts"

const NEVER = new AbortController().signal
const spec = (runnerId: string): RunnerSpec => ({
  runnerId,
  pool: "p",
  entry: "/e.js",
  nodeArgs: [],
  secretEnv: {},
  env: {},
})
const jobOf = ({ runnerId }: RunnerSpec) => ({ id: `job-${runnerId}` }) as Job

/** A backend that notes what it is asked for; runners named `bad…` are refused. */
function backend(asked: string[][], many = true): Backend {
  const submit = async (one: RunnerSpec) => {
    if (one.runnerId.startsWith("bad")) throw new Error(`refused ${one.runnerId}`)
    return jobOf(one)
  }
  return {
    name: "test",
    network: "fabric",
    validate() {},
    cancelSync() {},
    submit(one) {
      asked.push([one.runnerId])
      return submit(one)
    },
    ...(many && {
      submitMany(wanted: readonly WantedRunner[]) {
        asked.push(["many", ...wanted.map(one => one.spec.runnerId)])
        return wanted.map(one => submit(one.spec))
      },
    }),
  }
}

describe("SubmitBatch", () => {
  it("hands over at once what comes in one turn, however many awaits before", async () => {
    const asked: string[][] = []
    const batch = new SubmitBatch(backend(asked))
    const late = async () => {
      for (let i = 0; i < 20; i++) await undefined
      return await batch.submit(spec("c"), NEVER)
    }
    const jobs = await Promise.all([batch.submit(spec("a"), NEVER), batch.submit(spec("b"), NEVER), late()])
    expect(jobs.map(({ id }) => id)).toEqual(["job-a", "job-b", "job-c"])
    expect(asked).toEqual([["many", "a", "b", "c"]])
  })

  it("settles each on its own", async () => {
    const batch = new SubmitBatch(backend([]))
    const settled = await Promise.allSettled(["a", "bad", "c"].map(id => batch.submit(spec(id), NEVER)))
    expect(settled).toMatchObject([
      { value: { id: "job-a" } },
      { reason: { message: "refused bad" } },
      { value: { id: "job-c" } },
    ])
  })

  it("submits one that is alone in its turn as ever", async () => {
    const asked: string[][] = []
    const batch = new SubmitBatch(backend(asked))
    await batch.submit(spec("a"), NEVER)
    await expect(batch.submit(spec("bad"), NEVER)).rejects.toThrow("refused bad")
    expect(asked).toEqual([["a"], ["bad"]])
  })

  it("leaves out who gives up in the same turn", async () => {
    const asked: string[][] = []
    const batch = new SubmitBatch(backend(asked))
    const gone = new AbortController()
    const [a, b] = [batch.submit(spec("a"), gone.signal), batch.submit(spec("b"), NEVER)]
    gone.abort("no longer wanted")
    await expect(a).rejects.toBe("no longer wanted")
    await b
    expect(asked).toEqual([["b"]])
  })

  it("does not wait for a turn where the backend takes one at a time anyway", async () => {
    const asked: string[][] = []
    const batch = new SubmitBatch(backend(asked, false))
    const jobs = [batch.submit(spec("a"), NEVER), batch.submit(spec("b"), NEVER)]
    expect(asked).toEqual([["a"], ["b"]])
    await Promise.all(jobs)
  })
})
