/**
 * How much time a new runner of the pool has for calls: what its backend says of its jobs, then what the last new ones had when they
 * served. Owns that, and the words for a call that needs more.
 */
import { formatMs } from "../shared/duration.ts"
import { WalltimeError } from "../shared/errors.ts"
import { MARGIN_MS } from "./has-time.ts"

/** So many are remembered. A limit may be shortened for one of them, and a boot may take long: the best of them is what can be had. */
const REMEMBERED = 4

export class Horizon {
  readonly #seen: number[] = []
  readonly #limitMs: number | undefined

  /** @param limitMs The time limit of each job, where the backend knows it. */
  constructor(limitMs: number | undefined) {
    this.#limitMs = limitMs
  }

  /** A new runner serves. @param leftMs Until its end; Infinity: it has none. */
  note(leftMs: number): void {
    this.#seen.push(leftMs)
    if (this.#seen.length > REMEMBERED) this.#seen.shift()
  }

  /** The most that can be hoped for, in ms; undefined: nothing is known. */
  get mostMs(): number | undefined {
    const best = this.#seen.length > 0 ? Math.max(...this.#seen) : this.#limitMs
    return best === undefined ? undefined : Math.max(0, best - MARGIN_MS)
  }

  /** What each new one will have, in ms: 0 before any was seen; Infinity where they have no end. */
  get leastMs(): number {
    return this.#seen.length === 0 ? 0 : Math.max(0, Math.min(...this.#seen) - MARGIN_MS)
  }

  /** Why a call that needs so much has no chance; undefined: it has one, or that is not known yet. */
  refusal(what: string, needsMs: number): WalltimeError | undefined {
    const most = this.mostMs
    if (most === undefined || needsMs <= most) return undefined
    const has =
      this.#seen.length > 0
        ? `the best of the last new ones had ${formatMs(most)} for calls when it served`
        : `the time limit of its jobs is ${formatMs(this.#limitMs!)}, which leaves ${formatMs(most)} for calls`
    return new WalltimeError(
      `${what} needs ${formatMs(needsMs)}, and no runner of this pool can have that: ${has} (${formatMs(MARGIN_MS)} are kept at the end). ` +
        `It is ${formatMs(needsMs - most)} too long`,
      needsMs,
      most,
      {
        hint: "give the jobs more time (`#SBATCH --time`, or `walltime` of local()), split the work into shorter calls, or let it go on from checkpoints (`resumable`, without `needs`)",
      },
    )
  }
}
