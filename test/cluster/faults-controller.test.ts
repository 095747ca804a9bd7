/** slurmctld goes away for a while: who has a runner does not notice, who wants one has it when the controller is back. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, expect, test } from "vitest"
import { cluster, endPrograms, noJobsLeft, onCluster, runAs } from "./harness.ts"
import { closeCleanly, openPool, runners } from "./parent.ts"
import { Traffic } from "./traffic.ts"

/** How long the controller is away, from the moment in which a runner is asked for. Milliseconds. */
const AWAY = Number(process.env.SLURM_FLAME_TEST_CTLD_AWAY ?? 12_000)

onCluster("slurmctld is down for a while and back", () => {
  afterEach(async () => {
    await cluster("heal", "ctld")
    await endPrograms()
    await runAs("flame", ["scancel", "--user=flame"])
    await noJobsLeft()
  })

  test("calls in flight and new ones notice nothing, and a runner asked for meanwhile comes", async () => {
    const parent = await openPool({ min: 2, max: 4, maxConcurrency: 3 })
    const up = [await parent.next("runner:up"), await parent.next("runner:up")].map(({ info }) => info.id as string)
    const traffic = new Traffic(parent)
    const held = [await traffic.hold(), await traffic.hold()]
    await traffic.start(3)
    await cluster("fail", "ctld")
    parent.send({ do: "spawn", as: "b" })
    const asked = performance.now()
    await traffic.passes(40)
    traffic.go(held[0]!.id)
    expect(await parent.next("result")).toMatchObject({ id: held[0]!.id })
    await delay(AWAY - (performance.now() - asked)) // the fault itself
    await traffic.passes(40)
    expect(
      (await runners(parent))
        .filter(({ state }) => state === "ready")
        .map(({ id }) => id)
        .sort(),
    ).toEqual(up.sort())
    await cluster("heal", "ctld")
    const healed = performance.now()
    const { info } = await parent.next("spawned")
    console.log("spawned ms after heal", performance.now() - healed, JSON.stringify(info))
    await traffic.passes(40)
    traffic.go(held[1]!.id)
    expect(await parent.next("result")).toMatchObject({ id: held[1]!.id })
    const { failed, done } = await traffic.settle()
    expect(failed).toEqual([])
    console.log("slowest", Math.max(...done.map(({ ms }) => ms)), "of", done.length)
    expect((await runners(parent)).map(({ id }) => id)).toEqual([...up, info.id])
    await closeCleanly(parent)
    traffic.remove()
  })
})
