/** How long a work is waited for until its process is taken for stuck. Owns the limit alone. */

/** For anything. */
const LEAST_MS = 30_000
/** A work is made of slices: phases, what is still under way at their end, a processor that others have as well. */
const TIMES = 20
/** A wire that carries a megabyte a second, there and back, is not stuck. */
const MS_PER_BYTE = 2 / 1_000

/**
 * @param options of the work: `ms` of its slice, `bytes` of a message, `window` of them in flight
 * @returns ms
 */
export function patience(options: unknown): number {
  const { ms = 0, bytes = 0, window = 1 } = options as { ms?: number; bytes?: number; window?: number }
  return LEAST_MS + TIMES * ms + MS_PER_BYTE * bytes * window
}
