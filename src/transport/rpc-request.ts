/**
 * One request that is being served: what its function may know of its caller. Owns the signal, which is made when somebody
 * asks for it: most functions never do, and it would be the dearest part of a small call.
 */
import type { Marks } from "./protocol.ts"

export class RpcRequest {
  /** How it differs from an ordinary one. */
  readonly marks: Marks
  #controller: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined
  /** Runs `fn` in the request's own async context, where its target has one: its abort listeners may ask whose they are. */
  inContext: (fn: () => void) => void = run

  constructor(marks: Marks = ORDINARY) {
    this.marks = marks
  }

  /** Aborted when the caller gives up, or is gone. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  /** The same as a word, without making the signal. */
  get aborted(): boolean {
    return this.#aborted !== undefined
  }

  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = { reason }
    const controller = this.#controller
    if (controller) this.inContext(() => controller.abort(reason))
  }
}

const ORDINARY: Marks = {}

function run(fn: () => void): void {
  fn()
}
