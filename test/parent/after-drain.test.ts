import { describe, expect, it } from "vitest"
import { openAfterDrain } from "../../src/parent/lost-error.ts"
import { ConnectionError, RunnerDrainingError, RunnerLostError } from "../../src/shared/errors.ts"
import { CloseCode } from "../../src/transport/protocol.ts"

const runner = { id: "r-1", goneReason: "walltime", evidence: { jobId: "7", node: "n1" } } as const
const fabric = { network: "fabric" } as const

describe("a call that is open when the worker of a draining runner has left", () => {
  it("never ran, where the worker said goodbye: it had answered all it began", () => {
    const error = openAfterDrain(
      new ConnectionError("the peer closed the connection: bye", {}, CloseCode.bye),
      runner,
      fabric,
    )
    expect(error).toBeInstanceOf(RunnerDrainingError)
    expect(error).toMatchObject({ runnerId: "r-1" }) // which is how the call knows that it was not started
  })

  it.each([
    ["its connection was cut", new ConnectionError("the connection was cut", {}, 1006)],
    ["it ended without a word", new ConnectionError("the worker has ended")],
  ])("may have run, where %s", (_how, left) => {
    const error = openAfterDrain(left, runner, fabric)
    expect(error).toBeInstanceOf(RunnerLostError)
    expect(error).toMatchObject({ reason: "walltime", started: true })
  })

  it.each([
    ["cancelled", "fabric", undefined], // or preempted, or its walltime was shortened: Slurm knows in a moment
    ["cancelled", "loopback", "cancelled"],
    ["walltime", "fabric", "walltime"],
    ["close", "fabric", "close"],
  ] as const)("told to end (%s) on %s: is lost for the reason %s", (goneReason, network, reason) => {
    const left = new ConnectionError("the worker has ended")
    const error = openAfterDrain(left, { ...runner, goneReason }, { network })
    expect(error === undefined ? undefined : (error as RunnerLostError).reason).toBe(reason)
  })
})
