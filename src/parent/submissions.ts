/** Takes the submissions of a pool's runners to its backend. Owns the count of those that are under way; who goes with whom is for its kinds. */
import type { Job, RunnerSpec } from "../shared/backend.ts"

export abstract class Submissions {
  #underWay = 0

  /** Submissions that are not answered yet. */
  get underWay(): number {
    return this.#underWay
  }

  /** A runner has been made. It will submit, or `signal` is aborted. Called for those that are wanted together in one turn. */
  expect?(signal: AbortSignal): void

  /** @throws as `Backend.submit` */
  async submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    this.#underWay += 1
    try {
      return await this.take(spec, signal)
    } finally {
      this.#underWay -= 1
    }
  }

  protected abstract take(spec: RunnerSpec, signal: AbortSignal): Promise<Job>
}
