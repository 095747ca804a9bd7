import { describe, expect, it } from "vitest"
import { type RunnerState, transition } from "../../src/parent/runner-state.ts"
import { StateError } from "../../src/shared/errors.ts"

const STATES: RunnerState[] = ["submitting", "submitted", "pending", "booting", "ready", "draining", "gone"]

/** Rows: from; columns: to, in the order above. Written out once more, so that a slip in the table is seen. */
const ALLOWED: Record<RunnerState, string> = {
  submitting: ".x....x",
  submitted: "..xx.xx",
  pending: "...x.xx",
  booting: "..x.xxx",
  ready: "..xx.xx",
  draining: "..x...x",
  gone: ".......",
}

describe.each(STATES)("from %s", from => {
  it.each(STATES.map((to, i) => [to, ALLOWED[from][i] === "x"] as const))("to %s: %s", (to, allowed) => {
    const move = () => transition(from, to, "r-1")
    if (allowed) expect(move()).toBe(to)
    else {
      expect(move).toThrow(StateError)
      expect(move).toThrow(`runner r-1 cannot go from ${from} to ${to}`)
    }
  })
})
