/** The end of a runner's job, between a scheduler and a supervisor that are played. */
import { expect, it, vi } from "vitest"
import { NodeClocks } from "../../src/parent/node-clocks.ts"
import { RunnerEnd } from "../../src/parent/runner-end.ts"
import { TimeLeft } from "../../src/parent/time-left.ts"
import type { JobStatus } from "../../src/shared/backend.ts"

const MINUTE = 60_000

/** @param says What the scheduler says when it is asked. */
function end(says: JobStatus = { state: "unknown" }) {
  const told: (string | boolean)[] = []
  const time = new TimeLeft()
  const warn = vi.fn()
  const clocks = new NodeClocks({ debug() {}, info() {}, warn, error() {} })
  const link = {
    deadline: (leftMs: number) => void told.push(`${Math.round(leftMs / MINUTE)} min`),
    answer: (runs: boolean) => void told.push(runs),
  }
  return { one: new RunnerEnd(time, { ask: async () => says }, link, { clocks }), told, time, warn }
}

const running = (minutes: number) => ({ state: "running", endsAt: Date.now() + minutes * MINUTE }) as const

it("tells what is left, and not when that will be: the clock of the node may show anything", () => {
  const { one, told, time } = end()
  one.tell() // nothing is known
  one.heard({ ...running(10), limitMs: 20 * MINUTE })
  one.tell() // the connection was cut, and is back
  expect([told, time.limitMs]).toEqual([["10 min", "10 min"], 20 * MINUTE])
})

it("does not take the moment at which a job was ended for its walltime", () => {
  const { one, told } = end()
  one.heard({ ...running(0), ending: true })
  one.heard({ state: "running" })
  one.heard({ state: "pending" })
  expect(told).toEqual([])
})

it.each([
  ["runs on", running(10), ["10 min", true]],
  ["has been given more time", running(90), ["90 min", true]],
  ["is to give way to another: its end has come nearer", running(1), [false, "1 min"]],
  ["is being ended", { ...running(10), ending: true }, [false]],
  ["has ended", { state: "ended", outcome: "cancelled", evidence: {} }, [false]],
  ["cannot be seen", { state: "unknown" }, []],
  ["is not known to run yet", { state: "pending" }, []],
] as const)("says to a supervisor that was signalled what the scheduler does: the job %s", async (_, status, said) => {
  const { one, told } = end(status)
  one.heard(running(10))
  told.length = 0
  await one.ask(true)
  expect(told).toEqual(said)
})

it("tells only the end to one that wants to know whether it has moved", async () => {
  const { one, told } = end(running(30))
  one.heard(running(10))
  await one.ask(false)
  expect(told).toEqual(["10 min", "30 min"])
})

it("warns of a clock once for each node, if it is wrong by more than some seconds", () => {
  const { one, warn } = end()
  one.clock("n1", 4_000)
  expect([one.skewMs, warn.mock.calls]).toEqual([4_000, []])
  one.clock("n1", -125_000)
  one.clock("n1", -125_000)
  one.clock("n2", 7_000)
  expect(warn.mock.calls.map(([fields, text]) => [fields.node, /is (.*?):/.exec(text)?.[1]])).toEqual([
    ["n1", "2m5s behind"],
    ["n2", "7s ahead"],
  ])
})
