/** Many runners, several pools and one Slurm: what is asked of the controller, and that every job of an array is a runner of its own. */
import { afterEach, beforeEach, expect, test } from "vitest"
import {
  asUser,
  endEverything,
  inNode,
  type NodeName,
  onCluster,
  type Program,
  runAs,
  squeue,
  waitFor,
} from "./harness.ts"
import { Ledger } from "./ledger.ts"
import { nothingLeft } from "./parent.ts"

const head = (...lines: string[]) => `#!/bin/bash
#SBATCH --time=00:10:00
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
${lines.join("\n")}
`

/** The jobs of a scancel: `7 12_[0-2,5]` is five of them. */
const expand = (words: string): string[] =>
  words.split(" ").flatMap(word => {
    const [, array, list] = /^(\d+)_\[(.*)\]$/.exec(word) ?? []
    if (array === undefined || list === undefined) return [word]
    return list.split(",").flatMap(part => {
      const [first = 0, last = first] = part.split("-").map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => `${array}_${first + i}`)
    })
  })

interface Info {
  id: string
  jobId: string
  node: NodeName
  state: string
}
interface Where extends Info {
  tmpdir: string
  ppid: number
}

let ledger: Ledger

/** Opens the pools, all in one turn. */
async function openPools(pools: Record<string, { options: object; slurm: object }>): Promise<Program> {
  const parent = asUser("pools.mjs", [], { env: { PATH: ledger.PATH, SLURM_FLAME_LOG: "debug" } })
  parent.send({ do: "open", pools })
  await parent.next("opened")
  return parent
}

async function ask<T>(
  parent: Program,
  command: { do: string; pool: string; method?: string },
  answer = command.do,
): Promise<T> {
  parent.send(command)
  const event = await parent.next(answer)
  expect(event.pool).toBe(command.pool)
  return event as T
}
const statsOf = async (parent: Program, pool: string) =>
  (await ask<{ stats: { runners: Info[] } }>(parent, { do: "stats", pool })).stats.runners

onCluster("runners that start together", () => {
  beforeEach(() => {
    ledger = new Ledger()
  })
  afterEach(async () => {
    await endEverything()
    ledger.remove()
  })

  test("are one submission: each has its own id, key, directory and end", async () => {
    const parent = await openPools({ a: { options: { min: 6, max: 6 }, slurm: { slurmJob: head() } } })
    await ask(parent, { do: "ready", pool: "a" })
    const [submission, ...more] = ledger.calls("sbatch")
    expect(more).toEqual([])
    expect(submission).toContain("--array=0-5")

    const { values } = await ask<{ values: { info: Info; value: Where }[] }>(parent, {
      do: "everywhere",
      pool: "a",
      method: "where",
    })
    const base = values[0]!.info.jobId.split("_")[0]
    expect(values.map(({ info }) => info.jobId).sort()).toEqual([0, 1, 2, 3, 4, 5].map(task => `${base}_${task}`))
    for (const { info, value } of values)
      expect(value).toMatchObject({ id: info.id, jobId: info.jobId, node: info.node })
    expect(new Set(values.map(({ value }) => `${value.node}:${value.tmpdir}`)).size).toBe(6)

    const { values: environments } = await ask<{ values: { value: Record<string, string> }[] }>(parent, {
      do: "everywhere",
      pool: "a",
      method: "environment",
    })
    const names = environments.flatMap(({ value }) => Object.keys(value))
    expect(names).toContain("SLURM_ARRAY_TASK_ID")
    expect(names.filter(name => /^SLURM_FLAME_(BOOT|JOB)/.test(name))).toEqual([])
    // In the supervisor's first environment, and nowhere else: a key for each task, no two alike.
    const { value: some } = values[0]!
    const { stdout } = await inNode(some.node, [
      "sh",
      "-c",
      `tr '\\0' '\\n' </proc/${some.ppid}/environ | grep ^SLURM_FLAME_BOOT`,
    ])
    const boots = stdout
      .trim()
      .split("\n")
      .map(line => JSON.parse(Buffer.from(line.split("=")[1]!, "base64url").toString()))
    expect(boots.map(({ runnerId }) => runnerId).sort()).toEqual(values.map(({ info }) => info.id).sort())
    const keys = boots.map(({ key }) => key as string)
    expect(new Set(keys).size).toBe(6)
    for (const { value } of environments) for (const key of keys) expect(JSON.stringify(value)).not.toContain(key)

    // The last task's own number is that of the whole array: its id must mean it alone, like any other's.
    const last = values.find(({ info }) => info.jobId === `${base}_5`)!.info
    await runAs("flame", ["scancel", last.jobId])
    expect(await parent.next("runner:down")).toMatchObject({ pool: "a", info: { id: last.id, jobId: last.jobId } })
    const others = (await statsOf(parent, "a")).filter(({ jobId }) => jobId?.startsWith(`${base}_`))
    expect(others.map(({ state }) => state)).toEqual(["ready", "ready", "ready", "ready", "ready"])

    await ask(parent, { do: "close", pool: "a" }, "closed-pool")
    expect(await squeue()).toEqual([]) // at once: close() has waited for it
    parent.hangUp()
    expect(await parent.result).toMatchObject({ code: 0, signal: null })
    await nothingLeft()
  })

  test("#52 two pools with different job scripts booting at once each submit their own, and squeue is asked for both", async () => {
    const pool = (mark: string) => ({ options: { min: 3, max: 3 }, slurm: { slurmJob: head(`export MARK=${mark}`) } })
    const parent = await openPools({ cpu: pool("for-cpu"), gpu: pool("for-gpu") })
    await ask(parent, { do: "ready", pool: "cpu" })
    await ask(parent, { do: "ready", pool: "gpu" })
    expect(ledger.calls("sbatch").filter(call => call.includes("--array=0-2"))).toHaveLength(2)
    expect(ledger.calls("sbatch")).toHaveLength(2)
    for (const name of ["cpu", "gpu"]) {
      const { values } = await ask<{ values: { value: Record<string, string> }[] }>(parent, {
        do: "everywhere",
        pool: name,
        method: "environment",
      })
      expect(values.map(({ value }) => value.MARK)).toEqual([`for-${name}`, `for-${name}`, `for-${name}`])
    }
    // One poll: a question begins when the one before it has ended, and it names no job.
    const polls = ledger.lines("squeue")
    expect(polls.length).toBeGreaterThanOrEqual(2)
    const begun = polls.map(line => line.startsWith("squeue begins"))
    expect(begun).toEqual(begun.map((_, i) => i % 2 === 0))
    for (const call of ledger.calls("squeue")) expect(call).toMatch(/--me --array/)

    await ask(parent, { do: "close", pool: "cpu" }, "closed-pool")
    expect((await statsOf(parent, "gpu")).map(({ state }) => state)).toEqual(["ready", "ready", "ready"])
    await ask(parent, { do: "close", pool: "gpu" }, "closed-pool")
    parent.hangUp()
    expect(await parent.result).toMatchObject({ code: 0, signal: null })
    await nothingLeft()
  })

  test("#54 close() with pending jobs: all are cancelled, tasks of an array and single ones", async () => {
    const narrow = { slurmJob: head(), sbatch: { nodelist: "n1", cpusPerTask: 8 } }
    const parent = await openPools({ a: { options: { max: 7, shutdownTimeout: "1s" }, slurm: narrow } })
    parent.send({ do: "spawn", pool: "a", count: 5 })
    await parent.next("spawned")
    parent.send({ do: "spawn", pool: "a", count: 1 })
    const waiting = await waitFor(async () => {
      const jobs = (await squeue()).filter(job => job.state === "PENDING")
      return jobs.length === 5 && jobs
    }, "five pending jobs")
    expect(waiting.filter(job => job.id.includes("_"))).toHaveLength(4)
    await ask(parent, { do: "close", pool: "a" }, "closed-pool")
    expect(await squeue()).toEqual([])
    expect(ledger.calls("sbatch")).toHaveLength(2)
    // At once and in one piece, although each would end by itself as well when it starts and finds no parent.
    const [cancelled, ...later] = ledger.calls("scancel")
    expect(expand(cancelled!)).toEqual(expect.arrayContaining(waiting.map(({ id }) => id)))
    expect(later.length).toBeLessThanOrEqual(1) // the one that ran, if it is late
    parent.hangUp()
    expect(await parent.result).toMatchObject({ code: 0, signal: null })
    await nothingLeft()
  })
})
