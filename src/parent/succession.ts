/**
 * Who follows whom: a runner whose end is near and the one that takes its place. Owns the pairs, and which of them stand for one runner.
 * Boots and ends nobody.
 */
import { isAlive } from "./census.ts"
import type { RunnerState } from "./runner-state.ts"

/** As much of a runner as counts here. */
export interface Heir {
  readonly state: RunnerState
  readonly retiring: string | undefined
  /** Slots in use. */
  readonly running: number
}

/** How many runners are not to be counted, since another one stands for them. */
export interface Doubles {
  /** Of all that exist: those that end in favour of another one. */
  readonly all: number
  /** Of these, those that are not draining yet. */
  readonly alive: number
  /** Successors of those that take work. */
  readonly serving: number
  /** Of these, those that do not serve yet. */
  readonly booting: number
}

export class Succession<R extends Heir> {
  /** Of each that was given a successor and is not gone: that one, as long as it is not gone either. */
  readonly #successors = new Map<R, R | undefined>()
  readonly #predecessors = new Map<R, R>()

  /** `successor` is on its way to take the place of `runner`. */
  add(runner: R, successor: R): void {
    this.#successors.set(runner, successor)
    this.#predecessors.set(successor, runner)
  }

  /** Undefined as well when it is gone. */
  successorOf(runner: R): R | undefined {
    return this.#successors.get(runner)
  }

  /** Whose place it is to take, or has taken, as long as that one is not gone. */
  predecessorOf(runner: R): R | undefined {
    return this.#predecessors.get(runner)
  }

  /** The one whose place it is to take still takes work: the two are one. */
  isAhead(runner: R): boolean {
    const predecessor = this.#predecessors.get(runner)
    return predecessor !== undefined && stays(predecessor) && stays(runner)
  }

  /** The one whose place it has taken still works: what does not end in time comes here. */
  isAwaited(runner: R): boolean {
    const predecessor = this.#predecessors.get(runner)
    return predecessor !== undefined && predecessor.running > 0
  }

  /** The runner is gone. */
  delete(runner: R): void {
    const successor = this.#successors.get(runner)
    if (successor) this.#predecessors.delete(successor)
    this.#successors.delete(runner)
    const predecessor = this.#predecessors.get(runner)
    if (predecessor) this.#successors.set(predecessor, undefined)
    this.#predecessors.delete(runner)
  }

  get doubles(): Doubles {
    const doubles = { all: 0, alive: 0, serving: 0, booting: 0 }
    for (const [runner, successor] of this.#successors) {
      // One that was let go for its successor has made room for good: what becomes of that one must not keep the next waiting.
      if (stays(runner) && !(successor && isAlive(successor.state))) continue
      doubles.all += 1
      if (isAlive(runner.state)) doubles.alive += 1
      if (!successor || !this.isAhead(successor)) continue
      doubles.serving += 1
      if (successor.state !== "ready") doubles.booting += 1
    }
    return doubles
  }
}

function stays({ state, retiring }: Heir): boolean {
  return isAlive(state) && retiring === undefined
}
