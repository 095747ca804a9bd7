/** Whether a runner has enough time left for a call. Pure functions of its end; who is asked, and what follows, is for others. */

/** What is kept at a runner's end: 1.5 s in which it cleans up, and a little for the way of the answer. In ms. */
export const MARGIN_MS = 2_000

/** As much of a runner's end as it takes. */
export interface Timed {
  readonly time: {
    /** Milliseconds until its walltime ends; Infinity without an end. */
    readonly leftMs: number
    /** False while the scheduler has not said when it ends: it serves, and has most of its time. */
    readonly known: boolean
  }
}

/**
 * @param needsMs What the call needs; 0: nothing in particular.
 * @param soft It was learned and not said: a runner whose end nobody knows yet will do.
 */
export function hasTime({ time }: Timed, needsMs: number, soft: boolean): boolean {
  if (needsMs === 0) return true
  const left = time.leftMs
  return left === Number.POSITIVE_INFINITY ? time.known || soft : left - MARGIN_MS >= needsMs
}
