/** What samples say of a bar: their median, how sure of it one can be, and on which side of the bar that lies. Owns arithmetic alone. */
import { quantile } from "../transport/statistics.mjs"

/** How sure an interval has to be of holding the true median. */
export const CONFIDENCE = 0.95

/**
 * The median and an interval of two of the samples themselves that holds the true one, whatever their distribution: the narrowest
 * that does so with `wanted` confidence, were the samples independent. Fewer than six cannot (for 0.95): then it is all of their range, and
 * `confidence` is what that comes to.
 * @returns `{ median, low, high, confidence, n }`
 * @throws RangeError when there are no samples or one is not a finite number: a made-up verdict would look like a measured one
 */
export function medianInterval(samples, wanted = CONFIDENCE) {
  const wrong = samples.find(sample => !Number.isFinite(sample))
  if (samples.length === 0) throw new RangeError("no samples: there is no median of nothing")
  if (wrong !== undefined) throw new RangeError(`a sample is ${wrong}: it was not measured`)
  const sorted = [...samples].sort((a, b) => a - b)
  const n = sorted.length
  // The median is left of the k-th smallest when fewer than k samples fall below it: a coin tossed n times.
  let probability = 0.5 ** n
  let below = probability
  let k = 1
  let confidence = 1 - 2 * below
  while (k + 1 <= n / 2) {
    probability *= (n - k + 1) / k
    below += probability
    if (1 - 2 * below < wanted) break
    confidence = 1 - 2 * below
    k += 1
  }
  return { median: quantile(sorted, 0.5), low: sorted[k - 1], high: sorted[n - k], confidence, n }
}

/**
 * Holds `samples` (ratios of the same rounds, or figures) against `{ atMost }` or `{ atLeast }`. A bar may be met exactly.
 * @param samples undefined: it was not measured
 * @param why the reason for that, or what went wrong
 * @returns `{ verdict, why?, median?, low?, high?, confidence?, n }`. `ok`: the whole interval is on the good side; `MISS`: none of it is;
 *   `within noise`: the bar lies inside it, or there are too few samples to be sure; `not available`
 */
export function judge({ atMost, atLeast }, samples, why) {
  if (samples === undefined || samples.length === 0) {
    return { verdict: "not available", why: why ?? "nothing was measured", n: 0 }
  }
  if (!samples.every(Number.isFinite)) {
    return { verdict: "not available", why: "a sample is not a number", n: samples.length }
  }
  const interval = medianInterval(samples)
  if (interval.confidence < CONFIDENCE) {
    return { verdict: "within noise", why: `n = ${interval.n}: too few to tell`, ...interval }
  }
  const [good, bad] = atMost === undefined ? [interval.low, interval.high] : [-interval.high, -interval.low]
  const bar = atMost === undefined ? atLeast : -atMost
  return { verdict: good >= bar ? "ok" : bad < bar ? "MISS" : "within noise", ...interval }
}
