/** The resumable calls of a pool: where their states are kept, and who hears that one goes on. Owns no call; each has its own `Resumption`. */
import type { Operation } from "./call.ts"
import type { CallLimits } from "./call-options.ts"
import type { Checkpoints } from "./checkpoint-store.ts"
import type { CallResumed, PoolEmitter } from "./events.ts"
import type { Logger } from "./logger.ts"
import { MemoryCheckpoints } from "./memory-checkpoints.ts"
import { Resumption, type ResumptionHost } from "./resumption.ts"

export class Resumptions implements ResumptionHost {
  readonly checkpoints: Checkpoints
  readonly #emitter: PoolEmitter
  readonly #logger: Logger

  /** @param checkpoints Where states are kept; left out: in memory. */
  constructor(checkpoints: Checkpoints | undefined, emitter: PoolEmitter, logger: Logger) {
    this.checkpoints = checkpoints ?? new MemoryCheckpoints()
    this.#emitter = emitter
    this.#logger = logger
  }

  /** For a call that is about to be begun; undefined where it is not resumable. Nothing is kept yet. */
  open(operation: Operation, { resumable, id }: CallLimits): Resumption | undefined {
    if (!resumable || operation.kind !== "apply") return undefined // to read a property takes no time
    return new Resumption(operation.path.join("."), id, resumable, this)
  }

  resumed(news: CallResumed): void {
    this.#emitter.emit("call:resumed", news)
  }

  left(error: unknown): void {
    this.#logger.warn({ error }, "the checkpoint of a call that is over cannot be removed")
  }
}
