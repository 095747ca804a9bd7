/** What a pool has, counted. A pure function of its runners. */
import type { Fleet } from "./fleet.ts"
import type { PoolStats } from "./pool-api.ts"

/** @param queued All who wait. */
export function statsOf(name: string, tls: boolean, fleet: Fleet, queued: number): PoolStats {
  const runners = [...fleet.runners].map(runner => runner.info)
  const inFlight = runners.reduce((sum, runner) => sum + runner.inFlight, 0)
  const { min, max, breaker } = fleet
  return { name, tls, min, max, queued, inFlight, runners, breaker }
}
