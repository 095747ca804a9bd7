/** The arithmetic of the groups cold-start, drain and cpu: what they make of what was seen. */
import { describe, expect, it } from "vitest"
import { callFigures, idleFigures, percent, perThousand, runnersFor } from "../../bench/suite/life/cpu-figures.ts"
import { emptyJob, STAMP_VARIABLE, stamped, stampMs } from "../../bench/suite/life/job-script.ts"
import { LAST, marksOf, STAGES } from "../../bench/suite/life/marks.ts"
import { startOf } from "../../bench/suite/life/proc.ts"
import { split } from "../../bench/suite/life/stages.ts"
import { startFigures } from "../../bench/suite/life/start-figures.ts"

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0)

describe("stages", () => {
  it("lie between the marks and add up to the whole", () => {
    const { ms, movedMs } = split(
      100,
      [
        { stage: "a", at: 10 },
        { stage: "b", at: 35 },
      ],
      "c",
    )
    expect(Object.fromEntries(ms)).toEqual({ a: 10, b: 25, c: 65 })
    expect(movedMs).toBe(0)
  })

  it("take the time of one that nobody saw with them", () => {
    const marks = [
      { stage: "a", at: 10 },
      { stage: "b", at: undefined },
      { stage: "c", at: Number.NaN },
      { stage: "d", at: 50 },
    ]
    expect(Object.fromEntries(split(100, marks, "e").ms)).toEqual({ a: 10, d: 40, e: 50 })
  })

  it("are never below zero, and it is told how far the clocks disagree", () => {
    const marks = [
      { stage: "a", at: -5 },
      { stage: "b", at: 60 },
      { stage: "c", at: 48 },
      { stage: "d", at: 130 },
    ]
    const { ms, movedMs } = split(100, marks, "e")
    expect(Object.fromEntries(ms)).toEqual({ a: 0, b: 60, c: 0, d: 40, e: 0 })
    expect(sum(ms.values())).toBe(100)
    expect(movedMs).toBe(30)
  })
})

describe("the marks of a start", () => {
  const at = (ms: number) => new Date(1_000_000 + ms)
  const boot = { wanted: at(0), submitted: at(20), running: at(90), connected: at(400), serving: at(450) }
  const own = { job: 1_000_100, exec: 1_000_150, worker: 1_000_300, booted: 1_000_350 }
  const seen = (info: Parameters<typeof marksOf>[1], start = own, scheduled = true) =>
    Object.fromEntries(marksOf(1_000_000, info, start, scheduled).map(({ stage, at }) => [stage, at]))

  it("are on the clock of the parent, whatever that of the node shows", () => {
    const ours = { submit: 20, handshake: 400, import: 450 }
    const theirs = { pending: 100, exec: 150, supervisor: 300, "node-boot": 350 }
    expect(seen({ boot, clockSkewMs: undefined })).toEqual({ ...ours, ...theirs })
    const ahead = {
      job: own.job + 7_000,
      exec: own.exec + 7_000,
      worker: own.worker + 7_000,
      booted: own.booted + 7_000,
    }
    expect(seen({ boot, clockSkewMs: 7_000 }, ahead)).toEqual({ ...ours, ...theirs })
  })

  it("have no queue and no script where nothing is scheduled", () => {
    expect(Object.keys(seen({ boot, clockSkewMs: 0 }, own, false))).toEqual([
      "submit",
      "supervisor",
      "node-boot",
      "handshake",
      "import",
    ])
  })

  it("take no process that was made behind the script's last line for the job's first", () => {
    expect(seen({ boot, clockSkewMs: 0 }, { ...own, job: own.exec + 10 }).pending).toBe(160) // the kernel's clock is coarse
    expect(seen({ boot, clockSkewMs: 0 }, { ...own, job: own.exec + 80 }).pending).toBeUndefined()
  })

  it("each have a title", () => {
    const stages = [...marksOf(0, { boot, clockSkewMs: 0 }, own, true).map(({ stage }) => stage), LAST]
    expect(stages).toEqual(Object.keys(STAGES))
  })
})

describe("when a process began", () => {
  const uptime = "1000.50 1800.00\n"
  const stat = (ticks: number, name = "node") =>
    `42 (${name}) S ${Array.from({ length: 18 }, (_, i) => i).join(" ")} ${ticks} 0 0`

  it("is read from the kernel's counts, whatever the process is called", () => {
    expect(startOf(stat(99_050), uptime, 5_000_000)).toBe(4_990_000)
    expect(startOf(stat(99_050, "a) b (c"), uptime, 5_000_000)).toBe(4_990_000)
  })

  it("is not known where they say nothing", () => {
    expect(startOf("", uptime, 5_000_000)).toBeUndefined()
    expect(startOf(stat(0), uptime, 5_000_000)).toBeUndefined()
  })
})

describe("the job script", () => {
  const head = "#!/bin/bash\n#SBATCH --time=5\nmodule load x\n"

  it("has the stamp as its last line, or in front of the runner's own place", () => {
    expect(stamped(head)).toMatch(new RegExp(`^${head}export ${STAMP_VARIABLE}=.*\n$`))
    const lines = stamped(`${head}# {{runner}}\n{{runner}}\ntrue\n`).split("\n")
    expect(lines.slice(-4)).toEqual([expect.stringContaining(STAMP_VARIABLE), "{{runner}}", "true", ""])
  })

  it("stays as it is for a shell that would not understand the stamp", () => {
    for (const shebang of ["#!/bin/tcsh -f", "#!/usr/bin/env python3"])
      expect(stamped(`${shebang}\n`)).toBe(`${shebang}\n`)
  })

  it("of an empty job has the user's lines up to the runner's place, and connects there", () => {
    expect(emptyJob(`${head}{{runner}}\nbehind\n`, "10.0.0.1", 4242)).toBe(
      `${head}if bash -c 'exec 3<>/dev/tcp/10.0.0.1/4242 && cat <&3 >/dev/null'; then exit 0; else exit 1; fi\n`,
    )
  })

  it("stamps with a point or a comma; what else a shell writes is no time", () => {
    expect(stampMs("1700000000.250000")).toBe(1_700_000_000_250)
    expect(stampMs("1700000000,250000")).toBe(1_700_000_000_250)
    for (const text of [undefined, "", "1700000000.%N", "x"]) expect(stampMs(text)).toBeUndefined()
  })
})

describe("the figures", () => {
  it("of starts are those of each subject, and of ours each stage that was seen", () => {
    const start = (ms: number) => ({ ms, stages: split(ms, [{ stage: "submit", at: 10 }], LAST) })
    const made = startFigures(
      new Map([
        ["slurm-flame", [start(100), null, start(300)]],
        ["node -e 0", [{ ms: 50 }, { ms: 50 }, { ms: 100 }]],
      ]),
      "slurm-flame",
    )
    expect(made.map(({ id, subject, n }) => [id, subject, n])).toEqual([
      ["cold-start/total", "slurm-flame", 2],
      ["cold-start/total", "node -e 0", 3],
      ["cold-start/submit", "slurm-flame", 2],
      ["cold-start/first-call", "slurm-flame", 2],
    ])
    expect(made[0]!.slices).toEqual([100, null, 300])
    expect(made[0]!.ratios!["node -e 0"]).toMatchObject({ min: 2, max: 3, n: 2 })
  })

  it("say when the clocks were out of order", () => {
    const stages = split(100, [{ stage: "submit", at: 160 }], LAST)
    const [, submit] = startFigures(new Map([["slurm-flame", [{ ms: 100, stages }]]]), "slurm-flame")
    expect(submit!.note).toContain("up to 60 ms out of order")
  })

  it("of idle runners are for a thousand, less what a program without any uses", () => {
    const full = { seconds: 10, cpuMs: 30, rssMiB: 80 }
    const none = { seconds: 10, cpuMs: 10, rssMiB: 60 }
    expect(percent(full)).toBeCloseTo(0.3)
    const watched = { p99Ms: 2, maxMs: 9, samples: 200 }
    const made = idleFigures("slurm-flame", 100, 2_000, [[full, none]], watched)
    expect(made.map(({ id, spread, n }) => [id, Math.round(spread.median * 1_000) / 1_000, n])).toEqual([
      ["cpu/idle", 2, 100],
      ["cpu/idle-memory", 200, 100],
      ["cpu/idle-delay-p99", 2, 200],
    ])
    expect(made[0]!.parameter).toEqual({ name: "heartbeat, s", value: 2 })
  })

  it("of calls are CPU time by the call, and a rate that was not held is told", () => {
    const slice = { calls: 500, seconds: 1, cpuMs: 60, idleCpuMs: 10, delayP99Ms: 1, delays: 90 }
    expect(perThousand(slice)).toBeCloseTo(10) // 0.1 ms a call
    expect(perThousand({ ...slice, calls: 0 })).toBe(0)
    const told: string[] = []
    const made = callFigures(1_000, new Map([["slurm-flame", [slice, null]]]), words => told.push(words))
    expect(made.map(({ id, n }) => [id, n])).toEqual([
      ["cpu/calls", 500],
      ["cpu/calls-delay-p99", 90],
    ])
    expect(told).toEqual(["slurm-flame made 500 calls a second at least where 1000 were due"])
    callFigures(500, new Map([["slurm-flame", [slice]]]), words => told.push(words))
    expect(told).toHaveLength(1)
  })

  it("of runners are of as many as there may be connections for", () => {
    expect(runnersFor(1_000, undefined)).toBe(1_000)
    expect(runnersFor(1_000, 20_000)).toBe(1_000)
    expect(runnersFor(1_000, 1_024)).toBe(412)
    expect(runnersFor(1_000, 100)).toBe(1)
  })
})
