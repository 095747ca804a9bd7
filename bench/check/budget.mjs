/** How long each group of the check may measure. Owns the clock; knows nothing of what is measured. */

/** An interval of the median of 95 % takes so many samples. */
export const LEAST = 6

/** More rounds than these tell nothing that is worth the time. */
const MOST = 40

/**
 * Shares `seconds` among groups by their weights. A group's share ends at a moment that is fixed in advance, so that what one leaves over is
 * the next one's. A group goes on to LEAST rounds beyond its share, but nothing begins after twice the whole time.
 * @param weights group -> seconds that it would have of its own; they are scaled to `seconds`
 * @param now milliseconds, monotonic
 * @returns `{ over(), left(), of(group) }`: whether the whole time was spent twice; and of a group `{ more(done), seconds() }`: whether another
 *   round is to follow, and what is left of its share
 */
export function budget(weights, seconds, now = () => performance.now()) {
  const began = now()
  const sum = Object.values(weights).reduce((a, b) => a + b, 0)
  let spent = 0
  const ends = Object.fromEntries(
    Object.entries(weights).map(([group, weight]) => {
      spent += weight
      return [group, began + (spent / sum) * seconds * 1_000]
    }),
  )
  const over = () => now() >= began + 2 * seconds * 1_000
  return {
    over,
    of: group => ({
      more: (done, most = MOST) => done < most && (done < LEAST ? !over() : now() < ends[group]),
      seconds: () => Math.max(0, (ends[group] - now()) / 1_000),
    }),
  }
}
