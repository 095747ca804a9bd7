/**
 * Where the parent is and how its runners reach it: several networks, IPv6, the parent inside a job; and which devices and partitions
 * runners get.
 */
import { randomUUID } from "node:crypto"
import { readFileSync, rmSync } from "node:fs"
import { afterEach, expect, test } from "vitest"
import { mustRun } from "./command.ts"
import {
  APP,
  asUser,
  cluster,
  endEverything,
  LOGIN_ADDRESS,
  type NodeName,
  nodeAddress,
  onCluster,
  type Program,
  type ProgramEvent,
  runAs,
  sbatch,
  squeue,
  waitFor,
} from "./harness.ts"
import { call, closeCleanly, HEAD, nothingLeft, openPool, spawn, start, type Where } from "./parent.ts"

/** The login node on the management network. */
const MANAGEMENT = "10.202.0.1"
const on = (node: NodeName) => ({ nodelist: node })

interface Addresses {
  local: string
  remote: string
}

/** The two ends of the only runner's connection. */
async function ends(parent: Program): Promise<Addresses | undefined> {
  parent.send({ do: "stats" })
  const { stats } = await parent.next("stats")
  return (stats.runners as { addresses?: Addresses }[])[0]?.addresses
}

onCluster("several ways to the parent", () => {
  afterEach(async () => {
    await cluster("heal", "n1")
    await endEverything()
  })

  const env = { SLURM_FLAME_HOST: `${LOGIN_ADDRESS},${MANAGEMENT}` }

  test("the first address is taken as long as it leads there", async () => {
    const parent = await openPool({ max: 1 }, { sbatch: on("n1") }, env)
    await spawn(parent, "a")
    expect(await ends(parent)).toEqual({ local: LOGIN_ADDRESS, remote: nodeAddress("n1") })
    await closeCleanly(parent)
  })

  test("a runner whose fast network is cut from the start comes over the other one", async () => {
    await cluster("fail", "n1", "ib")
    const parent = await openPool({ max: 1 }, { sbatch: on("n1") }, env)
    await spawn(parent, "a")
    expect(await ends(parent)).toEqual({ local: MANAGEMENT, remote: "10.202.0.11" }) // and not from ib0's address
    expect((await call<Where>(parent, "where", [], "a")).node).toBe("n1")
    await closeCleanly(parent)
  })

  test("a call goes on over the other network when the fast one is cut", async () => {
    const parent = await openPool({ max: 1, heartbeat: "500ms" }, { sbatch: on("n1") }, env)
    const id = start(parent, "meet", ["$barrier"])
    await parent.next("report")
    expect((await ends(parent))?.local).toBe(LOGIN_ADDRESS)
    await cluster("fail", "n1", "ib")
    await waitFor(async () => (await ends(parent))?.local === MANAGEMENT, "the runner to come over the other network")
    parent.send({ do: "go", id })
    expect(await parent.next("result")).toMatchObject({ id, value: "n1" })
    await closeCleanly(parent)
  })

  test("none leads there: both errors of a boot tell what became of each address", async () => {
    await cluster("fail", "n1", "ib")
    await mustRun(["ip", "addr", "add", "10.203.0.1/32", "dev", "lo"])
    try {
      const parent = asUser("pools.mjs", [], { env: { SLURM_FLAME_HOST: `${LOGIN_ADDRESS},10.203.0.1` } })
      const backend = { slurmJob: HEAD, sbatch: on("n1") }
      const pools = {
        ends: { options: { min: 1, max: 1 }, slurm: backend },
        late: { options: { min: 1, max: 1, bootTimeout: "15s" }, slurm: backend },
      }
      parent.send({ do: "open", pools })
      const errors: Record<string, ProgramEvent> = {}
      while (!errors.ends || !errors.late) {
        const event = await parent.next("error")
        errors[event.pool] ??= event
      }
      const each =
        /cannot reach the parent at any of its 2 addresses:\n.*- 10\.201\.0\.1:\d+.*: no (answer|route).*\n.*- 10\.203\.0\.1:\d+: no route to that network \(ENETUNREACH\)/
      for (const [pool, code] of [
        ["ends", "ERR_FLAME_BOOT"],
        ["late", "ERR_FLAME_BOOT_TIMEOUT"],
      ] as const) {
        expect(errors[pool]!.error).toMatchObject({ code, message: expect.stringMatching(each) })
        expect(errors[pool]!.error.message).toMatch(/\n {2}hint: .*set SLURM_FLAME_HOST/)
      }
    } finally {
      await mustRun(["ip", "addr", "del", "10.203.0.1/32", "dev", "lo"])
    }
  })
})

onCluster("IPv6", () => {
  afterEach(endEverything)

  test("end to end, over the address of the network that both are in", async () => {
    const slurmJob = HEAD.replace(
      /^export.*$/m,
      "export SLURM_FLAME_HOST=$(ip -6 addr show ib0 | awk '/fd00/ {print $2}' | cut -d/ -f1)",
    )
    const parent = await openPool({ max: 1 }, { slurmJob, sbatch: on("n2") }, { SLURM_FLAME_HOST: "fd00:201::1" })
    await spawn(parent, "a")
    expect(await ends(parent)).toEqual({ local: "fd00:201::1", remote: "fd00:201::12" })
    expect((await call<Where>(parent, "where", [], "a")).node).toBe("n2")
    await closeCleanly(parent)
  })

  test("a runner that has an address of IPv4 to dial from reaches a parent of IPv6 all the same", async () => {
    const parent = await openPool({ max: 1 }, { sbatch: on("n2") }, { SLURM_FLAME_HOST: "fd00:201::1" })
    await spawn(parent, "a")
    expect((await ends(parent))?.remote).toBe("fd00:201::12")
    await closeCleanly(parent)
  })
})

onCluster("a parent that is a job itself", () => {
  const files: string[] = []
  afterEach(async () => {
    await endEverything()
    for (const file of files.splice(0)) rmSync(file, { force: true })
  })

  /** Submits the parent to n1 with a device, under a name that must not be found elsewhere. */
  async function submit(how: string) {
    const file = `/home/flame/inside-${randomUUID()}.jsonl`
    files.push(file)
    const script = `${HEAD}cd ${APP}\nexec node programs/inside.mjs ${file} ${how}\n`
    const args = ["--nodelist=n1", "--gres=gpu:2", "--job-name=outermost", "--comment=outermost", "--cpus-per-task=3"]
    const job = await sbatch(script, args, { SBATCH_ACCOUNT: "outermost" })
    const events = (): ProgramEvent[] => {
      try {
        const lines = readFileSync(file, "utf8").split("\n")
        return lines.flatMap(line => (line === "" ? [] : [JSON.parse(line) as ProgramEvent]))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return []
        throw error
      }
    }
    const said = (event: string, count = 1) =>
      waitFor(
        () => {
          const found = events().filter(one => one.event === event)
          return found.length >= count && found
        },
        () => `${count} times "${event}" of the job ${job}; it said ${JSON.stringify(events())}`,
      )
    return { job, said, events }
  }

  test("listens on its node's fast network; its runners are jobs of their own, with nothing of its job", async () => {
    const { job, said } = await submit("close")
    const runners = await said("runner", 2)
    expect(new Set(runners.map(({ info }) => info.jobId)).size).toBe(2)
    for (const { info, where, env } of runners) {
      expect(info.addresses).toMatchObject({ local: nodeAddress("n1"), remote: nodeAddress(where.node) })
      expect(where.node).toMatch(/^n[23]$/)
      expect(env.SLURM_JOB_ID).not.toBe(job)
      expect(env).toMatchObject({ SLURMD_NODENAME: where.node, SLURM_FLAME_HOST: nodeAddress(where.node) })
      for (const name of ["CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "SLURM_JOB_GPUS", "SLURM_CPUS_PER_TASK"])
        expect(env).not.toHaveProperty(name)
      expect(JSON.stringify(env)).not.toContain("outermost")
    }
    await said("closed")
    await nothingLeft()
  })

  test.each([["stay"], ["stubborn"]])("scancel of its job leaves no runner: %s", async how => {
    const { job, said, events } = await submit(how)
    await said("holds", 2)
    expect(await squeue()).toHaveLength(3)
    await runAs("flame", ["scancel", job])
    await nothingLeft()
    expect(events().some(({ event }) => event === "sigterm")).toBe(how === "stubborn") // which so ended by SIGKILL
  })
})

onCluster("devices and partitions", () => {
  afterEach(endEverything)

  test("two runners on one node see a device each, as Slurm gave them", async () => {
    const parent = await openPool({ max: 2 }, { sbatch: { gres: "gpu:1", nodelist: "n3" } })
    parent.send({ do: "spawn", as: "a" })
    parent.send({ do: "spawn", as: "b" })
    await parent.next("spawned")
    await parent.next("spawned")
    const a = await call<Record<string, string>>(parent, "environment", [], "a")
    const b = await call<Record<string, string>>(parent, "environment", [], "b")
    for (const name of ["CUDA_VISIBLE_DEVICES", "SLURM_JOB_GPUS"] as const)
      expect([a[name], b[name]].sort()).toEqual(["0", "1"])
    expect([a.SLURMD_NODENAME, b.SLURMD_NODENAME]).toEqual(["n3", "n3"])
    await closeCleanly(parent)
  })

  test("two pools of one program, each in its partition", async () => {
    const parent = asUser("pools.mjs")
    const pools = {
      many: { options: { min: 2, max: 2 }, slurm: { slurmJob: HEAD, sbatch: { partition: "cpu" } } },
      few: { options: { min: 1, max: 1 }, slurm: { slurmJob: HEAD, sbatch: { partition: "gpu", gpus: 2 } } },
    }
    parent.send({ do: "open", pools })
    await Promise.all([
      parent.next("ready"),
      parent.next("ready"),
      parent.send({ do: "ready", pool: "many" }),
      parent.send({ do: "ready", pool: "few" }),
    ])
    const seen = async (pool: string) => {
      parent.send({ do: "everywhere", pool, method: "environment" })
      const { values } = await parent.next("everywhere")
      return (values as { value: Record<string, string> }[]).map(({ value }) => [
        value.SLURM_JOB_PARTITION,
        value.CUDA_VISIBLE_DEVICES,
      ])
    }
    expect(await seen("many")).toEqual([
      ["cpu", undefined],
      ["cpu", undefined],
    ])
    expect(await seen("few")).toEqual([["gpu", "0,1"]])
    for (const pool of ["many", "few"]) {
      parent.send({ do: "close", pool })
      await parent.next("closed-pool")
    }
    parent.hangUp()
    expect(await parent.result).toMatchObject({ code: 0 })
    await nothingLeft()
  })
})
