/** Checkpoints in this process's memory: they end with it. Owns the snapshots; knows neither calls nor runners. */
import { Snapshot } from "../transport/snapshot.ts"
import type { Checkpoint, Checkpoints } from "./checkpoint-store.ts"

export class MemoryCheckpoints implements Checkpoints {
  readonly #byId = new Map<string, Checkpoint>()

  open(_name: string, id?: string): Checkpoint {
    if (id === undefined) return new MemoryCheckpoint(() => {})
    const known = this.#byId.get(id)
    if (known) return known
    const checkpoint = new MemoryCheckpoint(() => this.#byId.delete(id))
    this.#byId.set(id, checkpoint)
    return checkpoint
  }
}

class MemoryCheckpoint implements Checkpoint {
  readonly #forgotten: () => void
  #kept: { readonly snapshot: Snapshot; readonly at: Date } | undefined

  constructor(forgotten: () => void) {
    this.#forgotten = forgotten
  }

  async save(value: unknown): Promise<void> {
    this.#kept = { snapshot: new Snapshot(value), at: new Date() }
  }

  async load(): Promise<{ value: unknown; at: Date } | undefined> {
    return this.#kept && { value: this.#kept.snapshot.value(), at: this.#kept.at }
  }

  async forget(): Promise<void> {
    this.#kept = undefined
    this.#forgotten()
  }
}
