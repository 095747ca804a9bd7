/**
 * What is open on a worker: calls that run, and objects of answered calls that are held from the parent. Owns the counts and what
 * a drain waits for; knows neither the line nor the process.
 */

import type { Held } from "../../transport/held.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"

/** Kept of a drain's time, a fifth of it at most, to dispose of what lives on without the parent. */
const RESERVE_MS = 1_500

export class OpenWork {
  readonly #tellUnlinked: (open: boolean) => void
  /** Calls that run, or whose streams do. */
  #running = 0
  /** Calls that are open for the objects they returned. */
  readonly #held = new Map<RpcRequest, readonly Held[]>()
  #unlinked = 0
  #changed: (() => void) | undefined

  /** @param tellUnlinked Hears when the first unlinked call begins, and when the last one is over. */
  constructor(tellUnlinked: (open: boolean) => void) {
    this.#tellUnlinked = tellUnlinked
  }

  /** Something runs, or is held. */
  get open(): boolean {
    return this.#running > 0 || this.#held.size > 0
  }

  begin(request: RpcRequest): void {
    this.#running += 1
    if (request.marks.unlinked && ++this.#unlinked === 1) this.#tellUnlinked(true)
  }

  /** Nothing of the call runs any more, but its result holds these. */
  holds(request: RpcRequest, objects: readonly Held[]): void {
    this.#held.set(request, objects)
    this.#running -= 1
    this.#changed?.()
  }

  end(request: RpcRequest): void {
    if (!this.#held.delete(request)) this.#running -= 1
    if (request.marks.unlinked && --this.#unlinked === 0) this.#tellUnlinked(false)
    this.#changed?.()
  }

  /**
   * Resolves when no call runs any more and every object that was held has been disposed of.
   * @param orphaned The parent is gone: objects that do not belong to it are let live for as long as `graceMs` allows.
   */
  async drained(orphaned: boolean, graceMs: number): Promise<void> {
    await this.#until(() => this.#running === 0)
    if (orphaned) {
      const reserve = Math.min(RESERVE_MS, graceMs / 5)
      let late = false
      const timer = setTimeout(() => {
        late = true
        this.#changed?.()
      }, graceMs - reserve)
      await this.#until(() => late || this.#unlinked === 0)
      clearTimeout(timer)
    }
    await Promise.all([...this.#held.values()].flat().map(object => object.letGo()))
    await this.#until(() => this.#held.size === 0)
  }

  async #until(condition: () => boolean): Promise<void> {
    if (condition()) return
    await new Promise<void>(resolve => {
      this.#changed = () => {
        if (condition()) resolve()
      }
    })
    this.#changed = undefined
  }
}
