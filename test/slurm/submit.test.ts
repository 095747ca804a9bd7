import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { OptionError, SlurmCommandError, SubmitError } from "../../src/shared/errors.ts"
import { type FakeAnswer, FakeSlurm, limits, runnerSpec } from "./fake-slurm.ts"

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable("it should have been refused"),
    (error: Error) => error,
  )

describe("submit", () => {
  it("hands the script over on standard input and comes back with a pending job", async () => {
    const fake = new FakeSlurm()
    const job = await fake.submit(fake.backend({ slurmJob: "#!/bin/sh\n#SBATCH -n 1\n", node: "/usr/bin/node" }))
    expect(job.id).toBe("101")
    expect(job.status).toEqual({ state: "pending" })
    const [call] = fake.calls("sbatch")
    expect(call!.stdin).toBe("#!/bin/sh\n#SBATCH -n 1\nexec /usr/bin/node /opt/app/supervisor.js\n")
    expect(call!.argv).toEqual(expect.arrayContaining(["--parsable", "--export=ALL"]))
    expect(call!.argv.every(arg => arg.startsWith("--"))).toBe(true)
  })

  it("tells the job how much time it has once it is asked to end", async () => {
    const fake = new FakeSlurm()
    await fake.submit(fake.backend({ signalBefore: "90s" }))
    const [call] = fake.calls("sbatch")
    expect(JSON.parse(call!.env.SLURM_FLAME_JOB ?? "")).toEqual({ killWaitMs: 7_000, signalBeforeMs: 90_000 })
  })

  it("gives the key to sbatch's environment and to nothing that others can see", async () => {
    const fake = new FakeSlurm()
    vi.stubEnv("SLURM_FLAME_HOST", "10.9.9.9")
    vi.stubEnv("SLURM_JOB_ID", "1")
    vi.stubEnv("SBATCH_PARTITION", "of-my-own-job")
    vi.stubEnv("SLURM_CONF", "/etc/slurm/other.conf")
    vi.stubEnv("UNWANTED", "1")
    const job = await fake.submit(fake.backend(), runnerSpec({ env: { WANTED: "yes", UNWANTED: undefined } }))
    await fake.called("squeue")
    await job.cancel()
    const [call] = fake.calls("sbatch")
    expect(call!.env).toMatchObject({
      SLURM_FLAME_KEY: "k3y-that-nobody-may-see",
      WANTED: "yes",
      SLURM_CONF: "/etc/slurm/other.conf",
    })
    for (const name of ["SLURM_FLAME_HOST", "SLURM_JOB_ID", "SBATCH_PARTITION", "UNWANTED"]) {
      expect(call!.env).not.toHaveProperty(name)
    }
    for (const program of ["sbatch", "squeue", "scancel"] as const) {
      for (const { argv, stdin, env } of fake.calls(program)) {
        expect(JSON.stringify([argv, stdin])).not.toContain("k3y")
        if (program !== "sbatch") expect(JSON.stringify(env)).not.toContain("k3y")
        expect(env.SLURM_CONF).toBe("/etc/slurm/other.conf")
      }
    }
  })

  it("makes the log directory, closed to others, only when it is needed", async () => {
    const fake = new FakeSlurm()
    await fake.submit(fake.backend({ sbatch: { output: "mine.log" } }))
    expect(existsSync(fake.state)).toBe(false)
    await fake.submit(fake.backend())
    const directory = join(fake.state, "slurm-flame", "logs")
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(fake.calls("sbatch")[1]!.argv.find(arg => arg.startsWith("--output="))).toContain(
      `${directory}/flame-train-r1-`,
    )
  })

  it("makes the log directory again when somebody has removed it", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend()
    await fake.submit(backend)
    rmSync(join(fake.state, "slurm-flame"), { recursive: true })
    await fake.submit(backend, runnerSpec({ runnerId: "r2" }))
    await vi.waitFor(() => expect(existsSync(join(fake.state, "slurm-flame", "logs"))).toBe(true))
  })

  it("asks a slurmJob function for each runner's own script", async () => {
    const fake = new FakeSlurm()
    const backend = fake.backend({ slurmJob: async ({ pool, runnerId }) => `#!/bin/sh\n# ${pool} ${runnerId}\n` })
    await Promise.all(["r1", "r2"].map(runnerId => fake.submit(backend, runnerSpec({ runnerId }))))
    const comments = fake.calls("sbatch").map(call => call.stdin.split("\n")[1])
    expect(comments.sort()).toEqual(["# train r1", "# train r2"])
  })

  it("refuses what a slurmJob function should not give", async () => {
    const fake = new FakeSlurm()
    expect(await failure(fake.submit(fake.backend({ slurmJob: () => undefined as never })))).toBeInstanceOf(OptionError)
    expect(await failure(fake.submit(fake.backend({ slurmJob: () => "hostname" })))).toMatchObject({
      option: "slurmJob",
    })
    expect(fake.calls("sbatch")).toEqual([])
  })

  it.each([
    ["101;cluster1\n", "101"],
    ["Welcome to our cluster!\n101\n", "101"],
  ])("finds the id in %j", async (stdout, id) => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stdout, queue: true })
    expect((await fake.submit(fake.backend())).id).toBe(id)
  })
})

describe("a refused submission", () => {
  it.each([
    [
      "invalid partition specified: nosuch\nsbatch: error: Batch job submission failed: Invalid partition name specified",
      /sinfo -s/,
    ],
    ["Batch job submission failed: Invalid account or account/partition combination specified", /account,partition/],
    ["Batch job submission failed: Invalid qos specification", /account,qos/],
    [
      "Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
      /sinfo -o '%P %l'/,
    ],
    ["Invalid generic resource (gres) specification", /gpu:1/],
    ["Batch job submission failed: Requested node configuration is not available", /no node is that large/],
    ["AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy", /limit/],
  ])("says so in sbatch's words, with advice: %s", async (words, advice) => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: `sbatch: error: ${words}\n`, exitCode: 1 })
    const error = await failure(fake.submit(fake.backend()))
    expect(error).toBeInstanceOf(SubmitError)
    expect(error.message).toContain(words.split("\n")[0])
    expect((error as SubmitError).hint).toMatch(advice)
    expect(error.cause).toMatchObject({ code: "ERR_FLAME_SLURM_COMMAND", command: { exitCode: 1 } })
    expect(JSON.stringify(error.cause)).not.toContain("k3y")
    expect(fake.calls("sbatch")).toHaveLength(1)
  })

  it("says so also when sbatch ends without having read the script", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: "sbatch: error: Invalid qos specification\n", exitCode: 1, deaf: true })
    const slurmJob = `#!/bin/sh\n${"# more than a pipe takes\n".repeat(40_000)}`
    expect(await failure(fake.submit(fake.backend({ slurmJob })))).toBeInstanceOf(SubmitError)
  })

  it("points at the options when sbatch does not understand them", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: "sbatch: unrecognized option '--xyzzy=1'\n", exitCode: 255 })
    const error = await failure(fake.submit(fake.backend({ sbatch: { xyzzy: 1 } })))
    expect(error).toBeInstanceOf(SubmitError)
    expect((error as SubmitError).hint).toMatch(/did not understand an option/)
  })

  it("says what to do where there is no Slurm", async () => {
    const fake = new FakeSlurm()
    const empty = mkdtempSync(join(tmpdir(), "slurm-flame-no-path-"))
    onTestFinished(() => rmSync(empty, { recursive: true }))
    vi.stubEnv("PATH", empty)
    const error = await failure(fake.submit(fake.backend()))
    expect(error).toBeInstanceOf(SlurmCommandError)
    expect(error).toMatchObject({
      message: expect.stringContaining("`sbatch` is not on PATH"),
      command: { spawnCode: "ENOENT" },
    })
    expect((error as SlurmCommandError).hint).toMatch(/login node.*slurm module.*local\(\)/)
  })
})

describe("a lost answer", () => {
  const SOCKET = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n"

  it("finds the job that was queued all the same, and submits it once", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1, queue: true })
    const job = await fake.submit(fake.backend())
    expect(job.id).toBe("101")
    expect(fake.calls("sbatch")).toHaveLength(1)
  })

  it("finds it by its comment where the name is the user's", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1, queue: true })
    expect((await fake.submit(fake.backend({ sbatch: { jobName: "mine", comment: "for me" } }))).id).toBe("101")
  })

  it("ends an sbatch that does not answer, and looks the job up", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { hang: true, queue: true })
    const backend = fake.backend({}, { limits: limits({ sbatch: 1_000 }), lookupMs: [0, 500, 1_000, 2_000, 4_000] })
    expect((await fake.submit(backend)).id).toBe("101")
  })

  it("goes on looking while squeue does not answer either", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1, queue: true })
    fake.answer("squeue", { stderr: "slurm_load_jobs error: Socket timed out\n", exitCode: 1, once: true })
    expect((await fake.submit(fake.backend())).id).toBe("101")
  })

  it("is submitted again when squeue answers and there is no such job", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1, once: true })
    expect((await fake.submit(fake.backend())).id).toBe("101")
    const [lost, again, ...more] = fake.calls("sbatch")
    expect(more).toEqual([])
    expect(again!.env.SLURM_FLAME_KEY).toBe(lost!.env.SLURM_FLAME_KEY)
  })

  it("is a refusal when that is so every time", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1 })
    const error = await failure(fake.submit(fake.backend()))
    expect(fake.calls("sbatch")).toHaveLength(3)
    expect(error).toBeInstanceOf(SubmitError)
    expect(error.message).toMatch(/no job of that name is queued.*Socket timed out/)
  })

  it("is left open when nobody answers, with the way to find out", async () => {
    const fake = new FakeSlurm()
    fake.answer("sbatch", { stderr: SOCKET, exitCode: 1 })
    fake.answer("squeue", { exitCode: 1 })
    const error = await failure(fake.submit(fake.backend()))
    expect(error).toBeInstanceOf(SlurmCommandError)
    expect((error as SlurmCommandError).hint).toMatch(/squeue --me --name=flame-train-r1-/)
  })
})

describe("an aborted submission", () => {
  const reason = new Error("no longer wanted")

  /** sbatch is under way and will answer when released. */
  async function abortedWhileSubmitting(fake: FakeSlurm) {
    fake.answer("sbatch", { hold: true })
    const controller = new AbortController()
    const submitted = failure(fake.submit(fake.backend(), runnerSpec(), controller.signal))
    await fake.called("sbatch")
    controller.abort(reason)
    return { submitted, release: (answer?: FakeAnswer) => fake.answer("sbatch", answer) }
  }

  it("does nothing when it is aborted before it starts, or while the script is made", async () => {
    const fake = new FakeSlurm()
    expect(await failure(fake.submit(fake.backend(), runnerSpec(), AbortSignal.abort(reason)))).toBe(reason)
    const controller = new AbortController()
    const never = () => new Promise<string>(() => controller.abort(reason))
    expect(await failure(fake.submit(fake.backend({ slurmJob: never }), runnerSpec(), controller.signal))).toBe(reason)
    expect(fake.calls("sbatch")).toEqual([])
  })

  it("waits for the id and cancels the job", async () => {
    const fake = new FakeSlurm()
    const { submitted, release } = await abortedWhileSubmitting(fake)
    expect(fake.calls("scancel")).toEqual([])
    release()
    expect(await submitted).toBe(reason)
    expect(fake.calls("scancel").map(call => call.argv)).toEqual([["101"]])
  })

  it("says so when that job could not be cancelled", async () => {
    const fake = new FakeSlurm()
    fake.answer("scancel", {
      stderr: "scancel: error: Kill job error on job id 101: Access/permission denied\n",
      exitCode: 210,
    })
    const warned = new Promise<Error>(resolve => process.once("warning", resolve))
    const { submitted, release } = await abortedWhileSubmitting(fake)
    release()
    expect(await submitted).toBe(reason)
    expect(await warned).toMatchObject({ code: "SLURM_FLAME_JOB_LEFT", message: expect.stringContaining("job 101") })
  })

  it("rejects with the reason also when sbatch refuses", async () => {
    const fake = new FakeSlurm()
    const { submitted, release } = await abortedWhileSubmitting(fake)
    release({ stderr: "sbatch: error: Invalid qos specification\n", exitCode: 1 })
    expect(await submitted).toBe(reason)
  })
})
