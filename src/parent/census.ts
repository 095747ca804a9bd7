/** How many runners are in which state. Counts as runners move, so that nobody has to count them. */
import type { RunnerState } from "./runner-state.ts"

/** Whether a runner in this state serves or will. */
export function isAlive(state: RunnerState): boolean {
  return state !== "draining" && state !== "gone"
}

export class Census {
  readonly #in: Record<RunnerState, number> = {
    submitting: 0,
    submitted: 0,
    pending: 0,
    booting: 0,
    ready: 0,
    draining: 0,
    gone: 0,
  }

  /** A new runner. */
  add(state: RunnerState): void {
    this.#in[state] += 1
  }

  moved(from: RunnerState, to: RunnerState): void {
    this.#in[from] -= 1
    this.#in[to] += 1
  }

  get ready(): number {
    return this.#in.ready
  }

  /** On their way to serve. */
  get booting(): number {
    const { submitting, submitted, pending, booting } = this.#in
    return submitting + submitted + pending + booting
  }

  /** Serving or on their way. */
  get alive(): number {
    return this.booting + this.ready
  }

  /** Those that exist, be they ending. */
  get all(): number {
    return this.alive + this.#in.draining
  }
}
