/** Which runners nobody would miss. Pure. */
import { isAlive } from "./census.ts"
import type { PooledRunner } from "./pooled-runner.ts"

/** At most `count` of those that nobody holds: such as do not serve yet first, then the least loaded, of equals the youngest. */
export function dispensable(runners: Iterable<PooledRunner>, count: number): PooledRunner[] {
  const free = [...runners].filter(r => isAlive(r.state) && r.retiring === undefined && !r.leased)
  const cost = (r: PooledRunner) => (r.ready ? r.running : -1)
  return free.sort((a, b) => cost(a) - cost(b) || b.serial - a.serial).slice(0, count)
}
