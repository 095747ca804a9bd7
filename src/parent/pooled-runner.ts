/**
 * A runner as its fleet, its pool and its lease use it. Types only. The real one is a job with connections (runner.ts); a benchmark or a
 * test of the pool's own rules may put another in its place.
 */
import type { Job } from "../shared/backend.ts"
import type { GoneReason, JobEvidence, RunnerLostError } from "../shared/errors.ts"
import type { ComlinkPort } from "../transport/comlink-port.ts"
import type { DrainReason } from "../transport/protocol.ts"
import type { Call, CallTarget } from "./call.ts"
import type { RunnerInfo } from "./events.ts"
import type { Idling } from "./idle-watch.ts"
import type { Rostered } from "./roster.ts"
import type { RunnerState } from "./runner-state.ts"
import type { TimeLeft } from "./time-left.ts"

/** Why a pool ends one of its own runners. */
export type EndReason = DrainReason & GoneReason

/** Who a runner is before it is made. */
export interface RunnerIdentity {
  readonly runnerId: string
  /** What the ids of the pool's runners have in common. */
  readonly run: string
  /** Counts up in the order in which the pool makes its runners. */
  readonly serial: number
  /** The id of the runner whose place it is to take, if there is one. */
  readonly successorOf?: string | undefined
}

export interface PooledRunner extends Rostered<PooledRunner>, Idling<PooledRunner> {
  readonly id: string
  /** Counts up in the order in which the pool made its runners. */
  readonly serial: number
  readonly state: RunnerState
  readonly ready: boolean
  readonly info: RunnerInfo
  /** Slots in use. */
  readonly running: number
  /** Of what runs here something will go on elsewhere when the runner ends. */
  readonly goesOn: boolean
  /** Slots for work that can begin now: none while the worker cannot be reached. */
  readonly free: number
  /** The job under it, once there is one. */
  readonly job: Job | undefined
  readonly evidence: JobEvidence
  readonly goneReason: GoneReason | undefined
  /** The id of the runner whose place it takes, whose walltime ends. */
  readonly successorOf: string | undefined
  /** How long it has until its walltime ends. */
  readonly time: TimeLeft
  /** Set by the pool while somebody has a lease on it. */
  leased: boolean
  /** Set by the fleet: it has been counted among those that work. */
  working: boolean
  /** Set by the pool while a waiting lease is to have it as soon as its calls are done. */
  reserved: boolean
  /** Set by the pool when it is to take no more work and to end, for this reason, when it has none. */
  retiring: EndReason | undefined

  /** Submits the job. The host is told when the runner serves, or is gone without ever having served. Never rejects. */
  boot(before?: () => Promise<void>): Promise<void>
  /**
   * Runs `call` when there is a slot.
   * @param again Called when it is to be run anew: it never began, since the runner ends, or it may be retried.
   */
  run(call: Call, again: (failed: boolean) => void): void
  /** Holds a slot until `task` calls `leave`, and lets it send calls of its own in it. */
  hold(task: (target: CallTarget, leave: () => void) => void, notStarted: () => void): void
  /** The user's own port. */
  readonly endpoint: ComlinkPort | undefined
  /** Calls `listener` when the runner is gone. @returns what takes it back */
  onGone(listener: () => void): () => void
  /** Why a call that was to run here will not. */
  lostError(started: boolean): RunnerLostError
  /** Drains it for `graceMs`, then ends its job. Resolves when the job is over, or the scheduler would not say. Never rejects. */
  shutdown(reason: EndReason, graceMs: number): Promise<void>
  /** Resolves when the job under it is over, or the scheduler would not say so. Never rejects. */
  jobOver(): Promise<void>
}

/** What a runner tells its fleet. */
export interface RunnerHost {
  /** Its state is another one. Told before anything else that the move means. */
  moved(runner: PooledRunner, from: RunnerState): void
  ready(runner: PooledRunner): void
  draining(runner: PooledRunner, reason: DrainReason, leftMs: number): void
  /** A slot was taken or left, or the runner cannot be reached, or can again. Told in the same turn: the next call may be in it, too. */
  loaded(runner: PooledRunner): void
  /** Slots became free, or the runner can be reached again: once for all of a turn, after `loaded`. */
  freed(runner: PooledRunner): void
  /**
   * What ran there is lost, and the lease on it, if any, is over: its worker crashed, or its job was put back into the queue or started anew.
   * @param requeued Defined: the latter, and what the calls that ran there are told as the reason.
   */
  restarting(runner: PooledRunner, requeued?: GoneReason): void
  /** @param bootError Why it never served, if it never did and nobody asked it to end. */
  gone(runner: PooledRunner, bootError: Error | undefined): void
}
