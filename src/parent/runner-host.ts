/** What a runner is given and what it tells its fleet. Types only: they break the circle between the two. */
import type { DrainReason } from "../transport/protocol.ts"
import type { PoolRunner } from "./runner.ts"
import type { JobSettings } from "./runner-job.ts"
import type { LinkSettings } from "./runner-link.ts"

export interface RunnerSettings extends LinkSettings, JobSettings {
  /** From submission until it serves; also after its worker crashed. */
  readonly bootTimeoutMs: number
}

/** What a runner tells its pool. */
export interface RunnerHost {
  ready(runner: PoolRunner): void
  draining(runner: PoolRunner, reason: DrainReason, leftMs: number): void
  /** A slot became free, or the runner may be idle. */
  freed(runner: PoolRunner): void
  /** Its worker crashed; the lease on it, if any, is over. */
  restarting(runner: PoolRunner): void
  /** @param bootError Why it never served, if it never did and nobody asked it to end. */
  gone(runner: PoolRunner, bootError: Error | undefined): void
}
