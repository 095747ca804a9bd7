import { describe, expect, it } from "vitest"
import { SharedSubmissions } from "../../src/parent/shared-submissions.ts"
import type { Backend, Job, RunnerSpec, WantedRunner } from "../../src/shared/backend.ts"

const spec = (runnerId: string): RunnerSpec => ({
  runnerId,
  pool: "p",
  entry: "/e.js",
  nodeArgs: [],
  secretEnv: {},
  env: {},
})

/** A backend of jobs with three runners that notes what it is asked for. */
function backend(asked: string[][]): Backend {
  const submit = async ({ runnerId }: RunnerSpec) => ({ id: `job-${runnerId}` }) as Job
  return {
    name: "test",
    network: "fabric",
    runnersPerJob: 3,
    validate() {},
    cancelSync() {},
    submit(one) {
      asked.push(["alone", one.runnerId])
      return submit(one)
    },
    submitMany(wanted: readonly WantedRunner[]) {
      asked.push(wanted.map(one => one.spec.runnerId))
      return wanted.map(one => submit(one.spec))
    },
  }
}

/** Runners that are made in one turn. */
function make(submissions: SharedSubmissions, names: string) {
  return [...names].map(name => {
    const gone = new AbortController()
    submissions.expect(gone.signal)
    return { name, gone, submit: () => submissions.submit(spec(name), gone.signal) }
  })
}

describe("SharedSubmissions", () => {
  it("keeps together who was made together, in whatever order and how much later they come", async () => {
    const asked: string[][] = []
    const [a, b, c, d, e] = make(new SharedSubmissions(backend(asked)), "abcde") as ReturnType<typeof make>
    const jobs = [c!.submit(), a!.submit(), d!.submit()]
    await new Promise(setImmediate)
    expect(asked).toEqual([])
    jobs.push(b!.submit())
    expect(asked).toEqual([["c", "a", "b"]])
    jobs.push(e!.submit())
    expect(asked.slice(1)).toEqual([["d", "e"]])
    expect((await Promise.all(jobs)).map(({ id }) => id)).toEqual(["job-c", "job-a", "job-d", "job-b", "job-e"])
  })

  it("does not go before it is known who else is of the party", async () => {
    const asked: string[][] = []
    const submissions = new SharedSubmissions(backend(asked))
    const [a] = make(submissions, "a")
    const first = a!.submit()
    expect(asked).toEqual([])
    const [b] = make(submissions, "b")
    await Promise.all([first, b!.submit()])
    expect(asked).toEqual([["a", "b"]])
  })

  it("is another job in another turn", async () => {
    const asked: string[][] = []
    const submissions = new SharedSubmissions(backend(asked))
    const [a] = make(submissions, "a")
    await undefined
    const [b] = make(submissions, "b")
    await Promise.all([b!.submit(), a!.submit()])
    expect(asked.toSorted()).toEqual([["a"], ["b"]])
  })

  it("goes without those who are given up, before or after they came", async () => {
    const asked: string[][] = []
    const [a, b, c] = make(new SharedSubmissions(backend(asked)), "abc")
    const early = b!.submit()
    b!.gone.abort(new Error("given up"))
    await expect(early).rejects.toThrow("given up")
    const last = c!.submit()
    await undefined
    expect(asked).toEqual([])
    a!.gone.abort(new Error("given up"))
    expect(asked).toEqual([["c"]])
    await last
    await expect(a!.submit()).rejects.toThrow("given up")
    expect(asked).toEqual([["c"]])
  })

  it("asks for nothing when all are given up", async () => {
    const asked: string[][] = []
    const party = make(new SharedSubmissions(backend(asked)), "ab")
    for (const { gone } of party) gone.abort()
    await new Promise(setImmediate)
    expect(asked).toEqual([])
  })
})
