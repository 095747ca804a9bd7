/** The arithmetic of the groups that work with many runners. Owns formulas alone: knows no runner, slice or report. */

/** 1, 2, 4, 8, ... and `most` itself. @throws RangeError unless `most` is a whole number of 1 or more */
export function doublings(most: number): number[] {
  if (!Number.isInteger(most) || most < 1)
    throw new RangeError(`doublings up to ${most}: give a whole number of 1 or more`)
  const steps: number[] = []
  for (let step = 1; step < most; step *= 2) steps.push(step)
  return [...steps, most]
}

/** How much more a crew did than one of it alone, each rate of the same round. @throws RangeError for a rate of nothing to compare with */
export function speedUp(rate: number, rateOfOne: number): number {
  if (!(rateOfOne > 0)) throw new RangeError(`a speed-up over ${rateOfOne} calls/s says nothing`)
  return rate / rateOfOne
}

/** Percent of what `runners` times one would be. */
export function efficiency(rate: number, rateOfOne: number, runners: number): number {
  if (!(runners >= 1)) throw new RangeError(`the efficiency of ${runners} runners: give 1 or more`)
  return (100 * speedUp(rate, rateOfOne)) / runners
}

/** Of `done` units within `ms`. */
export function perSecond({ done, ms }: { done: number; ms: number }): number {
  if (!(ms > 0)) throw new RangeError(`${done} units in ${ms} ms: there is no rate of no time`)
  return (done * 1_000) / ms
}

/** In MB/s, of 1,000,000 bytes: as wires and disks are sold. */
export function megabytesPerSecond(count: { done: number; ms: number }, bytesEach: number): number {
  return (perSecond(count) * bytesEach) / 1e6
}

/** `fn` of both values of each round, null where one of them is missing. */
export function paired<T>(
  values: readonly (T | null)[],
  base: readonly (T | null)[],
  fn: (value: T, base: T) => number,
): (number | null)[] {
  return values.map((value, round) => {
    const other = base[round] ?? null
    return value === null || other === null ? null : fn(value, other)
  })
}
