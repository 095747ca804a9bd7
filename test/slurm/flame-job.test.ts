import { describe, expect, it } from "vitest"
import { parseFlameJobs, parseTag } from "../../src/slurm/flame-job.ts"
import { checkOptions } from "../../src/slurm/options.ts"
import { composeSubmission } from "../../src/slurm/submission.ts"

const SITE = { logDir: "/home/me/logs", cwd: "/home/me", nonce: "c0ffee" }

/** What a submission of that pool is called. */
function tagOf(pool: string, runnerId: string): string {
  const spec = { pool, runnerId, entry: "/s.js", nodeArgs: [] }
  return composeSubmission(checkOptions({}), spec, undefined, SITE).tag
}

describe("a tag", () => {
  it.each([
    ["train", "train-0123ab-7"],
    ["My_Pool-2", "my-pool-2-0123ab-12"],
    ["a-abcdef-1", "a-abcdef-1-0123ab-1"],
    ["x".repeat(40), `${"x".repeat(40)}-0123ab-1`],
  ])("of pool %s tells pool, run and runner", (pool, runnerId) => {
    expect(parseTag(tagOf(pool, runnerId))).toEqual({ pool, run: "0123ab", runnerId })
  })

  it.each([
    "flame",
    "flame-train",
    "flame-train-0123ab-1",
    "flame-train-0123ab-1-c0ffee", // the pool is there once
    "flame-train-other-0123ab-1-c0ffee",
    "flame-train-train-0123ab-1",
    "flame-train-train-0123ab-x-c0ffee",
    "my-flame-train-train-0123ab-1-c0ffee",
    "flame--0123ab-1-c0ffee",
  ])("%s is none of ours", text => {
    expect(parseTag(text)).toBeUndefined()
  })
})

describe("the jobs in squeue that are ours", () => {
  const TAG = "flame-train-train-0123ab-1-c0ffee"
  const row = (
    change: Partial<Record<"id" | "state" | "start" | "node" | "elapsed" | "reason" | "name" | "comment", string>>,
  ) => {
    const { id, state, start, node, elapsed, reason, name, comment } = {
      id: "101",
      state: "PENDING",
      start: "N/A",
      node: "",
      elapsed: "0:00",
      reason: "Resources",
      name: TAG,
      comment: "(null)",
      ...change,
    }
    return `${[id, state, start, node, elapsed, reason, name, comment].join("|")}\n`
  }

  it("are those that have the tag as their name, or at the end of their comment", () => {
    const found = parseFlameJobs(
      row({}) +
        row({ id: "102", name: "mine", comment: TAG }) +
        row({ id: "103_7", name: "a|b", comment: `what I say | it is ${TAG}` }) +
        row({ id: "104", name: TAG, comment: "has|bars" }) +
        row({ id: "105", name: "flame-thrower", comment: "(null)" }) +
        row({ id: "106", name: "x", comment: `${TAG} but not at the end` }) +
        "Welcome to our cluster | have | fun | with | it | a | b | c\n\n",
    )
    expect(found.map(({ id }) => id)).toEqual(["101", "102", "103_7", "104"])
    for (const job of found) expect(job).toMatchObject({ pool: "train", run: "0123ab", runnerId: "train-0123ab-1" })
  })

  it("tell when they start, for how long they run, and why they wait", () => {
    const start = "2026-11-22T12:00:00"
    const [waits, runs] = parseFlameJobs(
      row({ start }) + row({ state: "RUNNING", start, node: "n1", elapsed: "1:23", reason: "None" }),
    )
    const at = Date.parse(`${start}Z`)
    expect(waits).toMatchObject({ pending: true, reason: "Resources", start: at, node: undefined, elapsed: undefined })
    expect(runs).toMatchObject({ pending: false, reason: undefined, start: at, node: "n1", elapsed: "1:23" })
  })

  it("are not those that have ended", () => {
    for (const state of ["COMPLETED", "CANCELLED by 1000", "NODE_FAIL"])
      expect(parseFlameJobs(row({ state }))).toEqual([])
    for (const state of ["COMPLETING", "SUSPENDED", "NEW_WORD"]) {
      expect(parseFlameJobs(row({ state }))).toMatchObject([{ pending: false, slurmState: state }])
    }
  })
})
