import { describe, expect, it } from "vitest"
import { meaningOf, STATES } from "../../src/slurm/job-state.ts"

/** Every word `man squeue` (22.05 to 25.11) lists under JOB STATE CODES, by hand: the table must not check itself. */
const EXPECTED = {
  pending:
    "PENDING PD CONFIGURING CF POWER_UP_NODE EXPEDITING REQUEUED RQ REQUEUE_FED RF REQUEUE_HOLD RH RESV_DEL_HOLD RD SPECIAL_EXIT SE",
  running: "RUNNING R COMPLETING CG RESIZING RS SIGNALING SI STAGE_OUT SO STOPPED ST SUSPENDED S",
  completed: "COMPLETED CD",
  cancelled: "CANCELLED CA",
  failed: "FAILED F",
  walltime: "TIMEOUT TO DEADLINE DL",
  preempted: "PREEMPTED PR",
  "out-of-memory": "OUT_OF_MEMORY OOM",
  "node-fail": "NODE_FAIL NF BOOT_FAIL BF",
  unknown: "REVOKED RV",
}

describe("meaningOf", () => {
  const words = Object.entries(EXPECTED).flatMap(([meaning, list]) =>
    list.split(" ").map(word => [word, meaning] as const),
  )

  it.each(words)("%s is %s", (word, expected) => {
    const meaning = meaningOf(word)
    expect(meaning.state === "ended" ? meaning.outcome : meaning.state).toBe(expected)
  })
  it("has no word the list lacks", () => {
    expect(STATES.flatMap(([long, compact]) => (compact === undefined ? [long] : [long, compact])).sort()).toEqual(
      words.map(([word]) => word).sort(),
    )
  })
  it.each(["CANCELLED by 1000", "CANCELLED+"])("takes the state from %j", text => {
    expect(meaningOf(text)).toEqual({ state: "ended", outcome: "cancelled" })
  })
  it.each(["", "FROBNICATING", "running", "123"])("says nothing of %j", text => {
    expect(meaningOf(text)).toEqual({ state: "unknown" })
  })
})
