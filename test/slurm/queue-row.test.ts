import { describe, expect, it } from "vitest"
import { findTag, parseDetail, parseQueue } from "../../src/slurm/queue-row.ts"

describe("parseQueue", () => {
  it("reads rows and passes over what is none", () => {
    const rows = parseQueue(
      [
        "squeue: this site says hello",
        "51|RUNNING|2026-11-22T12:34:57|2026-11-22T12:32:57|n1|51|cpu|None",
        "52_3|PENDING|N/A|N/A||52|short,cpu|ReqNodeNotAvail, UnavailableNodes:n1|x",
        "",
      ].join("\n"),
    )
    expect([...rows.values()]).toEqual([
      {
        id: "51",
        number: "51",
        slurmState: "RUNNING",
        end: Date.UTC(2026, 10, 22, 12, 34, 57),
        start: Date.UTC(2026, 10, 22, 12, 32, 57),
        node: "n1",
        partitions: ["cpu"],
        reason: undefined,
      },
      {
        id: "52_3",
        number: "52",
        slurmState: "PENDING",
        end: undefined,
        start: undefined,
        node: undefined,
        partitions: ["short", "cpu"],
        reason: "ReqNodeNotAvail, UnavailableNodes:n1|x",
      },
    ])
  })
})

describe("findTag", () => {
  const lines =
    "1|flame-p-r1-abc|\n2|mine|(null)\n3|mine|flame-p-r3-abc\n4|mi|ne|my words flame-p-r4-abc\n5|flame-p-r5-abc|x\n6_0|flame-p-r6-abc|\n6_1|flame-p-r6-abc|\n"
  it.each([
    ["flame-p-r1-abc", "1"],
    ["flame-p-r3-abc", "3"],
    ["flame-p-r4-abc", "4"],
    ["flame-p-r5-abc", "5"],
    ["flame-p-r6-abc", "6"],
    ["flame-p-r-abc", undefined],
    ["r3-abc", undefined],
    ["flame-p-r1-ab", undefined],
  ])("%s is job %s", (tag, id) => {
    expect(findTag(lines, tag)).toBe(id)
  })
})

describe("parseDetail", () => {
  const line = (change: string) =>
    `JobId=9 JobName=x UserId=me(1) JobState=FAILED Reason=NonZeroExitCode Dependency=(null) ${change} BatchHost=n2 WorkDir=/w StdErr=/w/a b.log StdIn=/dev/null StdOut=/w/o Power=`
  it.each([
    ["ExitCode=3:0", 3, undefined],
    ["ExitCode=0:15", undefined, "SIGTERM"],
    ["ExitCode=0:53", undefined, undefined],
    ["ExitCode=0:125", undefined, undefined],
  ])("reads %s", (exit, exitCode, signal) => {
    expect(parseDetail(line(exit))).toEqual({
      slurmState: "FAILED",
      reason: "NonZeroExitCode",
      exitCode,
      signal,
      node: "n2",
      stderrPath: "/w/a b.log",
      memoryBytes: undefined,
    })
  })
  it.each([
    ["TRES=cpu=1,mem=300M,node=1,billing=1", 300 * 1024 ** 2],
    ["ReqTRES=cpu=1,mem=1G AllocTRES=cpu=2,mem=2.50G,node=1", 2.5 * 1024 ** 3],
    ["ReqTRES=cpu=1,mem=1G AllocTRES=(null)", undefined],
    ["TRES=cpu=1,node=1", undefined],
    ["TresPerNode=mem=7M", undefined],
  ])("reads the memory of %s", (tres, bytes) => {
    expect(parseDetail(line(tres))?.memoryBytes).toBe(bytes)
  })
  it("has exit code 0 for a completed job only", () => {
    expect(parseDetail(line("ExitCode=0:0").replace("FAILED", "COMPLETED"))).toMatchObject({ exitCode: 0 })
    expect(parseDetail(line("ExitCode=0:0").replace("FAILED", "CANCELLED"))).toMatchObject({ exitCode: undefined })
  })
  it("makes nothing of another text", () => {
    expect(parseDetail("No jobs in the system")).toBeUndefined()
  })
})
