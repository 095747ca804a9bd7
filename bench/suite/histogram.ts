/**
 * Counts of single measurements in buckets whose width grows with the value, so that slices can be put together without keeping each
 * sample. Owns the buckets; the largest value is kept exactly. Knows no unit.
 */
import type { HistogramReport } from "./report.ts"

/** Each bucket ends 3 % above its beginning: a quantile that is read from it is that exact. */
export const GROWTH = 1.03
/** Where bucket 0 begins, in the unit of the values. What is less is counted there. */
const ORIGIN = 0.01
const LOG = Math.log(GROWTH)

/** As it crosses from one process to another: pairs of bucket and count. */
export interface HistogramParts {
  readonly buckets: Int32Array
  readonly counts: Float64Array
  readonly max: number
}

export class Histogram {
  readonly #counts = new Map<number, number>()
  #n = 0
  #max = 0

  /** Of all values. */
  get n(): number {
    return this.#n
  }

  /** The largest value, exactly; 0 when there is none. */
  get max(): number {
    return this.#max
  }

  /** @throws RangeError for what is no finite number or is below 0: no clock that goes forward gives that */
  add(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new RangeError(`a measured value cannot be ${value}`)
    this.#count(value <= ORIGIN ? 0 : Math.floor(Math.log(value / ORIGIN) / LOG), 1)
    if (value > this.#max) this.#max = value
  }

  /** What `parts()` of another one gave. */
  merge({ buckets, counts, max }: HistogramParts): void {
    for (let i = 0; i < buckets.length; i++) this.#count(buckets[i]!, counts[i]!)
    if (max > this.#max) this.#max = max
  }

  parts(): HistogramParts {
    const sorted = this.#sorted()
    return {
      buckets: Int32Array.from(sorted, ([bucket]) => bucket),
      counts: Float64Array.from(sorted, ([, count]) => count),
      max: this.#max,
    }
  }

  /**
   * The value below which the share `q` lies: the middle of the bucket that it is in, so at most 1.5 % off; the exact largest for 1.
   * @throws RangeError when there are no values
   */
  quantile(q: number): number {
    if (this.#n === 0) throw new RangeError("no values: there is no quantile of nothing")
    if (q >= 1) return this.#max
    const wanted = q * (this.#n - 1)
    let seen = 0
    for (const [bucket, count] of this.#sorted()) {
      seen += count
      if (seen > wanted) return Math.min(ORIGIN * GROWTH ** (bucket + 0.5), this.#max)
    }
    return this.#max
  }

  /** Undefined when it is empty. */
  report(): HistogramReport | undefined {
    const sorted = this.#sorted()
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (!first || !last) return undefined
    const counts = new Array<number>(last[0] - first[0] + 1).fill(0)
    for (const [bucket, count] of sorted) counts[bucket - first[0]] = count
    return { low: ORIGIN * GROWTH ** first[0], growth: GROWTH, counts, max: this.#max }
  }

  #count(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count)
    this.#n += count
  }

  #sorted(): [number, number][] {
    return [...this.#counts].sort(([a], [b]) => a - b)
  }
}
