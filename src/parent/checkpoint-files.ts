/**
 * The checkpoints of one pool, on disk. Owns where each lies and for how long: what can be asked for again, a call with an id in a pool that
 * persists, stays until that call succeeds; all else goes with the run. Pools without resumable calls leave nothing there.
 */
import { createHash } from "node:crypto"
import { rmdir } from "node:fs/promises"
import { join } from "node:path"
import { makePrivate } from "../shared/state-dir.ts"
import { CheckpointFile } from "./checkpoint-file.ts"
import { CheckpointRoom } from "./checkpoint-room.ts"
import type { Checkpoint, CheckpointStore } from "./checkpoint-store.ts"
import type { Logger } from "./logger.ts"

/** What outlives the program: of a pool that persists. */
export interface KeptCheckpoints {
  /** The directory for them alone: nobody else's, and there already or not. */
  readonly checkpoints: string
  /** The pool is still this program's. */
  readonly held: boolean
}

const FILE = ".checkpoint"

export class CheckpointFiles implements CheckpointStore {
  readonly #logger: Logger
  readonly #kept: KeptCheckpoints | undefined
  readonly #room: CheckpointRoom
  readonly #byId = new Map<string, CheckpointFile>()
  /** Files that are about to go: whoever comes next under the same id must not find them. */
  readonly #leaving = new Map<string, Promise<void>>()
  #count = 0

  /** @param name The pool's. @param kept For calls that have an id; undefined: they end with the pool as all others */
  constructor(name: string, logger: Logger, kept?: KeptCheckpoints) {
    this.#logger = logger
    this.#kept = kept
    this.#room = new CheckpointRoom(name, logger)
  }

  open(name: string, id?: string): Checkpoint {
    return id === undefined || this.#kept === undefined ? this.#ofRun(name, id) : this.#ofCall(name, id, this.#kept)
  }

  /**
   * The pool is over, and nobody saves any more. What a call with an id has kept stays, unless the call has succeeded: another program may ask for
   * it. Never rejects.
   */
  async close(): Promise<void> {
    await Promise.all(this.#leaving.values())
    await this.#room.remove()
    if (this.#kept?.held) await rmdir(this.#kept.checkpoints).catch(() => {}) // not empty, or never made
  }

  #ofRun(name: string, id: string | undefined): Checkpoint {
    // For people who look there: they are told apart by the number.
    const file = `${++this.#count}-${name.replace(/[^A-Za-z0-9_.]/g, "-").slice(0, 40)}${FILE}`
    return new CheckpointFile(name, id, {
      path: async make => {
        const directory = make ? await this.#room.make() : this.#room.directory
        return directory && join(directory, file)
      },
      held: () => true,
      logger: this.#logger,
      forgets: gone => this.#leaves(file, gone),
    })
  }

  #ofCall(name: string, id: string, kept: KeptCheckpoints): Checkpoint {
    const key = JSON.stringify([id, name])
    const known = this.#byId.get(key)
    if (known) return known
    // An id may hold anything.
    const path = join(kept.checkpoints, `${createHash("sha256").update(id).digest("hex").slice(0, 40)}${FILE}`)
    const last = this.#leaving.get(path)
    const checkpoint: CheckpointFile = new CheckpointFile(name, id, {
      path: async make => {
        await last
        if (make) await makePrivate(kept.checkpoints)
        return path
      },
      held: () => kept.held,
      logger: this.#logger,
      forgets: gone => {
        if (this.#byId.get(key) === checkpoint) this.#byId.delete(key)
        this.#leaves(path, gone)
      },
    })
    this.#byId.set(key, checkpoint)
    return checkpoint
  }

  /** @param file Its name, or its path. */
  #leaves(file: string, gone: Promise<void>): void {
    this.#leaving.set(file, gone)
    void gone.then(() => {
      if (this.#leaving.get(file) === gone) this.#leaving.delete(file)
    })
  }
}
