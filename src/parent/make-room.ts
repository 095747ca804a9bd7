/**
 * Which runner ends early, so that at `max` there is room for one with more time: a pure choice. When that is needed at all is for others
 * to know.
 */
import { hasTime } from "./has-time.ts"
import type { Rostered } from "./roster.ts"

/**
 * The runner that a waiting request has the least use for: one that is idle, else, where nobody has or will have the time, one that works; of
 * equals the one that ends first. Never one with a lease or kept for one.
 * @param needsMs What the request needs.
 * @param coming A runner is on its way, and will have the time.
 */
export function inTheWay<R extends Rostered<R>>(
  runners: Iterable<R>,
  { needsMs, soft }: { readonly needsMs: number; readonly soft: boolean },
  coming: boolean,
): R | undefined {
  let provided = coming
  let found: R | undefined
  for (const runner of runners) {
    if (!runner.ready || runner.leased || runner.retiring !== undefined) continue
    // One whose end is not known yet may turn out to have the time.
    if (runner.time.leftMs === Number.POSITIVE_INFINITY || hasTime(runner, needsMs, soft)) provided = true
    else if (!runner.reserved && (!found || isLess(runner, found))) found = runner
  }
  return found && (found.running === 0 || !provided) ? found : undefined
}

function isLess<R extends Rostered<R>>(a: R, b: R): boolean {
  if ((a.running === 0) !== (b.running === 0)) return a.running === 0
  return a.time.leftMs < b.time.leftMs
}
