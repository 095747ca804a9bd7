/** Medians, spreads and paired ratios of the transport benchmark. Owns arithmetic alone: knows no peer, unit or bar. */

/**
 * The value below which the share `q` (0 to 1) of `values` lies, interpolated between neighbours.
 * @throws RangeError for an empty list or a share outside of 0 to 1: a made-up number would look like a measured one
 */
export function quantile(values, q) {
  if (values.length === 0) throw new RangeError("no values: there is no quantile of nothing")
  if (!(q >= 0 && q <= 1)) throw new RangeError(`a quantile is a share from 0 to 1, got ${q}`)
  const sorted = Float64Array.from(values).sort()
  const at = q * (sorted.length - 1)
  const below = sorted[Math.floor(at)]
  return below + (sorted[Math.ceil(at)] - below) * (at % 1)
}

/** The middle of `values` and how far they lie apart: `{ median, p25, p75, n }`. @throws RangeError when there are none */
export function spread(values) {
  return { median: quantile(values, 0.5), p25: quantile(values, 0.25), p75: quantile(values, 0.75), n: values.length }
}

/**
 * `values[i] / base[i]` of every slice that both have. Paired, since what else the machine did in one round hit both of them.
 * A slice that one of them did not run is undefined and left out.
 */
export function ratios(values, base) {
  return values.flatMap((value, i) => (value === undefined || base[i] === undefined ? [] : [value / base[i]]))
}

/** True when the last `count` values lie within the share `within` of their median: the code is warm. */
export function stable(values, count = 3, within = 0.1) {
  if (values.length < count) return false
  const last = values.slice(-count)
  const middle = quantile(last, 0.5)
  return last.every(value => Math.abs(value - middle) <= within * middle)
}
