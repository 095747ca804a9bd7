/** Waits until a pool has nothing to do, but not for ever. Owns the time; whether there is something to do is the pool's to say. */
import { after, type LongTimer } from "../shared/timer.ts"

export class Quiet {
  #come: (() => void) | undefined
  #timer: LongTimer | undefined

  /** Resolves when it is quiet, or after `ms`. @param look Says `come` at once if it is. */
  async within(ms: number, look: () => void): Promise<void> {
    await new Promise<void>(resolve => {
      this.#come = resolve
      this.limit(ms)
      look()
    })
    this.#come = undefined
    this.#timer?.stop()
  }

  /** Who waits does so for `ms` from now on. */
  limit(ms: number): void {
    this.#timer?.stop()
    this.#timer = after(ms, () => this.#come?.())
  }

  /** It is quiet. */
  come(): void {
    this.#come?.()
  }
}
