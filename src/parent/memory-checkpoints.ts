/** Checkpoints in this process's memory: they end with it. Owns the snapshots; knows neither calls nor runners. */
import { Snapshot } from "../transport/snapshot.ts"
import type { Checkpoint, Checkpoints, Kept } from "./checkpoint-store.ts"

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

  async save(value: unknown): Promise<string> {
    const snapshot = new Snapshot(value)
    this.#kept = { snapshot, at: new Date() }
    return snapshot.digest
  }

  async load(): Promise<Kept | undefined> {
    if (!this.#kept) return undefined
    const { snapshot, at } = this.#kept
    return { value: snapshot.value(), at, digest: snapshot.digest }
  }

  async forget(): Promise<void> {
    this.#kept = undefined
    this.#forgotten()
  }
}
