import { describe, expect, it } from "vitest"
import { bootTimedOut, diedWhileBooting, reviveFailure } from "../../src/parent/boot-failure.ts"
import { lostError } from "../../src/parent/lost-error.ts"
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
      /FAILED, exit code 1; its output is in \/x\.log/,
    ],
  ])("%o", (known, message) => {
    const error = diedWhileBooting("r", known)
    expect(error).toBeInstanceOf(BootError)
    expect(error.message).toMatch(message)
    expect(error.evidence).toBe(known)
  })
})

describe("a boot that took too long", () => {
  it.each([
    ["Resources", /still pending after 5m: Slurm's reason is Resources\. The job was cancelled\n.*raise `bootTimeout`/],
    ["PartitionTimeLimit", /\n.*could never start.*sinfo/],
    ["ReqNodeNotAvail, UnavailableNodes:n1", /\n.*could never start/],
    ["QOSMaxJobsPerUserLimit", /\n.*limit of your account.*sacctmgr/],
    ["AssocGrpCpuLimit", /\n.*limit of your account/],
  ])("pending for %s", (slurmReason, message) => {
    const error = bootTimedOut("r", 300_000, { state: "pending" }, { ...evidence, slurmReason })
    expect(error).toBeInstanceOf(BootTimeoutError)
    expect(error.message).toMatch(message)
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

describe("a lost runner", () => {
  it.each([
    ["idle", {}, "runner r is gone: idle"],
    ["walltime", evidence, "runner r (job 77 on n3) is gone: walltime"],
    [
      "crashed",
      { jobId: "77", exitCode: 1, stderrTail: "oh\nno\n" },
      "runner r (job 77) is gone: crashed, exit code 1\n    | oh\n    | no",
    ],
    ["cancelled", { signal: "SIGTERM", stderrTail: "noise" }, "runner r is gone: cancelled, killed by SIGTERM"],
  ] as const)("%s", (reason, known, message) => {
    const error = lostError("r", reason, true, known)
    expect(error.message).toBe(message)
    expect(error).toMatchObject({ runnerId: "r", reason, started: true, retryable: false, evidence: known })
    expect(lostError("r", reason, false, known).retryable).toBe(true)
  })
})
