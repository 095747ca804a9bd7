/** slurmctld goes away for a while: who has a runner does not notice, who wants one has it when the controller is back. */
import { setTimeout as delay } from "node:timers/promises"
import { afterEach, expect, test } from "vitest"
import { cluster, endEverything, onCluster } from "./harness.ts"
import { closeCleanly, openPool, runners } from "./parent.ts"
import { Traffic } from "./traffic.ts"

/** For so long the controller is away after a runner was asked for: several submissions fail. Milliseconds. */
const AWAY = 10_000

onCluster("slurmctld is down for a while and back", () => {
  afterEach(async () => {
    await cluster("heal", "ctld")
    await endEverything()
  })

  test("calls in flight and new ones notice nothing, and a runner asked for meanwhile comes", async () => {
    const parent = await openPool({ min: 2, max: 4, maxConcurrency: 3 })
    const up = [await parent.next("runner:up"), await parent.next("runner:up")].map(({ info }) => info.id as string)
    const traffic = new Traffic(parent)
    const held: number[] = []
    for (const _ of [1, 2, 3, 4]) held.push((await traffic.hold()).id) // neither runner is idle before the end
    await traffic.start(2)
    await cluster("fail", "ctld")
    parent.send({ do: "spawn", as: "b" })
    const asked = performance.now()
    await traffic.passes(40)
    traffic.go(held[0]!)
    expect(await parent.next("result")).toMatchObject({ id: held[0] })
    await delay(AWAY - (performance.now() - asked)) // the fault itself
    await traffic.passes(40)
    expect(
      (await runners(parent))
        .filter(({ state }) => state === "ready")
        .map(({ id }) => id)
        .sort(),
    ).toEqual(up.sort())
    await cluster("heal", "ctld")
    const { info } = await parent.next("spawned")
    await traffic.passes(40)
    for (const id of held.slice(1)) {
      traffic.go(id)
      expect(await parent.next("result")).toMatchObject({ id })
    }
    const { failed } = await traffic.settle()
    expect(failed).toEqual([])
    expect((await runners(parent)).map(({ id }) => id).sort()).toEqual([...up, info.id].sort())
    await closeCleanly(parent)
    traffic.remove()
  })
})
