/** What a call has registered for the drain of its runner. Owns the handlers and their failures; what is done with a state is not its business. */

type Handler = () => unknown

export class DrainHandlers {
  readonly #keep: (state: unknown) => Promise<void>
  readonly #handlers = new Set<{ readonly run: Handler }>()
  /** Those that have not given their state yet. */
  readonly #open = new Map<object, Promise<void>>()
  #draining = false

  /** @param keep Takes the state that a handler gave. What it rejects with has been told. */
  constructor(keep: (state: unknown) => Promise<void>) {
    this.#keep = keep
  }

  /** @returns what takes it back */
  add(handler: Handler): () => void {
    const entry = { run: handler }
    this.#handlers.add(entry)
    if (this.#draining) this.#ask(entry) // it came too late for the beginning
    return () => this.#handlers.delete(entry)
  }

  /** The drain begins, or its time is nearly over: asks each for its state. What can be had at once is on its way when this returns. */
  run(): void {
    this.#draining = true
    for (const entry of this.#handlers) this.#ask(entry)
  }

  /** Resolves when each has given its state, or failed. */
  async given(): Promise<void> {
    await Promise.all(this.#open.values())
  }

  #ask(entry: { readonly run: Handler }): void {
    if (this.#open.has(entry)) {
      console.error("slurm-flame: an onDrain handler has not given its state yet; the checkpoint before it counts")
      return
    }
    const failed = (error: unknown) => {
      console.error("slurm-flame: an onDrain handler failed; the checkpoint before it counts:", error)
    }
    const keep = (state: unknown) => {
      if (state !== undefined) this.#keep(state).catch(() => {}) // which has been told
    }
    try {
      const given = entry.run()
      if (!isThenable(given)) return keep(given)
      const open = Promise.resolve(given).then(keep, failed)
      this.#open.set(
        entry,
        open.finally(() => this.#open.delete(entry)),
      )
    } catch (error) {
      failed(error)
    }
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
}
