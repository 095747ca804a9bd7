/** What a runner tells its fleet. An interface only: it breaks the circle between the two. */
import type { DrainReason } from "../transport/protocol.ts"
import type { PoolRunner } from "./runner.ts"

/** What a runner tells its pool. */
export interface RunnerHost {
  ready(runner: PoolRunner): void
  draining(runner: PoolRunner, reason: DrainReason, leftMs: number): void
  /** A slot became free, or the runner may be idle. */
  freed(runner: PoolRunner): void
  /** Its worker crashed; the lease on it, if any, is over. */
  restarting(runner: PoolRunner): void
  gone(runner: PoolRunner): void
}
