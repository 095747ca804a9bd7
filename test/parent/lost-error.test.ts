/** What is told of a runner that is gone, and why: from what is known to reason, words and advice. */
import { describe, expect, it } from "vitest"
import { crashOr, inDoubt, isCrash, reasonAfter, withoutNews } from "../../src/parent/gone-reason.ts"
import { lostError } from "../../src/parent/lost-error.ts"
import { workerLoss } from "../../src/parent/worker-loss.ts"
import type { GoneReason, JobEvidence } from "../../src/shared/errors.ts"

const MIB = 1024 ** 2
const evidence = { jobId: "77", node: "n3" }
const fabric = { network: "fabric" } as const
const loopback = { network: "loopback" } as const

describe("the reason, after a job that", () => {
  it.each([
    // drained for, Slurm's word, reason
    [undefined, "completed", "connection-lost"],
    [undefined, "unknown", "connection-lost"],
    [undefined, "cancelled", "cancelled"],
    [undefined, "failed", "crashed"],
    [undefined, "walltime", "walltime"],
    [undefined, "preempted", "preempted"],
    [undefined, "out-of-memory", "out-of-memory"],
    [undefined, "node-fail", "node-fail"],
    ["cancelled", "completed", "cancelled"],
    ["cancelled", "unknown", "cancelled"],
    ["cancelled", "preempted", "preempted"],
    ["cancelled", "walltime", "walltime"],
    ["cancelled", "node-fail", "node-fail"],
    ["walltime", "completed", "walltime"],
    ["close", "cancelled", "close"],
    ["terminated", "cancelled", "terminated"],
    ["idle", "out-of-memory", "idle"], // of a worker before
  ] as const)("drained for %s and ended as %s: %s", (drained, outcome, reason) => {
    expect(reasonAfter(drained, outcome)).toBe(reason)
  })
})

describe("the reason, without news of a runner whose job", () => {
  it.each([
    [fabric, { state: "running" }, "network"],
    [fabric, { state: "running", ending: true }, "connection-lost"],
    [fabric, { state: "unknown" }, "connection-lost"],
    [fabric, undefined, "connection-lost"],
    [loopback, { state: "running" }, "connection-lost"], // a process that stands still
  ] as const)("on %o is %o: %s", (backend, status, reason) => {
    expect(withoutNews(backend, status)).toBe(reason)
  })
})

it.each([
  ["cancelled", fabric, true],
  ["cancelled", loopback, false],
  ["walltime", fabric, false],
  ["close", fabric, false],
  [undefined, fabric, false],
] as const)("a signal that looks like %s on %o leaves doubt: %s", (reason, backend, doubt) => {
  expect(inDoubt(reason, backend)).toBe(doubt)
})

it("a call that its runner's time was too short for is told so, and three ways out", () => {
  const { message, evidence: known } = lostError("r1", "walltime", true, { ...evidence, timeLimitMs: 120_000 })
  expect(message).toMatch(/^runner r1 \(job 77 on n3\) is gone: walltime: its time limit of 2m was over/)
  expect(known.advice).toMatch(/`needs`.*`resumable`.*more time/)
  expect(lostError("r1", "walltime", true, {}).message).toMatch(/walltime: its time limit was over/)
})

describe("the end of a worker", () => {
  const exit = { t: "worker-exit", code: null, signal: "SIGKILL", stderr: "oh", restart: true } as const

  it("is a crash", () => {
    const known = { exitCode: undefined, signal: "SIGKILL", stderrTail: "oh" }
    expect(workerLoss(exit)).toEqual({ reason: "crashed", evidence: known })
  })

  it.each([
    [300 * MIB, 300 * MIB],
    [null, undefined],
  ])("is the kernel's doing, at a limit of %s", (limit, memoryLimitBytes) => {
    const { reason, evidence } = workerLoss({ ...exit, oom: { limit } })
    expect(reason).toBe("out-of-memory")
    expect(evidence).toMatchObject({ signal: "SIGKILL", outOfMemory: true, memoryLimitBytes })
  })

  it("that was its fifth is a crash as well, or its memory", () => {
    expect(crashOr("crashed", {})).toBe("crashed")
    expect(crashOr("crashed", { outOfMemory: true })).toBe("out-of-memory")
    expect(crashOr("idle", { outOfMemory: true })).toBe("idle")
    expect((["crashed", "out-of-memory", "cancelled", undefined] as const).map(isCrash)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})

describe("the words", () => {
  const rows: [GoneReason, JobEvidence, string][] = [
    ["idle", {}, "runner r is gone: idle"],
    ["close", { ...evidence, slurmState: "CANCELLED", logPath: "/x.log" }, "runner r (job 77 on n3) is gone: close"],
    [
      "crashed",
      { jobId: "77", exitCode: 1, stderrTail: "oh\nno\n" },
      "runner r (job 77) is gone: crashed, exit code 1\n  its last words:\n    | oh\n    | no",
    ],
    [
      "crashed",
      { jobId: "77", exitCode: 3, slurmState: "FAILED", slurmReason: "NonZeroExitCode", logPath: "/x.log" },
      "runner r (job 77) is gone: crashed, exit code 3\n  Slurm says FAILED (NonZeroExitCode); its output is in /x.log\n  hint: does the module, or what it imports, call process.exit()?",
    ],
    [
      "cancelled",
      { signal: "SIGTERM", stderrTail: "noise", cancelledBy: 0 },
      "runner r is gone: cancelled, killed by SIGTERM\n  hint: root did it: an administrator, or the site's own rules",
    ],
    [
      "out-of-memory",
      {
        ...evidence,
        slurmState: "OUT_OF_MEMORY",
        memoryLimitBytes: 300 * MIB,
        maxRssBytes: 299 * MIB,
        outOfMemory: true,
      },
      `runner r (job 77 on n3) is gone: out-of-memory\n  Slurm says OUT_OF_MEMORY; it had 299 MiB of memory and may have 300 MiB\n  hint: ask for more (sbatch: { mem: "600M" } or #SBATCH --mem) or have fewer calls at a time on a runner (\`maxConcurrency\`)`,
    ],
  ]
  it.each(rows)("of %s %o", (reason, known, message) => {
    const error = lostError("r", reason, true, known)
    expect(error.message).toBe(message)
    expect(error).toMatchObject({ runnerId: "r", reason, started: true, retryable: false, evidence: known })
    expect(lostError("r", reason, false, known).retryable).toBe(true)
  })
})

describe("the advice", () => {
  it.each<[GoneReason, JobEvidence, RegExp | undefined]>([
    ["walltime", {}, /sbatch: \{ time: … \}/],
    ["preempted", {}, /`retries`/],
    ["node-fail", evidence, /scontrol show node n3.*exclude: "n3"/],
    ["cancelled", {}, /this program did not do it/],
    ["cancelled", { cancelledBy: process.getuid?.() || 0 }, /^(you|root) did it/],
    ["cancelled", { cancelledBy: 4711 }, /user with number 4711/],
    ["network", evidence, /network to n3 cut.*SlurmdTimeout.*reconnectTimeout/],
    ["connection-lost", {}, /SLURM_FLAME_LOG=debug/],
    ["out-of-memory", { signal: "SIGKILL", outOfMemory: true }, /the node itself had no memory left/],
    ["out-of-memory", { slurmState: "OUT_OF_MEMORY", outOfMemory: true }, /sbatch: \{ mem: … \}/],
    [
      "crashed",
      { signal: "SIGABRT", stderrTail: "FATAL ERROR: JavaScript heap out of memory" },
      /--max-old-space-size/,
    ],
    ["crashed", { signal: "SIGKILL" }, /dmesg/],
    ["crashed", { signal: "SIGSEGV", stderrTail: "x" }, /native module/],
    ["crashed", { exitCode: 1, stderrTail: "Error: mine" }, undefined], // its last words say more
    ["terminated", {}, undefined],
    ["single-use", {}, undefined],
  ])("for %s with %o", (reason, known, advice) => {
    const error = lostError("r", reason, true, known)
    expect(error.evidence.advice).toBe(error.hint)
    if (advice) expect(error.hint).toMatch(advice)
    else expect(error.hint).toBeUndefined()
  })
})
