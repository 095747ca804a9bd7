import { execFileSync } from "node:child_process"
import { hostname } from "node:os"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { type LocalOptions, local } from "../../src/local/backend.ts"
import { SubmitError } from "../../src/shared/errors.ts"
import { outcome, POLITE, pidOf, program, SAYS_READY, STUBBORN, start, wrote } from "./programs.ts"

const passedOn: string[] = []
beforeAll(() => {
  // What a job writes is passed on to this process's stderr.
  vi.spyOn(process.stderr, "write").mockImplementation(text => {
    passedOn.push(String(text))
    return true
  })
})
afterAll(() => {
  vi.restoreAllMocks()
})
beforeEach(() => {
  passedOn.length = 0
})

/** True while the process exists. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // ESRCH
  }
}

describe("a local job", () => {
  it("runs at once on this machine, as a process with a group of its own", async () => {
    const job = await start(STUBBORN)
    expect(job.id).toMatch(/^local-\d+$/)
    expect(job.status).toEqual({ state: "running", node: hostname() })
    expect(await job.ask()).toBe(job.status)
    expect(exists(-pidOf(job))).toBe(true)
  })

  it("has the parent's environment without what is the parent's own, and what it was given", async () => {
    vi.stubEnv("SLURM_FLAME_HOST", "10.0.0.1")
    vi.stubEnv("FLAME_TEST_KEPT", "kept")
    vi.stubEnv("FLAME_TEST_REMOVED", "x")
    const spec = program(
      "const { FLAME_TEST_KEPT: a, FLAME_TEST_REMOVED: b, FLAME_TEST_NEW: c, SLURM_FLAME_HOST: d, SLURM_FLAME_BOOT: e, SLURM_FLAME_JOB: f } = process.env\n" +
        "process.stderr.write(JSON.stringify({ a, b, c, d, e, f: JSON.parse(f), argv: process.argv.slice(2) }))",
    )
    const env = { FLAME_TEST_REMOVED: undefined, FLAME_TEST_NEW: "new" }
    const job = await start(
      { ...spec, env, secretEnv: { SLURM_FLAME_BOOT: "key" } },
      { signalBefore: "5s", killWait: "7s" },
    )
    vi.unstubAllEnvs()
    await job.ended()
    expect(JSON.parse(await job.stderrTail())).toEqual({
      a: "kept",
      c: "new",
      e: "key",
      f: { killWaitMs: 7_000, signalBeforeMs: 5_000, limited: false },
      argv: [], // the key is in the environment, where others cannot see it
    })
  })

  it.each([
    ["completes", "", { outcome: "completed", exitCode: 0 }],
    ["fails", "process.exit(3)", { outcome: "failed", exitCode: 3 }],
    ["dies", "process.kill(process.pid, 'SIGKILL')", { outcome: "failed", signal: "SIGKILL" }],
  ])("%s, and says how", async (_how, text, expected) => {
    const job = await start(text)
    const seen: unknown[] = []
    job.onStatus(status => seen.push(status))
    expect(await outcome(job)).toEqual({ state: "ended", exitCode: undefined, signal: undefined, ...expected })
    expect(seen).toEqual([job.status])
    expect(await job.ended()).toBe(job.status)
    await job.cancel() // what is over is as good as cancelled
  })

  it("tells its end to nobody who stopped listening", async () => {
    const job = await start("")
    const listener = vi.fn()
    job.onStatus(listener)()
    await job.ended()
    expect(listener).not.toHaveBeenCalled()
  })

  it("keeps the last 4 KiB of stderr as evidence, and passes all of it on", async () => {
    const job = await start("process.stderr.write('first' + 'x'.repeat(100_000) + 'last words')")
    const { evidence } = await job.ended()
    expect(evidence.stderrTail).toHaveLength(4_096)
    expect(evidence.stderrTail).toMatch(/last words$/)
    expect(await job.stderrTail()).toBe(evidence.stderrTail)
    expect(passedOn.join("")).toBe(`first${"x".repeat(100_000)}last words`)
    expect(evidence).toMatchObject({ jobId: job.id, node: hostname() })
  })

  it("cannot be started by a node that is not there", async () => {
    const { execPath } = process
    process.execPath = "/nowhere/node"
    const started = start("")
    process.execPath = execPath
    await expect(started).rejects.toThrow(SubmitError)
    await expect(started).rejects.toThrow(/cannot start .*: spawn \/nowhere\/node ENOENT\n.*ulimit/)
  })
})

describe("cancel", () => {
  it("asks first", async () => {
    const job = await start(`${POLITE} ${SAYS_READY}`)
    await wrote(job, "ready")
    await job.cancel()
    expect(await outcome(job)).toMatchObject({ outcome: "cancelled", exitCode: 7 })
  })

  it("kills who does not listen, after killWait", async () => {
    const job = await start(STUBBORN, { killWait: "100ms" })
    await wrote(job, "ready")
    await job.cancel()
    await job.cancel() // once is enough
    expect(await outcome(job)).toMatchObject({ outcome: "cancelled", signal: "SIGKILL" })
    expect((await job.stderrTail()).match(/no\n/g)).toHaveLength(1)
  })

  describe("again", () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    it("two seconds later kills whom SIGTERM does not reach", async () => {
      const job = await start(`${POLITE} ${SAYS_READY}`)
      await wrote(job, "ready")
      process.kill(pidOf(job), "SIGSTOP")
      await job.cancel()
      vi.advanceTimersByTime(2_000)
      await job.cancel()
      expect(await outcome(job)).toMatchObject({ outcome: "cancelled", signal: "SIGKILL" })
    })

    it("sooner changes nothing", async () => {
      const job = await start(STUBBORN)
      await wrote(job, "ready")
      const kill = vi.spyOn(process, "kill")
      await job.cancel()
      vi.advanceTimersByTime(1_999)
      await job.cancel()
      const sent = [...kill.mock.calls]
      kill.mockRestore()
      expect(sent).toEqual([[pidOf(job), "SIGTERM"]])
    })
  })

  it("before there is a job: there will be none", async () => {
    await expect(start(STUBBORN, {}, AbortSignal.abort(new Error("changed my mind")))).rejects.toThrow(
      "changed my mind",
    )
  })

  it("while it is being started: the promise rejects, and no process is left", async () => {
    const abort = new AbortController()
    const spec = program("setInterval(() => {}, 1e6)")
    const starting = start(spec, {}, abort.signal)
    abort.abort(new Error("changed my mind")) // the process is there already, its id is not yet known
    await expect(starting).rejects.toThrow("changed my mind")
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(spec.entry)
  })
})

describe("with a job ends", () => {
  const child = (options: string) =>
    `const c = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], ${options}); process.stderr.write('child ' + c.pid + '\\n');`

  it.each([
    ["is over", "c.unref(); process.exit(0)", false],
    ["is killed", "process.on('SIGTERM', () => {})", true],
  ])("all that it started, when it %s", async (_how, then, cancelled) => {
    const job = await start(`${child("{ stdio: 'inherit' }")} ${then}`, { killWait: "50ms" })
    const pid = Number(/child (\d+)/.exec(await wrote(job, "child "))![1])
    if (cancelled) await job.cancel()
    await job.ended()
    await vi.waitUntil(() => !exists(pid), { timeout: 10_000 })
  })

  const disconnected = (then: string) =>
    `const c = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(
      `process.on('disconnect', () => { ${then} }); process.send('up'); setInterval(() => {}, 1e6)`,
    )}], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }); c.on('message', () => process.stderr.write('child ' + c.pid + '\\n'));`

  it("nobody who cleans up after a main process that was shot, before it is done", async () => {
    const job = await start(
      disconnected("setTimeout(() => { process.stderr.write('cleaned up'); process.exit() }, 100)"),
    )
    await wrote(job, "child ")
    process.kill(pidOf(job), "SIGKILL")
    const { evidence } = await job.ended()
    expect(evidence).toMatchObject({ signal: "SIGKILL", stderrTail: expect.stringContaining("cleaned up") })
  })

  it("who does not go after it, too", async () => {
    const job = await start(disconnected(""))
    const pid = Number(/child (\d+)/.exec(await wrote(job, "child "))![1])
    process.kill(pidOf(job), "SIGKILL")
    await job.ended()
    await vi.waitUntil(() => !exists(pid), { timeout: 10_000 })
  })

  it("not the wait for somebody who left its group and holds its stderr: the end is told once", async () => {
    const job = await start(`${child("{ stdio: 'inherit', detached: true }")} c.unref(); process.exit(0)`)
    const listener = vi.fn()
    job.onStatus(listener)
    const { evidence } = await job.ended()
    const pid = Number(/child (\d+)/.exec(evidence.stderrTail!)![1])
    expect(exists(pid)).toBe(true)
    process.kill(pid, "SIGKILL") // now the pipe closes, too
    await vi.waitUntil(() => !exists(pid), { timeout: 10_000 })
    await new Promise(resolve => setImmediate(resolve))
    expect(listener).toHaveBeenCalledTimes(1)
  })
})

describe("the simulated walltime", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const limits: LocalOptions = { walltime: "1h", signalBefore: "10m", killWait: "30s" }

  it("warns in good time, and leaves who goes then as it ended", async () => {
    const job = await start(`${POLITE} ${SAYS_READY}`, limits)
    expect(job.status).toMatchObject({ state: "running", endsAt: Date.now() + 3_600_000 })
    await wrote(job, "ready")
    vi.advanceTimersByTime(3_000_000 - 1)
    expect(job.status.state).toBe("running")
    vi.advanceTimersByTime(1)
    expect(await outcome(job)).toMatchObject({ outcome: "failed", exitCode: 7 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it("asks once more when it is over, and then kills", async () => {
    const job = await start(STUBBORN, limits)
    await wrote(job, "ready")
    vi.advanceTimersByTime(3_000_000)
    await wrote(job, "no\n")
    vi.advanceTimersByTime(600_000)
    await wrote(job, "no\nno\n")
    vi.advanceTimersByTime(30_000)
    expect(await outcome(job)).toMatchObject({ outcome: "walltime", signal: "SIGKILL" })
  })

  it("is told to the runner", async () => {
    const job = await start("process.stderr.write(process.env.SLURM_FLAME_JOB)", limits)
    await job.ended()
    expect(JSON.parse(await job.stderrTail())).toEqual({
      killWaitMs: 30_000,
      signalBeforeMs: 600_000,
      endsAt: Date.now() + 3_600_000,
    })
  })

  it.each([["40d"], [Number.POSITIVE_INFINITY]] as const)(
    "may be %s, longer than any timer of Node's",
    async walltime => {
      const job = await start(STUBBORN, { walltime })
      await wrote(job, "ready")
      vi.advanceTimersByTime(39 * 86_400_000)
      process.kill(pidOf(job), "SIGKILL")
      await job.ended()
      expect(await job.stderrTail()).toBe("ready\n") // no SIGTERM came
    },
  )
})

it("asks all jobs to end when the parent exits, synchronously", async () => {
  const polite = `${POLITE} ${SAYS_READY}`
  const running = [await start(polite), await start(polite)]
  const over = await start("")
  await over.ended()
  for (const job of running) await wrote(job, "ready")
  local().cancelSync([...running, over])
  for (const job of running) expect(await outcome(job)).toMatchObject({ exitCode: 7 })
})
