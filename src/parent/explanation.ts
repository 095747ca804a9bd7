/**
 * A lost supervisor is explained a moment later by the scheduler, or not at all. Owns that moment; knows neither the loss nor the
 * scheduler.
 */
import type { Backend, Job } from "../shared/backend.ts"
import { after, type LongTimer } from "../shared/timer.ts"

const EXPLANATION_MS = 2_000
/**
 * News of the end is certain to come: on loopback, where there is no network to lose; and of a job that is COMPLETING, which hides how it
 * ended until the site's epilog is over.
 */
const CERTAIN_MS = 5 * EXPLANATION_MS

export class Explanation {
  readonly #ms: number
  readonly #job: () => Job | undefined
  readonly #without: (reason: Error) => void
  #timer: LongTimer | undefined

  /**
   * @param job Says whether its end is under way.
   * @param without Called when nobody has explained the loss in time, with what is known of it.
   */
  constructor({ network }: Pick<Backend, "network">, job: () => Job | undefined, without: (reason: Error) => void) {
    this.#ms = network === "loopback" ? CERTAIN_MS : EXPLANATION_MS
    this.#job = job
    this.#without = without
  }

  /** Waits for one from now on. @param reason What is known. */
  await(reason: Error): void {
    this.stop()
    this.#timer = after(this.#ms, () => {
      const status = this.#job()?.status
      if (status?.state !== "running" || !status.ending) this.#without(reason)
      else this.#timer = after(CERTAIN_MS, () => this.#without(reason))
    })
  }

  /** There is one, or nobody needs it. */
  stop(): void {
    this.#timer?.stop()
  }
}
