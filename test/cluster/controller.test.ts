/** slurmctld goes and comes back: what is asked of it meanwhile, what goes on without it, and that nothing is lost or left. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, beforeEach, expect, test } from "vitest"
import { cluster, endEverything, onCluster, type Program, type ProgramEvent, squeue, waitFor } from "./harness.ts"
import { Ledger } from "./ledger.ts"
import { close, closeCleanly, nothingLeft, openPool, spawn, start } from "./parent.ts"

const OUTAGE_MS = 60_000
const PROGRAMS = ["sbatch", "squeue", "scancel", "scontrol"] as const

interface Parent {
  program: Program
  ledger: Ledger
}

let ledgers: Ledger[] = []

/** A parent with a runner that serves. Where jobs take a whole node of 8 CPUs, a second one has to wait. */
async function parentOn(node: string, cpusPerTask = 8): Promise<Parent> {
  const ledger = new Ledger()
  ledgers.push(ledger)
  const slurm = { sbatch: { nodelist: node, cpusPerTask } }
  const program = await openPool({ min: 1, max: 2, maxConcurrency: 2 }, slurm, { PATH: ledger.PATH })
  await program.next("runner:up")
  return { program, ledger }
}

/** A second runner, whose job waits. */
async function withPending(parent: Parent): Promise<string> {
  await spawn(parent.program, "a")
  parent.program.send({ do: "spawn", as: "b" })
  return await waitFor(async () => {
    parent.program.send({ do: "stats" })
    const { stats } = await parent.program.next("stats")
    return (stats.runners as { state: string; jobId: string }[]).find(({ state }) => state === "pending")?.jobId
  }, "a pending job")
}

const counts = ({ ledger }: Parent) => PROGRAMS.map(name => ledger.calls(name).length)
const scheduler = async ({ program }: Parent): Promise<ProgramEvent["info"]> => (await program.next("scheduler")).info

onCluster("slurmctld is down for a minute", () => {
  beforeEach(() => {
    ledgers = []
  })
  afterEach(async () => {
    await cluster("heal", "ctld")
    await endEverything()
    for (const ledger of ledgers) ledger.remove()
  })

  test("calls go on, a new runner boots when it is back, and who closes meanwhile leaves nothing", async () => {
    const [keeper, closer, leaver] = await Promise.all([parentOn("n1", 2), parentOn("n2"), parentOn("n3")])
    const [kept, left] = [await withPending(closer), await withPending(leaver)]
    const inFlight = [start(keeper.program, "meet", ["$barrier"]), start(keeper.program, "meet", ["$barrier"])]
    await Promise.all(inFlight.map(() => keeper.program.next("report")))
    const newcomer = await openPool({ max: 1 }, { sbatch: { nodelist: "n1" } })

    expect((await cluster("fail", "ctld")).code).toBe(0)
    const before = counts(keeper)
    const healAt = performance.now() + OUTAGE_MS
    keeper.program.send({ do: "spawn", as: "second" }) // the runner that serves is not idle
    expect(await scheduler(keeper)).toMatchObject({ state: "silent", message: expect.stringContaining("slurmctld") })
    const asked = start(newcomer, "where") // there is no runner at all
    for (const { program } of [closer, leaver]) program.send({ do: "close" })

    // Neither waits for slurmctld: a runner ends by itself, and of a job that may be left its id is told.
    await Promise.all([closer.program.next("closed-pool"), leaver.program.next("closed-pool")])
    leaver.program.hangUp()
    const end = await leaver.program.result
    expect(end).toMatchObject({ code: 0, signal: null })
    expect(end.stderr).toMatch(new RegExp(`may still be there.*\\b${left}\\b`))

    // The runner that serves notices nothing.
    keeper.program.send({ do: "go", id: inFlight[0] })
    expect(await keeper.program.next("result")).toMatchObject({ id: inFlight[0], value: "n1" })
    await delay(Math.max(0, healAt - performance.now()))
    const sent = counts(keeper).map((count, i) => count - before[i]!)
    expect(sent.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(14)
    expect(closer.ledger.calls("scancel").length).toBeLessThanOrEqual(2) // tried when nobody knew yet
    if (process.env.SLURM_FLAME_FIGURES) console.log("commands of the keeper in that minute", PROGRAMS.join(" "), sent)

    expect((await cluster("heal", "ctld")).code).toBe(0)
    expect(await scheduler(keeper)).toMatchObject({ state: "answers" })
    expect((await keeper.program.next("spawned")).info).toMatchObject({ state: "ready", node: "n1" })
    keeper.program.send({ do: "go", id: inFlight[1] })
    expect(await keeper.program.next("result")).toMatchObject({ id: inFlight[1], value: "n1" })
    expect(await newcomer.next("result")).toMatchObject({ id: asked, value: { node: "n1" } })
    keeper.program.send({ do: "stats" })
    const { stats } = await keeper.program.next("stats")
    expect(stats.runners).toHaveLength(2)
    // What was to be cancelled is cancelled; what nobody could cancel ends when it starts, since its parent is gone.
    await waitFor(async () => closer.ledger.calls("scancel").some(words => words.includes(kept)), "the late cancel")
    await waitFor(async () => (await squeue()).every(({ id }) => id !== kept && id !== left), "those jobs to be gone")
    closer.program.hangUp()
    expect(await closer.program.result).toMatchObject({ code: 0, signal: null })
    await close(newcomer)
    await closeCleanly(keeper.program)
    await nothingLeft()
  })
})
