/** What the model knows of each piece of work: where it is, what may still become of it. Owns that and the rules between two of them. */
import type { Lease } from "../../src/parent/lease.ts"
import type { SimulatedRunner } from "../simulated/runner.ts"

/** `back`: about to wait again, in this turn. */
export type Phase = "waiting" | "running" | "back" | "over"

export class Work {
  phase: Phase = "waiting"
  /** It waits in this order. */
  arrival = 0
  /** The turn in which that was found; `rough`: not exactly, among those of this turn. */
  turn = 0
  rough = false
  /** How often it was begun on a runner, and came back from one that had not begun it, or failed and was to be run again. */
  begun = 0
  refused = 0
  retried = 0
  /** Where it is or was last. */
  runner: SimulatedRunner | undefined
  /** The attempt that counts, of a held one. */
  attempt = 0
  sent = 0
  aborted = false
  /** Aborts it. It may have fired although the model's own listener has not been called yet: the pool's may come first. */
  signal: AbortSignal | undefined
  /** How much time its runner has to have left. */
  needs = 0
  /** The clock when its time is over. */
  until = Number.POSITIVE_INFINITY
  /** What it came to. */
  outcome: { value?: unknown; error?: unknown } | undefined
  /** What it has to come to. */
  expected: { value?: unknown; error?: unknown } | undefined
  /** It was on a runner that was lost. */
  lost = false

  constructor(
    readonly id: number,
    readonly kind: "api" | "held" | "place" | "lease",
    readonly key: string | undefined,
    readonly retries: { times: number; on: readonly string[] } | undefined,
    readonly controller: AbortController | undefined,
    readonly lease: Lease<unknown> | undefined = undefined,
  ) {}

  /** It may be run again after this failure. */
  mayRetry(error: unknown): boolean {
    return this.retriesOn(error) && this.retried < this.retries!.times
  }

  /** This is a failure that it was declared to be run again for. */
  retriesOn(error: unknown): boolean {
    const { code, name } = error as { code?: string; name?: string }
    return this.retries?.on.some(known => known === code || known === name) ?? false
  }

  /** Both wait for the same, and this one came before. */
  isBefore(other: Work): boolean {
    if (this.key !== other.key || this.lease !== other.lease || this.arrival >= other.arrival) return false
    return this.turn !== other.turn || !(this.rough || other.rough)
  }

  toString(): string {
    const { id, kind, phase, key, begun, refused, retried, arrival } = this
    return `${kind} ${id}${key ? ` of ${key}` : ""} (${phase}, arrival ${arrival}, begun ${begun}, refused ${refused}, retried ${retried})`
  }
}
