/** What a pool tells of runners whose jobs wait: the event at each change, and a warning when somebody has to do something. */
import type { JobStatus } from "../shared/backend.ts"
import type { PendingInfo, PoolEmitter, RunnerInfo } from "./events.ts"
import type { Logger } from "./logger.ts"
import type { RunnerState } from "./runner-state.ts"

/** Thirty runners of one pool that are held are one piece of news, not thirty. */
const QUIET_MS = 60_000

/** What is known of the wait of a runner in that state; undefined: it does not wait. */
export function pendingInfo(state: RunnerState, status: JobStatus | undefined): PendingInfo | undefined {
  if (state !== "pending" || status?.state !== "pending") return undefined
  const { reason, outlook, expectedStart, hint } = status
  return { reason, outlook, expectedStart, hint }
}

export class PendingNews {
  readonly #emitter: PoolEmitter
  readonly #logger: Logger
  /** When it was warned of a reason, on the monotonic clock. */
  readonly #warned = new Map<string, number>()

  constructor(emitter: PoolEmitter, logger: Logger) {
    this.#emitter = emitter
    this.#logger = logger
  }

  /** There is something new about a runner that waits. */
  tell(info: RunnerInfo): void {
    const { pending } = info
    if (pending?.reason === undefined) return
    if (pending.outlook === "blocked") this.#warn(info, pending.reason, pending.hint)
    this.#emitter.emit("runner:pending", { ...info, pending })
  }

  #warn({ id: runner, jobId: job }: RunnerInfo, reason: string, hint: string | undefined): void {
    const now = performance.now()
    const last = this.#warned.get(reason) ?? Number.NEGATIVE_INFINITY
    if (now - last < QUIET_MS) return
    this.#warned.set(reason, now)
    this.#logger.warn({ runner, job, reason, hint }, "a runner's job waits for what does not come by itself")
  }
}
