/** The life of a runner as the parent sees it: its states, and which may follow which. */
import { StateError } from "../shared/errors.ts"

/**
 * `submitting`: the backend is asked for a job. `submitted`: it has an id. `pending`: it waits for resources. `booting`: it
 * runs, its worker does not serve yet (also after a worker crashed and is started again). `ready`: it takes calls.
 * `draining`: it takes no more and finishes what runs. `gone`: over, for a reason.
 */
export type RunnerState = "submitting" | "submitted" | "pending" | "booting" | "ready" | "draining" | "gone"

const TRANSITIONS: Record<RunnerState, readonly RunnerState[]> = {
  submitting: ["submitted", "gone"],
  submitted: ["pending", "booting", "draining", "gone"],
  pending: ["booting", "draining", "gone"],
  // back to pending, from here on: Slurm put the job back into the queue
  booting: ["ready", "pending", "draining", "gone"],
  ready: ["booting", "pending", "draining", "gone"],
  draining: ["pending", "gone"],
  gone: [],
}

/** @throws StateError for a move that is not in the table: a bug in slurm-flame. */
export function transition(from: RunnerState, to: RunnerState, runnerId: string): RunnerState {
  if (!TRANSITIONS[from].includes(to)) throw new StateError(`runner ${runnerId} cannot go from ${from} to ${to}`)
  return to
}
