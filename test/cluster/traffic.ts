/**
 * Calls in flight while something breaks, and the proof that none was lost and none ran twice. Owns the numbers of the calls that wait and the
 * comparison of what the parent heard with what the nodes wrote down; knows no fault.
 */
import { expect } from "vitest"
import { Book } from "./book.ts"
import type { NodeName, Program } from "./harness.ts"

/** A call of the stream that returned. */
interface Done {
  id: number
  jobId: string
  node: NodeName
  /** From the call to its answer, milliseconds. */
  ms: number
}

/** What came of the stream. */
export interface Outcome {
  sent: number
  done: Done[]
  failed: { id: number; error: { code: string; reason?: string; started?: boolean; message: string } }[]
}

/** Held calls have numbers of their own, far above those of the stream. */
let nextHeld = 1_000_000

export class Traffic {
  readonly #parent: Program
  readonly #book = new Book()
  readonly #held: number[] = []

  constructor(parent: Program) {
    this.#parent = parent
  }

  /** Starts a stream of calls of the pool, `width` at a time, each of which takes `ms`. */
  async start(width: number, options: { ms?: number; retries?: number } = {}): Promise<void> {
    this.#parent.send({ do: "traffic", width, ms: 50, book: this.#book.path, ...options })
    await this.#parent.next("traffic")
  }

  /** Starts a call that waits on its runner until `go`; resolves when it runs, with its number and its node. */
  async hold(options: { on?: string; retries?: number } = {}): Promise<{ id: number; node: NodeName }> {
    const id = this.post(options)
    const { value } = await this.#parent.next("report")
    return { id, node: value }
  }

  /** The same, without waiting until it runs: `report` tells that. */
  post({ on = null, retries = 0 }: { on?: string | null; retries?: number } = {}): number {
    const id = nextHeld++
    this.#held.push(id)
    this.#parent.send({ do: "call", id, on, retries, method: "wait", args: [this.#book.path, id, "$barrier"] })
    return id
  }

  /** Lets a held call end; `result` or `failed` follows. */
  go(id: number): void {
    this.#parent.send({ do: "go", id })
  }

  /** Resolves when `more` calls of the stream that are made from now on have returned, on that node if one is named. */
  async passes(more: number, node?: NodeName): Promise<void> {
    this.#parent.send({ do: "passed", more, node })
    await this.#parent.next("passed")
  }

  /**
   * Ends the stream and compares. Every call was answered once; what was answered with a result ran once and to its end; what failed
   * was told so, and ran once at most.
   * @param rerun calls that were declared retryable and may have been begun on a runner that was lost
   */
  async settle(options: { streams?: boolean; rerun?: readonly number[] } = {}): Promise<Outcome> {
    const { streams = true, rerun = [] } = options
    let outcome: Outcome = { sent: 0, done: [], failed: [] }
    if (streams) {
      this.#parent.send({ do: "quiet" })
      outcome = (await this.#parent.next("quiet")) as unknown as Outcome
    }
    const book = this.#book.read()
    expect(outcome.done.length + outcome.failed.length).toBe(outcome.sent)
    const twice = [...book].filter(([id, { begun }]) => begun.length > 1 && !rerun.includes(id))
    expect(twice).toEqual([])
    for (const { id, jobId } of outcome.done) {
      if (!rerun.includes(id)) expect(book.get(id)).toEqual({ begun: [jobId], ended: [jobId] })
      else expect(book.get(id)!.ended.at(-1)).toBe(jobId)
    }
    // Nobody ran what nobody asked for.
    const known = new Set([...this.#held, ...outcome.done.map(({ id }) => id), ...outcome.failed.map(({ id }) => id)])
    expect([...book.keys()].filter(id => !known.has(id))).toEqual([])
    return outcome
  }

  /** What was written down of a held call. */
  ran(id: number): { begun: string[]; ended: string[] } | undefined {
    return this.#book.read().get(id)
  }

  remove(): void {
    this.#book.remove()
  }
}
