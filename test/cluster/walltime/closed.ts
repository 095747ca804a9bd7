/** A job in a partition that is down. Slurm takes half a minute to say so, which is why it is tested beside others that wait. */
import { expect } from "vitest"
import { close, openPool } from "../parent.ts"

/** It is told at once what it waits for, and waits on. */
export async function partitionDown(): Promise<void> {
  const parent = await openPool({}, { sbatch: { partition: "closed" } })
  parent.send({ do: "spawn", as: "a" })
  for (;;) {
    const { info } = await parent.next("runner:pending")
    if (info.pending.reason !== "PartitionDown") continue
    expect(info.pending.outlook).toBe("blocked")
    break
  }
  await close(parent)
  expect((await parent.next("failed")).error).toMatchObject({ code: "ERR_FLAME_POOL_CLOSED" })
}
