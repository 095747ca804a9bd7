/**
 * Thirty jobs on three nodes, spawned and closed ten times over, at each stage of their boot, and jobs that are cancelled while they
 * look for their parent: what is left of them, anywhere.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, expect, test } from "vitest"
import { encodeBoot } from "../../src/shared/boot.ts"
import { mustRun } from "./command.ts"
import {
  APP,
  asUser,
  endEverything,
  inNode,
  LOGIN_ADDRESS,
  NODES,
  noJobsLeft,
  onCluster,
  type Program,
  runAs,
  sbatch,
  squeue,
  waitFor,
} from "./harness.ts"
import { HEAD, nothingLeft } from "./parent.ts"

const MIB = 2 ** 20
const JOBS = 30
/** So many have room on the nodes at a time; the others wait. */
const ROOM = 24
/** After so many of them serve the pool is closed, round by round: while all of them are submitted, wait, boot, or serve. */
const ROUNDS = [ROOM, 1, 0, 8, 0, 1, ROOM, 0, 8, 1]

const DIRS = [".local/state/slurm-flame", ".cache/slurm-flame"].map(dir => `/home/flame/${dir}`)

/** The files that the package keeps for its user, wherever. */
function files(): string[] {
  return DIRS.filter(dir => existsSync(dir)).flatMap(dir =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter(entry => !entry.isDirectory())
      .map(entry => `${entry.parentPath}/${entry.name}`),
  )
}

/** The ports on which a process listens. */
async function listening(program: Program): Promise<string[]> {
  return (await mustRun(["ss", "-ltnpH"])).split("\n").filter(line => line.includes(`pid=${program.pid},`))
}

interface Self {
  descriptors: number
  rss: number
  heapUsed: number
}

onCluster("30 jobs on 3 nodes, spawned and closed 10 times over", () => {
  afterEach(endEverything)

  test("leave no job, process, temporary directory, file or socket, and a parent that has not grown", async () => {
    // Logs of what other tests broke, some of which the next start of the program deletes.
    for (const dir of DIRS) rmSync(dir, { recursive: true, force: true })
    // And the directories of runners that other tests killed: who sweeps them says so in its log, which is kept.
    for (const node of NODES) await inNode(node, ["sh", "-c", "rm -rf /tmp/slurm-flame-*"])
    const before = files()
    const parent = asUser("rounds.mjs")
    const selves: Self[] = []
    for (const until of ROUNDS) {
      parent.send({ do: "round", jobs: JOBS, until, slurm: { slurmJob: HEAD } })
      const { answers, ends } = await parent.next("round")
      // At once: close() has waited for all of them.
      expect(await squeue()).toEqual([])
      expect(await listening(parent)).toEqual([])
      expect(files().map(path => (before.includes(path) ? path : `${path}: ${readFileSync(path, "utf8")}`))).toEqual(
        before,
      )
      expect(new Set(answers).size).toBe(answers.length)
      expect(answers.length).toBeGreaterThanOrEqual(until)
      // Each of them served until it was closed, or was told why not.
      expect(Object.values(ends as Record<string, number>).reduce((sum, n) => sum + n)).toBe(JOBS)
      expect(Object.keys(ends).filter(end => end !== "close" && end !== "ERR_FLAME_POOL_CLOSED")).toEqual([])
      parent.send({ do: "self" })
      const self = (await parent.next("self")) as unknown as Self
      selves.push(self)
    }
    await nothingLeft()
    // The first round loads and compiles what the others use.
    const [, early] = selves
    const late = selves.at(-1)!
    console.log(`round 2: ${JSON.stringify(early)}, round ${selves.length}: ${JSON.stringify(late)}`)
    expect(late.descriptors).toBe(early!.descriptors)
    expect(late.heapUsed - early!.heapUsed).toBeLessThan(2 * MIB)
    expect(late.rss - early!.rss).toBeLessThan(32 * MIB)
    parent.hangUp()
    expect(await parent.result).toMatchObject({ code: 0, signal: null, stderr: "" })
  })
})

/** Takes every connection and says nothing, as a parent whose process stands still. */
async function mute(): Promise<Server> {
  const server = createServer(socket => socket.on("error", () => {}))
  await new Promise<void>(resolve => server.listen(0, LOGIN_ADDRESS, resolve))
  return server
}

onCluster("a job that is cancelled while its runner looks for a parent", () => {
  let server: Server | undefined
  afterEach(async () => {
    server?.close()
    await runAs("flame", ["scancel", "--user=flame"])
    await noJobsLeft()
  })

  /** From the moment at which it runs: node starts, the directory is made, the worker starts, both dial. */
  const MOMENTS = [0, 50, 100, 150, 200, 250, 300, 400, 500, 700, 1_000, 1_500]

  test.each(["says nothing", "is gone"])("that %s leaves no process and no directory", async parent => {
    server = await mute()
    const { port } = server.address() as { port: number }
    if (parent === "is gone") server.close()
    const key = Buffer.alloc(32, 1).toString("base64")
    const addresses = [{ host: LOGIN_ADDRESS, port }]
    const command = `exec node ${APP}/node_modules/slurm-flame/dist/bin/supervisor.js`
    const cancels = MOMENTS.map(async (ms, i) => {
      const boot = { v: 1, runnerId: `r${i}`, pool: "p", addresses, tls: true, key } as const
      const env = { SLURM_FLAME_BOOT: encodeBoot(boot), SLURM_FLAME_JOB: '{"killWaitMs":5000}' }
      const id = await sbatch(`#!/bin/bash\n${command}\n`, [], env)
      await waitFor(async () => (await squeue()).every(job => job.id !== id || job.state === "RUNNING"), "it to run")
      await delay(ms)
      await runAs("flame", ["scancel", id])
    })
    await Promise.all(cancels)
    await nothingLeft()
  })
})
