/** A parent that is killed with calls in flight and started again: it has its jobs back, and nobody queues a second time. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { afterEach, beforeEach, expect, test } from "vitest"
import { APP, endEverything, onCluster, type Program, squeue, waitFor } from "./harness.ts"
import { Ledger } from "./ledger.ts"
import { call, closeCleanly, openPool, spawn } from "./parent.ts"

const STATE = "/home/flame/.local/state/slurm-flame"

onCluster("a pool that persists", () => {
  let dir: string
  let book: Ledger | undefined
  beforeEach(() => {
    dir = mkdtempSync("/home/flame/persist-")
    chmodSync(dir, 0o777)
  })
  afterEach(async () => {
    await endEverything()
    rmSync(dir, { recursive: true })
    rmSync(`${STATE}/pools`, { recursive: true, force: true })
    book?.remove()
    book = undefined
  })

  const open = (env: Record<string, string> = {}, slurm?: object) =>
    openPool(
      { module: `${APP}/programs/persist.ts`, name: "sweep", persist: true, max: 2, orphanTimeout: "60s" },
      slurm,
      env,
    )
  const work = (parent: Program, id: string) =>
    parent.send({ do: "call", id, method: "work", args: [dir, id], limits: { id } })
  const runs = () => (existsSync(`${dir}/runs`) ? readFileSync(`${dir}/runs`, "utf8").trim().split("\n") : [])
  const ids = async () => (await squeue()).map(({ id }) => id).sort()
  const kill = async (parent: Program) => {
    parent.kill("SIGKILL")
    await parent.result
  }
  const cleanly = async (parent: Program) => {
    await closeCleanly(parent)
    expect(readdirSync(`${STATE}/pools`)).toEqual([])
  }

  test("whose parent is SIGKILLed with calls in flight: the next one has the jobs, the loaded state and the results", async () => {
    const first = await open()
    work(first, "a")
    work(first, "b")
    await waitFor(() => runs().length === 2, "both calls to run")
    const ran = runs()
    const jobs = await ids()
    expect(jobs).toHaveLength(2)
    await kill(first)
    writeFileSync(`${dir}/a`, "") // it ends while nobody is there
    book = new Ledger()
    const second = await open({ PATH: book.PATH })
    work(second, "a")
    expect((await second.next("result")).value).toMatchObject({ name: "a" })
    work(second, "b")
    writeFileSync(`${dir}/b`, "")
    expect((await second.next("result")).value).toMatchObject({ name: "b" })
    expect(runs()).toEqual(ran)
    expect(await ids()).toEqual(jobs)
    expect(book.calls("sbatch")).toEqual([])
    for (const lease of ["x", "y"]) await spawn(second, lease)
    const there = [await call<string>(second, "who", [], "x"), await call<string>(second, "who", [], "y")]
    expect(there.sort()).toEqual(ran.map(line => line.replace(/^. on /, "")).sort())
    await cleanly(second)
  })

  test("whose parent is SIGKILLed while a job waits, and started again when it runs: that job serves", async () => {
    const begin = { sbatch: { begin: "now+8", time: "10:00" } }
    const first = await open({}, { slurmJob: undefined, ...begin })
    work(first, "a")
    await first.next("grow")
    const [job] = await waitFor(async () => {
      const found = await squeue()
      return found.length === 1 && found
    }, "the job to be submitted")
    expect(job).toMatchObject({ state: "PENDING" })
    // Its id has come back: what is known of it is complete.
    await waitFor(
      () =>
        readdirSync(`${STATE}/pools/sweep`).some(
          name => name.startsWith("runner-") && readFileSync(`${STATE}/pools/sweep/${name}`, "utf8").includes('"job"'),
        ),
      "the record to be complete",
    )
    await kill(first)
    await waitFor(async () => (await squeue())[0]?.state === "RUNNING", "the job to run")
    book = new Ledger()
    const second = await open({ PATH: book.PATH }, { slurmJob: undefined, ...begin })
    writeFileSync(`${dir}/a`, "")
    work(second, "a")
    expect((await second.next("result")).value).toEqual({ name: "a", jobId: job!.id })
    expect(book.calls("sbatch")).toEqual([])
    await cleanly(second)
  })
})
