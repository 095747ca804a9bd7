import { describe, expect, it } from "vitest"
import { bootTimedOut, diedWhileBooting, neverStarts, reviveFailure } from "../../src/parent/boot-failure.ts"
import { BootPolicy } from "../../src/parent/boot-policy.ts"
import { BootError, BootTimeoutError, HostError, ModuleError } from "../../src/shared/errors.ts"

const evidence = { jobId: "77", node: "n3" }

describe("what a runner says of itself", () => {
  const said = (code: string | undefined, message = "why") => Object.assign(new Error(message), code ? { code } : {})

  it("is the module's fault", () => {
    const cause = new Error("thrown at import")
    const error = reviveFailure(Object.assign(said("ERR_FLAME_MODULE"), { cause }), "/a.ts", evidence)
    expect(error).toBeInstanceOf(ModuleError)
    expect(error).toMatchObject({ module: "/a.ts", message: "why", cause })
  })

  it("keeps its advice", () => {
    const said = new ModuleError("/a.ts", "why", { hint: "do this" })
    const error = reviveFailure(said, "/a.ts", evidence) as ModuleError
    expect(error).toMatchObject({ message: "why\n  hint: do this", hint: "do this" })
  })

  it("is the node's address", () => {
    const error = reviveFailure(said("ERR_FLAME_HOST", "SLURM_FLAME_HOST is empty"), "/a.ts", evidence)
    expect(error).toBeInstanceOf(HostError)
    expect(error.message).toBe("job 77 on n3: SLURM_FLAME_HOST is empty")
  })

  it.each([[said(undefined)], ["why"], [said("E_OTHER")]])("is anything else: %o", thrown => {
    const error = reviveFailure(thrown, "/a.ts", evidence)
    expect(error).toBeInstanceOf(BootError)
    expect(error.message).toBe("job 77 on n3 could not start: why")
    expect(error.cause).toBe(thrown)
  })
})

describe("a job that ended while it booted", () => {
  it.each([
    [{}, /^runner r \(not submitted\) ended before it was ready\n.*doctor --submit/],
    [{ ...evidence, exitCode: 3 }, /\(job 77 on n3\) ended .*: exit code 3\n.*process\.exit\(\) while it loads/],
    [{ ...evidence, exitCode: 127 }, /exit code 127\n.*node binary.*not found.*slurm\(\{ node: /],
    [
      { ...evidence, exitCode: 127, stderrTail: "line 12: node: command not found" },
      /command not found\n {2}hint: the node binary/,
    ],
    [{ jobId: "77", signal: "SIGKILL", outOfMemory: true }, /ready: out of memory\n.*ask for what it needs/],
    [{ jobId: "77", signal: "SIGKILL", exitCode: 9 }, /\(job 77\) .*killed by SIGKILL\n.*enough memory/],
    [
      { ...evidence, exitCode: 1, stderrTail: "line 1\nline 2\n" },
      /exit code 1\n {2}its last words:\n {4}\| line 1\n {4}\| line 2$/,
    ],
    [
      {
        ...evidence,
        exitCode: 0,
        stderrTail: "slurm-flame: no parent: cannot reach the parent at any of its 2 addresses:\n  - a\n",
      },
      /last words:\n.*no parent.*\n {4}\| {3}- a\n {2}hint: .*SLURM_FLAME_HOST or slurm\(\{ interface \}\)/,
    ],
    [{ ...evidence, slurmState: "FAILED", slurmReason: "JobLaunchFailure" }, /Slurm says FAILED \(JobLaunchFailure\)/],
    [
      { ...evidence, slurmState: "FAILED", exitCode: 1, logPath: "/x.log" },
      /ready: exit code 1\n {2}Slurm says FAILED; its output is in \/x\.log$/m,
    ],
  ])("%o", (known, message) => {
    const error = diedWhileBooting("r", known)
    expect(error).toBeInstanceOf(BootError)
    expect(error.message).toMatch(message)
    expect(error.evidence).toBe(known)
  })
})

describe("a job that can never start", () => {
  const status = { state: "pending", reason: "PartitionTimeLimit", outlook: "never", hint: "ask for less" } as const

  it("is said so, with Slurm's reason and what to do", () => {
    const error = neverStarts("r", status, { jobId: "77", slurmReason: "PartitionTimeLimit" })
    expect(error.message).toBe(
      "runner r (job 77) can never start as it was asked for: Slurm's reason is PartitionTimeLimit. The job was cancelled\n  hint: ask for less",
    )
    expect(error).toMatchObject({ permanent: true, evidence: { slurmReason: "PartitionTimeLimit" } })
  })

  it("is told to those who wait at once, and not tried again and again", () => {
    const policy = new BootPolicy()
    const failed = (error: Error, at: number) => policy.failed(error, at, at)
    expect(failed(diedWhileBooting("r", { exitCode: 1 }), 0).tell).toBe(false) // may have been chance
    expect(failed(neverStarts("r", status, {}), 1).tell).toBe(true)
    for (const at of [2, 3]) failed(neverStarts("r", status, {}), at)
    expect(failed(neverStarts("r", status, {}), 4).opened).toBe(60_000)
  })
})

describe("a boot that took too long", () => {
  const start = new Date(Date.UTC(2026, 10, 23, 1, 2, 3))
  it.each([
    [
      {},
      /still pending after 5m: Slurm's reason is Resources\. The job was cancelled\n {2}hint: .*raise `bootTimeout`/,
    ],
    [{ hint: "do this" }, /The job was cancelled\n {2}hint: do this$/],
    [{ expectedStart: start }, /reason is Resources, and it was to start at 2026-11-23T01:02:03\.000Z\. The job/],
  ])("pending, and Slurm says %o", (said, message) => {
    const status = { state: "pending", reason: "Resources", ...said } as const
    const error = bootTimedOut("r", 300_000, status, { ...evidence, slurmReason: "Resources" })
    expect(error).toBeInstanceOf(BootTimeoutError)
    expect(error.message).toMatch(message)
  })

  it("with a reason that was last heard when squeue still answered", () => {
    const error = bootTimedOut("r", 300_000, { state: "unknown" }, { ...evidence, slurmReason: "Priority" })
    expect(error.message).toMatch(/still pending after 5m: Slurm's reason is Priority\. /)
  })

  it.each([
    [undefined, /its job was not submitted yet/],
    [{ state: "pending" }, /Slurm's reason is no reason given/],
    [{ state: "running" }, /its job is running, but no worker serves\. .*\n.*top-level await/],
    [{ state: "unknown" }, /its job is unknown/],
  ] as const)("%o", (status, message) => {
    expect(bootTimedOut("r", 1_000, status, evidence).message).toMatch(message)
  })
})

it("a boot that took too long because the node cannot reach this host says what the runner found", () => {
  const stderrTail = "slurm-flame: cannot reach the parent at 10.0.0.1:4: no answer within 10s\n(trying again)\n"
  const { message } = bootTimedOut("r", 1_000, { state: "running" }, { ...evidence, stderrTail })
  expect(message).toMatch(/no worker serves\. .*\n {2}its last words:\n {4}\| slurm-flame: cannot reach .*10s\n.*again/)
  expect(message).toMatch(/\n {2}hint: .*SLURM_FLAME_HOST/)
})
