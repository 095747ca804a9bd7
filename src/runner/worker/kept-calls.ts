/**
 * Calls that have an id: each is run once, whoever asks for it and however often, and what came of it is kept for the next who asks. Owns what
 * runs under which id, and the results with their bounds; knows neither the line nor the module.
 */
import { StateError } from "../../shared/errors.ts"
import { onAbort } from "../../shared/on-abort.ts"
import { type CallIds, KEPT_RESULTS } from "../../transport/protocol.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"
import { Snapshot } from "../../transport/snapshot.ts"

/** What results may take together; one that is larger is kept as long as it is the newest. */
const MAX_BYTES = 64 * 1024 * 1024

interface Running {
  readonly path: string
  readonly request: RpcRequest
  readonly outcome: Promise<unknown>
}

/** `untold`: it ended when there was no parent to be told. */
type Over = { readonly path: string; readonly untold: boolean } & (
  | { readonly result: Snapshot }
  | { readonly error: unknown }
)

export class KeptCalls {
  readonly #told: () => boolean
  readonly #running = new Map<string, Running>()
  /** In the order in which they ended. */
  readonly #over = new Map<string, Over>()
  #bytes = 0

  /** @param told Whether there is a line to the parent now, which hears what becomes of a call. */
  constructor(told: () => boolean) {
    this.#told = told
  }

  /** For the parent that takes this worker over. */
  get ids(): CallIds {
    return { running: [...this.#running.keys()], over: [...this.#over.keys()] }
  }

  /** A call of that id runs, or has run and what came of it is here. */
  has(id: string): boolean {
    return this.#running.has(id) || this.#over.has(id)
  }

  /**
   * The outcome of the call `id`: of the one that runs, of the one that is over, or of `begin`. A failure is told once: who asks after
   * that asks for another try.
   * @param request Who asks. That it is aborted aborts the call.
   * @throws StateError when the id is that of a call to another function
   */
  async run(id: string, path: string, request: RpcRequest, begin: () => unknown): Promise<unknown> {
    const known = this.#running.get(id) ?? this.#over.get(id)
    if (known && known.path !== path) {
      throw new StateError(`the call id ${JSON.stringify(id)} is that of a call to ${known.path}(), not ${path}()`, {
        hint: "an id stands for one call with its arguments: choose another one",
      })
    }
    if (known && "outcome" in known) {
      onAbort(request.signal, () => known.request.abort(request.signal.reason))
      return await known.outcome
    }
    if (known && "result" in known) return known.result.value()
    if (known) {
      this.#forget(id)
      if (known.untold) throw known.error
    }
    const outcome = this.#begin(id, path, request, begin)
    this.#running.set(id, { path, request, outcome })
    return await outcome
  }

  /** Resolves when no call of that id runs. */
  async follow(id: string): Promise<void> {
    await this.#running.get(id)?.outcome.catch(() => {}) // whoever asks for it is told
  }

  /** The parent that this worker has is the one that it had: what it could not be told then, it was told now. */
  told(): void {
    for (const [id, over] of this.#over) {
      if ("error" in over) this.#forget(id)
      else if (over.untold) this.#over.set(id, { ...over, untold: false })
    }
  }

  /** Nobody will ask any more. */
  abort(reason: unknown): void {
    for (const { request } of this.#running.values()) request.abort(reason)
  }

  async #begin(id: string, path: string, request: RpcRequest, begin: () => unknown): Promise<unknown> {
    await undefined // it is among those that run before it can be over
    try {
      const value = await begin()
      const result = new Snapshot(value)
      this.#keep(id, { path, untold: !this.#told(), result })
      return value
    } catch (error) {
      // A failure that its caller hears of is over with that. One whose caller gave up is no outcome of the call.
      if (!this.#told() && !request.signal.aborted) this.#keep(id, { path, untold: true, error })
      throw error
    } finally {
      this.#running.delete(id)
    }
  }

  #keep(id: string, over: Over): void {
    this.#over.set(id, over)
    this.#bytes += bytesOf(over)
    for (const [oldest, { untold }] of this.#over) {
      if (this.#over.size <= KEPT_RESULTS && this.#bytes <= MAX_BYTES) return
      if (!untold && oldest !== id) this.#forget(oldest)
    }
  }

  #forget(id: string): void {
    const over = this.#over.get(id)
    if (!over) return
    this.#over.delete(id)
    this.#bytes -= bytesOf(over)
  }
}

function bytesOf(over: Over): number {
  return "result" in over ? over.result.bytes : 0
}
