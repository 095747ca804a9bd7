/** The main job on a real Slurm: a parent that is the user's own process on the login node, runners that are jobs on three nodes. */
import { afterEach, expect, test } from "vitest"
import {
  endEverything,
  inNode,
  LOGIN_ADDRESS,
  NODES,
  type NodeName,
  nodeAddress,
  onCluster,
  runAs,
  squeue,
  tempDirsLeft,
  waitFor,
} from "./harness.ts"
import { call, closeCleanly, HEAD, nothingLeft, openPool, spawn, start, type Where } from "./parent.ts"

onCluster("a pool on Slurm", () => {
  afterEach(endEverything)

  test("spawn and call over the addresses of ib0, with callbacks and typed arrays", async () => {
    const parent = await openPool()
    parent.send({ do: "spawn", as: "a" })
    const { info } = (await parent.next("spawned")) as unknown as {
      info: { node: NodeName; jobId: string; addresses: object; deadline: string }
    }
    expect(NODES).toContain(info.node)
    expect(info.addresses).toEqual({ local: LOGIN_ADDRESS, remote: nodeAddress(info.node) })
    const where = await call<Where>(parent, "where", [], "a")
    expect(where).toMatchObject({ node: info.node, jobId: info.jobId })
    start(parent, "train", [{ epochs: 3 }, "$report"], "a")
    const epochs = [await parent.next("report"), await parent.next("report"), await parent.next("report")]
    expect(epochs.map(e => (e as unknown as { value: { epoch: number } }).value.epoch)).toEqual([0, 1, 2])
    expect(await parent.next("result")).toMatchObject({ value: { node: info.node, weights: ["1", "NaN", "0"] } })
    await closeCleanly(parent)
  })

  test("three runners on three nodes work at once", async () => {
    const parent = await openPool({}, { sbatch: { cpusPerTask: 8 } })
    const ids = [1, 2, 3].map(() => start(parent, "meet", ["$barrier"]))
    const reports = [await parent.next("report"), await parent.next("report"), await parent.next("report")]
    // None has returned: all three wait in their callback, so they run at the same time.
    expect(reports.map(r => (r as unknown as { value: string }).value).sort()).toEqual([...NODES])
    for (const id of ids) parent.send({ do: "go", id })
    for (const _ of ids) await parent.next("result")
    await closeCleanly(parent)
  })

  test("the runner knows when its walltime ends", async () => {
    const parent = await openPool()
    await spawn(parent, "a")
    const { jobId } = await call<Where>(parent, "where", [], "a")
    const { stdout } = await runAs("flame", ["squeue", "-h", "-j", jobId, "-o", "%e"], { env: { TZ: "UTC0" } })
    const end = await waitFor(
      () => call<number | undefined>(parent, "deadline", [], "a"),
      "the runner to hear of its end",
    )
    // It was told what is left, which takes its way; and the clocks here are one.
    expect(Math.abs(end - Date.parse(`${stdout.trim()}Z`))).toBeLessThan(2_000)
    await closeCleanly(parent)
  })

  test("a warning while user code blocks the event loop: the runner hears it, cleans up, and the pool goes on", async () => {
    const parent = await openPool()
    await spawn(parent, "a")
    const where = await call<Where>(parent, "where", [], "a")
    start(parent, "block", ["$report"], "a")
    await parent.next("report")
    // A plain scancel: SIGTERM now, SIGKILL after the site's KillWait.
    await runAs("flame", ["scancel", where.jobId])
    expect(await parent.next("runner:drain")).toMatchObject({ info: { id: where.id, drainReason: "cancelled" } })
    expect(await parent.next("failed")).toMatchObject({
      error: { code: "ERR_FLAME_RUNNER_LOST", reason: "cancelled", started: true, evidence: { jobId: where.jobId } },
    })
    expect((await call<Where>(parent, "where")).jobId).not.toBe(where.jobId)
    await closeCleanly(parent)
  })

  test("a drain that is only asked for lets running work finish, beyond the time a cancel would leave", async () => {
    const parent = await openPool()
    await spawn(parent, "a")
    const where = await call<Where>(parent, "where", [], "a")
    start(parent, "hold", ["$report"], "a")
    await parent.next("report")
    await runAs("flame", ["scancel", "--batch", "--signal=TERM", where.jobId])
    await parent.next("runner:drain")
    expect(await parent.next("result")).toMatchObject({ value: "runner aborted" })
    expect(await parent.next("closed")).toMatchObject({ info: { reason: "cancelled" } })
    await closeCleanly(parent)
  })

  test("SIGKILL of the worker: the call rejects with the signal, the job serves on, its directory goes at the end", async () => {
    const parent = await openPool()
    await spawn(parent, "a")
    const where = await call<Where>(parent, "where", [], "a")
    start(parent, "block", ["$report"], "a")
    await parent.next("report")
    await inNode(where.node, ["kill", "-KILL", String(where.pid)])
    expect(await parent.next("failed")).toMatchObject({ error: { reason: "crashed", evidence: { signal: "SIGKILL" } } })
    const after = await call<Where>(parent, "where")
    expect(after.jobId).toBe(where.jobId)
    expect(after.pid).not.toBe(where.pid)
    await closeCleanly(parent)
  })

  test("a worker that crashes: exit code and job are told, the job serves on, its directory goes at the end", async () => {
    const parent = await openPool()
    await spawn(parent, "a")
    const where = await call<Where>(parent, "where", [], "a")
    start(parent, "exit", [5], "a")
    expect(await parent.next("failed")).toMatchObject({
      error: { reason: "crashed", evidence: { exitCode: 5, jobId: where.jobId, node: where.node } },
    })
    expect((await call<Where>(parent, "where")).jobId).toBe(where.jobId)
    await closeCleanly(parent)
  })

  test("#49 a parent that is SIGKILLed leaves nothing: its running runner ends, its pending one ends when it starts", async () => {
    const parent = await openPool({ min: 1, max: 2 }, { sbatch: { nodelist: "n1", cpusPerTask: 8 } })
    await parent.next("runner:up")
    await spawn(parent, "a")
    const { tmpdir } = await call<Where>(parent, "where", [], "a")
    expect(await tempDirsLeft("n1")).toEqual([tmpdir]) // there is one to be left
    parent.send({ do: "spawn", as: "b" }) // cannot start: the first job has the whole node
    await waitFor(async () => (await squeue()).some(job => job.state === "PENDING"), "a pending job")
    parent.kill("SIGKILL")
    await parent.result
    await nothingLeft()
  })

  test("a parent that is interrupted cancels its jobs on the way out, the pending ones too", async () => {
    const parent = await openPool({ min: 1, max: 2 }, { sbatch: { nodelist: "n1", cpusPerTask: 8 } })
    await parent.next("runner:up")
    await spawn(parent, "a")
    parent.send({ do: "spawn", as: "b" })
    await waitFor(async () => (await squeue()).some(job => job.state === "PENDING"), "a pending job")
    // squeue knows it before sbatch has answered: what is submitted and nobody's yet is another test's.
    await waitFor(async () => {
      parent.send({ do: "stats" })
      const { runners } = (await parent.next("stats")).stats as { runners: { jobId?: string }[] }
      return runners.filter(({ jobId }) => jobId !== undefined).length === 2
    }, "the parent to know both jobs")
    parent.kill("SIGINT")
    await parent.result
    expect((await squeue()).filter(job => job.state === "PENDING")).toEqual([])
    await nothingLeft()
  })

  test("user code does not see the runner's key, and no other user sees it anywhere", async () => {
    const parent = await openPool()
    await spawn(parent, "a")
    const where = await call<Where>(parent, "where", [], "a")
    const env = await call<Record<string, string>>(parent, "environment", [], "a")
    expect(Object.keys(env).filter(name => /BOOT|KEY|TOKEN/.test(name) && name.startsWith("SLURM_FLAME"))).toEqual([])
    const { stdout: boot } = await inNode(where.node, [
      "sh",
      "-c",
      `tr '\\0' '\\n' </proc/${where.ppid}/environ | grep ^SLURM_FLAME_BOOT=`,
    ])
    const secret = JSON.parse(Buffer.from(boot.trim().split("=")[1]!, "base64url").toString()).key as string
    expect(secret).toMatch(/^[A-Za-z0-9+/]{43}=$/) // it is there, in the one place where it has to be
    const seen = [
      await runAs("eve", ["scontrol", "show", "job", "-dd", where.jobId]),
      await runAs("eve", ["squeue", "-o", "%all"]),
      await inNode(where.node, ["sh", "-c", `cat /proc/${where.ppid}/environ /proc/[0-9]*/cmdline`], { user: "eve" }),
    ]
    for (const { stdout } of seen) {
      expect(stdout).not.toContain(secret)
      expect(stdout).not.toContain(boot.trim().split("=")[1])
    }
    expect(seen[0]?.stdout).toContain(where.jobId) // eve does see the job
    await closeCleanly(parent)
  })
})

onCluster("a boot that fails", () => {
  afterEach(endEverything)

  test.each([
    {
      title: "an invalid partition: sbatch's own words, and where to look",
      slurm: { sbatch: { partition: "nosuch" } },
      error: { name: "SubmitError", code: "ERR_FLAME_SUBMIT" },
      words: /invalid partition[\s\S]*hint: .*sinfo/i,
    },
    {
      title: "a job that dies at once: exit code and the last lines of stderr",
      slurm: { slurmJob: `${HEAD}module load nosuch || { echo "no such module" >&2; exit 3; }\n` },
      error: { name: "BootError", code: "ERR_FLAME_BOOT", evidence: { slurmState: "FAILED", exitCode: 3 } },
      words: /exit code 3[\s\S]*no such module/,
    },
    {
      title: "SLURM_FLAME_HOST that came out empty on the node",
      slurm: { slurmJob: HEAD.replace("show ib0", "show ib9") },
      error: { name: "HostError", code: "ERR_FLAME_HOST" },
      words: /SLURM_FLAME_HOST in the job script is empty[\s\S]*interfaces: .*ib0/,
    },
    {
      title: "a job that never gets resources: cancelled after bootTimeout, with Slurm's reason",
      slurm: { sbatch: { partition: "closed" } },
      options: { bootTimeout: "3s" },
      error: { name: "BootTimeoutError", code: "ERR_FLAME_BOOT_TIMEOUT", evidence: { slurmReason: "PartitionDown" } },
      words: /still pending after 3s[\s\S]*PartitionDown/,
    },
  ])("$title", async ({ slurm, options, error, words }) => {
    const parent = await openPool(options, slurm)
    parent.send({ do: "spawn", as: "a" })
    const failed = (await parent.next("failed")) as unknown as { error: { message: string } }
    expect(failed).toMatchObject({ as: "a", error })
    expect(failed.error.message).toMatch(words)
    await closeCleanly(parent)
  })
})
