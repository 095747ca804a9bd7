/**
 * How many runners a fleet has, a runner whose walltime ends and its successor counted as one. Owns the counts and keeps them until
 * somebody moves, so that no call has to count.
 */
import { Census, isAlive } from "./census.ts"
import type { RunnerState } from "./runner-state.ts"
import { type Heir, Succession } from "./succession.ts"

/** The counts by which a fleet grows and shrinks. */
export interface Count {
  /** Runners that exist, be they ending. */
  readonly all: number
  /** Of these, those that serve or will. */
  readonly alive: number
  /** Of these, those that are to stay. */
  readonly serving: number
  /** On their way, but for those that are to take the place of one that still takes work. */
  readonly booting: number
}

export class Headcount<R extends Heir> {
  readonly census = new Census()
  readonly succession = new Succession<R>()
  /** Alive, and taking no more work. */
  #retiring = 0
  #now: Count | undefined

  /** A new runner. @param predecessor Whose place it is to take. */
  add(runner: R, predecessor?: R): void {
    this.census.add(runner.state)
    if (predecessor) this.succession.add(predecessor, runner)
    this.#now = undefined
  }

  /** @returns the successor of one that is gone */
  moved(runner: R, from: RunnerState): R | undefined {
    const successor = runner.state === "gone" ? this.succession.successorOf(runner) : undefined
    this.census.moved(from, runner.state)
    if (runner.retiring !== undefined) this.#retiring += Number(isAlive(runner.state)) - Number(isAlive(from))
    if (runner.state === "gone") this.succession.delete(runner) // at once: somebody may count before all have heard of it
    this.#now = undefined
    return successor
  }

  /** It has just been told to take no more work. */
  retires({ state }: R): void {
    if (isAlive(state)) this.#retiring += 1
    this.#now = undefined
  }

  /** One that exists is not to stay, nor to be there together with its successor. */
  get leaving(): boolean {
    return this.now.all > this.now.serving
  }

  get now(): Count {
    this.#now ??= this.#count()
    return this.#now
  }

  #count(): Count {
    const { all, alive, booting } = this.census
    const doubles = this.succession.doubles
    return {
      all: all - doubles.all,
      alive: alive - doubles.alive,
      serving: alive - this.#retiring - doubles.serving,
      booting: booting - doubles.booting,
    }
  }
}
