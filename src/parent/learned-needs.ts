/**
 * How long the calls of each method take, from those that succeeded. Owns the samples and what follows from them; knows no runner.
 */

/** Durations that are kept of each method: the last ones. */
const KEPT = 64
/** So many are needed before anything follows from them. */
const ENOUGH = 20
/** Methods that are kept: those whose first sample came last. */
const METHODS = 256
/** Where the next call takes longer than nearly all before it. */
const MARGIN = 1.25
/** What takes no longer ends within what is left at the end of any runner that still takes calls. */
const SHORT_MS = 1_000

/** The last durations of one method. */
class Durations {
  readonly #ring: number[] = []
  #at = 0
  #needsMs: number | undefined

  add(ms: number): void {
    this.#ring[this.#at] = ms
    this.#at = (this.#at + 1) % KEPT
    this.#needsMs = undefined
  }

  /** 95 of 100 took no longer: a single one that took for ever says nothing. */
  get needsMs(): number {
    if (this.#ring.length < ENOUGH) return 0
    if (this.#needsMs === undefined) {
      const sorted = this.#ring.toSorted((a, b) => a - b)
      this.#needsMs = coarse(sorted[Math.ceil(0.95 * sorted.length) - 1]! * MARGIN)
    }
    return this.#needsMs
  }
}

/** Up to the next sixteenth of a power of two: calls that need nearly the same wait as one group. */
function coarse(ms: number): number {
  if (ms <= SHORT_MS) return 0
  const step = 2 ** (Math.floor(Math.log2(ms)) - 4)
  return Math.ceil(ms / step) * step
}

/** One call on its way. */
export class Sample {
  readonly #durations: (ms: number) => void
  readonly #begun = performance.now()
  #succeeded = false

  /** @internal */
  constructor(durations: (ms: number) => void) {
    this.#durations = durations
  }

  /** It has given a result; what streams of it may still be under way. */
  succeeds(): void {
    this.#succeeded = true
  }

  /** It is over. One that did not succeed says nothing of how long it takes. */
  over(): void {
    if (this.#succeeded) this.#durations(performance.now() - this.#begun)
  }
}

export class LearnedNeeds {
  readonly #methods = new Map<string, Durations>()
  #on = false

  /** Something is learned. */
  get on(): boolean {
    return this.#on
  }

  /** From now on there is something to be learned for: runners have an end. */
  begin(): void {
    this.#on = true
  }

  /** A call is sent. Undefined while nothing is learned. */
  sample(method: string): Sample | undefined {
    return this.#on ? new Sample(ms => this.#note(method, ms)) : undefined
  }

  /** What a call of this method needs, in ms; 0: nothing that is known. */
  needsMs(method: string): number {
    return this.#on ? (this.#methods.get(method)?.needsMs ?? 0) : 0
  }

  #note(method: string, ms: number): void {
    let durations = this.#methods.get(method)
    if (!durations) {
      if (this.#methods.size === METHODS) this.#methods.delete(this.#methods.keys().next().value!)
      durations = new Durations()
      this.#methods.set(method, durations)
    }
    durations.add(ms)
  }
}
