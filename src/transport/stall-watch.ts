/**
 * Notices a line whose packets get no further although its connection looks well: a switch or a firewall that forgot it drops
 * everything and closes nothing, and TCP itself would go on for a quarter of an hour. Owns the looks; what to do is its owner's
 * business: a peer that is merely busy looks the same from here.
 */
import { eachBeat } from "../shared/beat.ts"
import type { Line } from "./line.ts"

const LOOKS = 3

export class StallWatch {
  readonly #line: Line
  readonly #stalled: () => void
  readonly #stop: () => void
  #acknowledged = -1
  #vain = 0

  /** @param stalled Called when nothing was acknowledged in three intervals that should have been, and again after three more. */
  constructor(line: Line, intervalMs: number, stalled: () => void) {
    this.#line = line
    this.#stalled = stalled
    this.#stop = eachBeat(intervalMs, () => this.#look())
  }

  stop(): void {
    this.#stop()
  }

  #look(): void {
    const { acknowledged, up, settled } = this.#line
    this.#vain = !up || settled || acknowledged !== this.#acknowledged ? 0 : this.#vain + 1
    this.#acknowledged = acknowledged
    if (up && !settled) this.#line.ask() // a peer with little to acknowledge waits until there is more
    if (this.#vain < LOOKS) return
    this.#vain = 0
    this.#stalled()
  }
}
