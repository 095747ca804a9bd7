/** Quantiles, spreads and paired ratios. Owns arithmetic alone: knows no subject, unit or group. */
import type { Spread } from "./report.ts"

/**
 * The value below which the share `q` (0 to 1) of `values` lies, interpolated between neighbours.
 * @throws RangeError for an empty list or a share outside of 0 to 1: a made-up number would look like a measured one
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  return quantileOfSorted(Float64Array.from(values).sort(), q)
}

/** The same of values that are in ascending order already. @throws RangeError as `quantile` */
export function quantileOfSorted(sorted: Float64Array, q: number): number {
  if (sorted.length === 0) throw new RangeError("no values: there is no quantile of nothing")
  if (!(q >= 0 && q <= 1)) throw new RangeError(`a quantile is a share from 0 to 1, not ${q}`)
  const at = q * (sorted.length - 1)
  const below = sorted[Math.floor(at)]!
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1)
}

/** The middle of `values` and how far they lie apart; all of them count. @throws RangeError when there are none */
export function spread(values: ArrayLike<number>): Spread {
  const sorted = Float64Array.from(values).sort()
  const at = (q: number) => quantileOfSorted(sorted, q)
  return { median: at(0.5), p25: at(0.25), p75: at(0.75), min: at(0), max: at(1), n: sorted.length }
}

/** `values[i] / base[i]` of every slice that both have. Paired: what else the machine did in one round hit both of them. */
export function ratios(values: readonly (number | null)[], base: readonly (number | null)[]): number[] {
  return values.flatMap((value, i) => {
    const other = base[i]
    return value === null || other === null || other === undefined || other === 0 ? [] : [value / other]
  })
}

/** True when the last `count` values lie within the share `within` of their median: the code is warm. */
export function stable(values: readonly number[], count = 3, within = 0.1): boolean {
  if (values.length < count) return false
  const last = values.slice(-count)
  const middle = quantile(last, 0.5)
  return last.every(value => Math.abs(value - middle) <= within * middle)
}
