/** Which runner gets the next piece of work, and how many more are wanted. Pure: reads counts, changes nothing but marks. */

/** What placement reads of a runner. */
export interface Candidate {
  readonly ready: boolean
  readonly booting: boolean
  readonly leased: boolean
  /** A waiting lease has been promised this runner as soon as its calls are done. */
  reserved: boolean
  readonly running: number
  readonly free: number
}

/** The least loaded runner with a free slot that nobody has leased or been promised. */
export function forSlot<C extends Candidate>(runners: Iterable<C>): C | undefined {
  let best: C | undefined
  for (const runner of runners) {
    if (!runner.ready || runner.leased || runner.reserved || runner.free === 0) continue
    if (!best || runner.running < best.running) best = runner
  }
  return best
}

/** An idle runner for a lease. */
export function forLease<C extends Candidate>(runners: Iterable<C>): C | undefined {
  for (const runner of runners) {
    // Idle and without a free slot: it cannot be reached now.
    if (runner.ready && !runner.leased && !runner.reserved && runner.running === 0 && runner.free > 0) return runner
  }
  return undefined
}

/** The runner that will be idle soonest, to be kept free of new calls for a lease that waits. */
export function toReserve<C extends Candidate>(runners: Iterable<C>): C | undefined {
  let best: C | undefined
  for (const runner of runners) {
    if (!runner.ready || runner.leased || runner.reserved) continue
    if (!best || runner.running < best.running) best = runner
  }
  return best
}

/** How many runners to boot now, so that those who wait will have one: boots already under way count. */
export function wanted(demand: {
  leases: number
  slots: number
  booting: number
  alive: number
  min: number
  max: number
  maxConcurrency: number
}): number {
  const { leases, slots, booting, alive, min, max, maxConcurrency } = demand
  const forDemand = leases + Math.ceil(slots / maxConcurrency) - booting
  const forMin = min - alive
  return Math.max(0, Math.min(Math.max(forDemand, forMin), max - alive))
}
