/** Lines that run when a runner has ended: however it ends, they run, with its exit code, before its job is over. */
import { readFileSync, rmSync } from "node:fs"
import { afterEach, beforeEach, expect, test } from "vitest"
import { endEverything, inNode, onCluster, type Program, runAs, waitFor } from "./harness.ts"
import { call, closeCleanly, openPool, type Where } from "./parent.ts"

const BOOK = "/home/flame/epilogue"
const EPILOGUE = `echo "job $SLURM_JOB_ID on $SLURMD_NODENAME: $?" >>${BOOK}`

function book(): string[] {
  try {
    return readFileSync(BOOK, "utf8").split("\n").filter(Boolean)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []
    throw error
  }
}

/** Opens a pool and boots its one runner. */
async function boot(): Promise<{ parent: Program; where: Where }> {
  const parent = await openPool({ max: 1 }, { epilogue: EPILOGUE })
  return { parent, where: await call<Where>(parent, "where") }
}
const written = ({ jobId, node }: Where, code: number) => `job ${jobId} on ${node}: ${code}`

onCluster("an epilogue runs", () => {
  beforeEach(() => rmSync(BOOK, { force: true }))
  afterEach(endEverything)

  test("when the pool closes, before close() is over", async () => {
    const { parent, where } = await boot()
    parent.send({ do: "close" })
    await parent.next("closed-pool")
    expect(book()).toEqual([written(where, 0)])
    await closeCleanly(parent)
  })

  test.each([
    ["after a drain by `scancel --batch --signal=TERM`", ["--batch", "--signal=TERM"]],
    ["after a plain scancel, in what is left of KillWait", []],
  ])("%s", async (_, how) => {
    const { parent, where } = await boot()
    await runAs("flame", ["scancel", ...how, where.jobId])
    expect(await parent.next("runner:drain")).toMatchObject({ info: { jobId: where.jobId, drainReason: "cancelled" } })
    await parent.next("runner:down")
    await waitFor(() => book().length > 0, "the epilogue")
    expect(book()).toEqual([written(where, 0)])
    await closeCleanly(parent)
  })

  test("after the supervisor was SIGKILLed", async () => {
    const { parent, where } = await boot()
    await inNode(where.node, ["kill", "-KILL", String(where.ppid)])
    await parent.next("runner:down")
    await waitFor(() => book().length > 0, "the epilogue")
    expect(book()).toEqual([written(where, 137)])
    await closeCleanly(parent)
  })
})
