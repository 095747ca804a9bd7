/** Public API of slurm-flame. The one file that joins the pool with the backends; owns nothing else. */

import { local } from "./local/backend.ts"
import { CheckpointFiles } from "./parent/checkpoint-files.ts"
import { HubShare } from "./parent/hub-share.ts"
import { Persistence } from "./parent/persistence.ts"
import { FlamePool } from "./parent/pool.ts"
import type { Pool } from "./parent/pool-api.ts"
import { checkPoolOptions, type PoolOptions } from "./parent/pool-options.ts"
import { Reaper } from "./parent/reaper.ts"
import { inRunner } from "./shared/context.ts"

export { type LocalOptions, local } from "./local/backend.ts"
export type { BootInfo } from "./parent/boot-moments.ts"
export type { CallOptions, SpawnOptions, Trackable } from "./parent/call-options.ts"
export type { CallResumed, PendingInfo, PoolEvents, RunnerInfo } from "./parent/events.ts"
export type { GrowCallbacks, GrowEnd, GrowStart, Shrink } from "./parent/grow-hooks.ts"
export type { LogLine } from "./parent/log-desk.ts"
export type { Logger } from "./parent/logger.ts"
export type { MapItems } from "./parent/map-input.ts"
export type { MapOptions } from "./parent/map-options.ts"
export type { BundleOption } from "./parent/module-source.ts"
export { placement } from "./parent/placed.ts"
export type { BreakerInfo, Placement, PlaceOptions, Pool, PoolStats, Runner, RunnerPort } from "./parent/pool-api.ts"
export type { IdleShutdown, PoolOptions, ScaleOptions } from "./parent/pool-options.ts"
export type { MapProgress, ResultStream, SettledItem } from "./parent/result-stream.ts"
export type { ResumeOptions } from "./parent/resume-policy.ts"
export type { RetryOptions } from "./parent/retry-policy.ts"
export type { RunnerState } from "./parent/runner-state.ts"
export type {
  Backend,
  Job,
  JobOutcome,
  JobStatus,
  Outlook,
  RunnerSpec,
  SchedulerNews,
  SweepReport,
  WantedRunner,
} from "./shared/backend.ts"
export type { Duration, Infinite } from "./shared/duration.ts"
export * from "./shared/errors.ts"
export type { Placed, ProxyMarked, Remote, RemoteStream } from "./shared/remote.ts"
export type { RunRecord } from "./shared/run-record.ts"
export { slurm } from "./slurm/backend.ts"
export type { SlurmJobContext, SlurmOptions } from "./slurm/options.ts"
export { proxy } from "./transport/proxy.ts"
export type { Refusal, RefusalReason } from "./transport/strangers.ts"
export { transfer } from "./transport/transfer.ts"
export { type RegisteredType, registerClass, registerType } from "./transport/types-registry.ts"

/** All pools of this program listen on one port for each address. */
const hubs = new HubShare()
/** And end their jobs by one hook when it exits. */
const reaper = new Reaper()

/**
 * Makes a pool. Returns at once; runners boot when work comes (or `min` asks for them).
 *
 *     await using pool = createPool<typeof train>({ module: new URL("./train.js", import.meta.url), max: 10 })
 *     const model = await pool.api.train(x)
 *
 * @throws OptionError for an unknown, wrong or contradictory option, naming it; ModuleError when the module's file is missing;
 * StateError when the pool persists and another program has it
 */
export function createPool<T = Record<string, (...args: any[]) => any>>(options: PoolOptions): Pool<T> {
  const settings = checkPoolOptions(options, { backend: () => local(), inRunner: inRunner() })
  const { name, logger, orphanMs } = settings
  const shared = { hubs, reaper }
  if (!settings.persist) {
    return new FlamePool<T>({ ...settings, ...shared, checkpoints: new CheckpointFiles(name, logger) })
  }
  const persistence = Persistence.take(name, orphanMs)
  const checkpoints = new CheckpointFiles(name, logger, persistence)
  return new FlamePool<T>({ ...settings, ...shared, persistence, checkpoints })
}
