/** What Slurm's own warning before the limit does to a runner, in jobs of one minute. Owns the cases; nodes are for who calls to choose. */
import { expect } from "vitest"
import { asUser, type ProgramEvent } from "../harness.ts"
import { all, close, HEAD, openPool, start, type Where } from "../parent.ts"

const ONE_MINUTE = HEAD.replace("00:10:00", "00:01:00")

/** Takes no new work, and finishes what it has. */
export async function finishes(sbatch: object): Promise<void> {
  const parent = await openPool(
    { max: 2, maxConcurrency: 2, handover: false },
    { slurmJob: ONE_MINUTE, signalBefore: "40s", sbatch },
  )
  const running = start(parent, "meet", ["$barrier"])
  await parent.next("report")
  const { info } = await parent.next("runner:drain")
  expect(info).toMatchObject({ drainReason: "walltime", inFlight: 1 })
  start(parent, "where")
  expect(((await parent.next("result")).value as Where).jobId).not.toBe(info.jobId)
  parent.send({ do: "go", id: running })
  expect(await parent.next("result")).toMatchObject({ id: running, value: info.node })
  await close(parent)
}

/** Reaches all runners that share a job. */
export async function reachesAll(sbatch: object): Promise<void> {
  const parent = asUser("pools.mjs")
  const slurm = { slurmJob: ONE_MINUTE, signalBefore: "40s", runnersPerJob: 3, sbatch: { ntasks: 3, ...sbatch } }
  parent.send({ do: "open", pools: { a: { options: { min: 3, max: 3, handover: false }, slurm } } })
  await parent.next("opened")
  const up = await all(parent, "runner:up", 3)
  const drained = await all(parent, "runner:drain", 3)
  expect(ids(drained)).toEqual(ids(up))
  for (const { info } of drained) expect(info.drainReason).toBe("walltime")
  // Each by itself: the first to end takes no other along.
  const down = await all(parent, "runner:down", 3)
  expect(ids(down)).toEqual(ids(up))
  for (const { info } of down) expect(info.goneReason).toBe("walltime")
  parent.send({ do: "close", pool: "a" })
  await parent.next("closed-pool")
  parent.hangUp()
  expect(await parent.result).toMatchObject({ code: 0, signal: null })
}

const ids = (events: ProgramEvent[]): string[] => events.map(({ info }) => info.id as string).sort()
