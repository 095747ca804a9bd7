/** How many more runners are wanted. Pure. */

export interface Demand {
  /** Who waits for a whole runner, and for a slot. */
  readonly leases: number
  readonly slots: number
  /** On their way: they are for those who wait. */
  readonly booting: number
  /** Serving or on their way, and not about to end. */
  readonly serving: number
  /** Those that are ending, too: their jobs exist. */
  readonly all: number
  readonly min: number
  readonly max: number
  readonly maxConcurrency: number
  /** Runners that the job which is being put together just now could have besides: they come with it. */
  readonly seats?: number
}

/** How many runners on their way are missing for those who wait; less than 0: some come for nobody. */
export function missing({
  leases,
  slots,
  booting,
  maxConcurrency,
}: Omit<Demand, "serving" | "all" | "min" | "max">): number {
  return leases + Math.ceil(slots / maxConcurrency) - booting
}

/** How many runners to boot now, so that those who wait will have one. Never more than `max` exist. */
export function wanted(demand: Demand): number {
  const { serving, all, min, max, seats = 0 } = demand
  const forMin = min - serving
  return Math.max(0, Math.min(Math.max(missing(demand), forMin, seats), max - all))
}
