/** What a fleet needs of its pool. Types only. */
import type { PooledRunner } from "./pooled-runner.ts"

/** What the fleet asks and tells its pool. */
export interface FleetHost {
  /** How many wait for a whole runner. */
  readonly leases: number
  /** How many wait for a slot on any. */
  readonly slots: number
  /** False once the pool closes, when `min` is not kept any more. */
  readonly open: boolean
  /** There is a new runner; it does not serve yet. @param left It is an earlier program's, and was taken back. */
  added(runner: PooledRunner, left: boolean): void
  /** State, load or lease of the runner changed. */
  touched(runner: PooledRunner): void
  /** Look again who can be served. @param runner One that has slots, or may have. */
  changed(runner?: PooledRunner): void
  /** Slots of this runner became free. */
  freed(runner: PooledRunner): void
  /** What this runner held is lost: the lease on it is over, for this reason. */
  lost(runner: PooledRunner, why: string): void
  /** The runner takes no more work. */
  leaving(runner: PooledRunner): void
  gone(runner: PooledRunner): void
  /**
   * No more runners can be booted, for this reason.
   * @param none Nor does any serve: nobody should wait any longer. Otherwise only who waits for `min` of them waits in vain.
   * @returns how many did
   */
  hopeless(error: unknown, none: boolean): number
}
