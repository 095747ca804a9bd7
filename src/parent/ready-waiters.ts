/** Who waits for a pool's `min` runners to serve. Owns their promises; whether they serve is the pool's to say. */
export class ReadyWaiters {
  readonly #waiters = new Set<{ resolve: () => void; reject: (error: unknown) => void }>()

  get size(): number {
    return this.#waiters.size
  }

  /** Resolves when they serve. @param joined Called when this one waits, before anything else can happen. */
  async wait(joined: () => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiters.add({ resolve, reject })
      joined()
    })
  }

  /** They serve. */
  resolve(): void {
    for (const { resolve } of this.#waiters) resolve()
    this.#waiters.clear()
  }

  /** They will not. Returns how many were told. */
  reject(error: unknown): number {
    const { size } = this.#waiters
    for (const { reject } of this.#waiters) reject(error)
    this.#waiters.clear()
    return size
  }
}
