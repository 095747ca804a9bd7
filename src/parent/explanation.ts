/**
 * A lost supervisor is explained a moment later by the scheduler, or not at all. Owns that moment; knows neither the loss nor the
 * scheduler.
 */
import { after, type LongTimer } from "../shared/timer.ts"

const EXPLANATION_MS = 2_000
/** On loopback there is no network to lose: the process has ended, and news of its exit is certain to come. */
const CERTAIN_MS = 5 * EXPLANATION_MS

export class Explanation {
  readonly #ms: number
  readonly #without: (reason: Error) => void
  #timer: LongTimer | undefined

  /** @param without Called when nobody has explained the loss in time, with what is known of it. */
  constructor(network: "loopback" | "fabric", without: (reason: Error) => void) {
    this.#ms = network === "loopback" ? CERTAIN_MS : EXPLANATION_MS
    this.#without = without
  }

  /** Waits for one from now on. @param reason What is known. */
  await(reason: Error): void {
    this.stop()
    this.#timer = after(this.#ms, () => this.#without(reason))
  }

  /** There is one, or nobody needs it. */
  stop(): void {
    this.#timer?.stop()
  }
}
