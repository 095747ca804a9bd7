/** What a runner is given. Types only. */
import type { CallBook } from "./call-book.ts"
import type { RunnerInfo } from "./events.ts"
import type { EndSettings } from "./runner-end.ts"
import type { JobSettings } from "./runner-job.ts"
import type { LinkSettings } from "./runner-link.ts"

export interface RunnerSettings extends LinkSettings, JobSettings, EndSettings {
  readonly serial: number
  /** The id of the runner whose place it is to take, if there is one. */
  readonly successorOf?: string | undefined
  /** From submission until it serves; also after its worker crashed. */
  readonly bootTimeoutMs: number
  /** Which runner has a call of some id, in a pool that persists. */
  readonly book?: CallBook | undefined
  /** Told whenever there is something new about its wait in the scheduler's queue. Left out: nobody wants to know. */
  readonly waits?: (info: RunnerInfo) => void
}
