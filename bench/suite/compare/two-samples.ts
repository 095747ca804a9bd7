/**
 * Whether two samples come from the same distribution, by how much the second is larger, and what remains of many such answers. Owns
 * the arithmetic alone: knows no figure and no report. Ranks and not means, as slices have outliers and none of them is left out.
 */

/** Slices a side: with four, even the most uneven order comes up by chance in one of 35 comparisons. */
export const FEWEST = 5

export interface TwoSamples {
  /** How unlikely so uneven an order is, if both were the same (Mann-Whitney, two-sided, exact up to 30 values a side without ties). */
  readonly p: number
  /** What the second is of the first: the median of all pairwise quotients (Hodges-Lehmann). */
  readonly factor: number
  /** Of `factor`, 95 %: the quotients that the same test would not refuse. */
  readonly low: number
  readonly high: number
}

/** @throws RangeError for a value that is not above zero (quotients have no meaning there), or for no values */
export function compareSamples(first: readonly number[], second: readonly number[]): TwoSamples {
  for (const value of [...first, ...second]) {
    if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`quotients need values above zero, got ${value}`)
  }
  const [m, n] = [first.length, second.length]
  if (m === 0 || n === 0) throw new RangeError("no values: nothing can be compared with nothing")
  const quotients = new Float64Array(m * n)
  let u = 0
  first.forEach((a, i) => {
    second.forEach((b, j) => {
      quotients[i * n + j] = b / a
      u += b > a ? 1 : b === a ? 0.5 : 0
    })
  })
  quotients.sort()
  const tied = new Set([...first, ...second]).size < m + n
  const exact = !tied && m <= 30 && n <= 30
  const size = m * n
  const at = (i: number) => quotients[Math.min(size - 1, Math.max(0, i))]!
  // The interval's ends are the k-th from either side, where k is the last that the test would still refuse at 5 %.
  const k = exact ? exactCut(m, n, 0.025) : Math.max(0, Math.floor(size / 2 - 1.96 * deviation(m, n, []) - 0.5))
  const half = Math.floor(size / 2)
  return {
    p: exact ? exactP(u, m, n) : normalP(u, m, n, [...first, ...second]),
    factor: size % 2 === 1 ? at(half) : Math.sqrt(at(half - 1) * at(half)),
    low: at(k),
    high: at(size - 1 - k),
  }
}

/**
 * Which of the p values stand when all of them were looked at: of those that do, a share of `rate` at most is wrong on the average
 * (Benjamini and Hochberg); when nothing at all has changed, one or more of them stand with that probability.
 * @returns in their order
 */
export function standing(ps: readonly number[], rate: number): boolean[] {
  const order = ps.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p)
  const last = order.findLastIndex(({ p }, at) => p <= ((at + 1) / ps.length) * rate)
  const stands = new Array<boolean>(ps.length).fill(false)
  for (const { i } of order.slice(0, last + 1)) stands[i] = true
  return stands
}

const known = new Map<string, Float64Array>()

/** How probable each value of U (0 to m·n) is when nothing differs. */
function distribution(m: number, n: number): Float64Array {
  const key = `${m} ${n}`
  const found = known.get(key)
  if (found !== undefined) return found
  // The numbers of orderings are the coefficients of a Gaussian binomial: times (1 - q^(n+i)), divided by (1 - q^i), for i up to m.
  const size = m * n
  const ways = new Float64Array(size + 1)
  ways[0] = 1
  for (let i = 1; i <= m; i++) {
    for (let at = size; at >= n + i; at--) ways[at] = ways[at]! - ways[at - n - i]!
    for (let at = i; at <= size; at++) ways[at] = ways[at]! + ways[at - i]!
  }
  const total = ways.reduce((sum, count) => sum + count, 0)
  const shares = ways.map(count => count / total)
  known.set(key, shares)
  return shares
}

function exactP(u: number, m: number, n: number): number {
  const shares = distribution(m, n)
  const smaller = Math.min(u, m * n - u)
  let sum = 0
  for (let at = 0; at <= smaller; at++) sum += shares[at]!
  return Math.min(1, 2 * sum)
}

function exactCut(m: number, n: number, alpha: number): number {
  const shares = distribution(m, n)
  let sum = 0
  let k = 0
  while (k < shares.length && sum + shares[k]! <= alpha) sum += shares[k++]!
  // U <= k - 1 is refused: the k-th smallest difference (from 0: k - 1) is the first inside. None refused: all of them are.
  return Math.max(0, k - 1)
}

/** Of U, less for ties. */
function deviation(m: number, n: number, values: readonly number[]): number {
  const total = m + n
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const ties = [...counts.values()].reduce((sum, count) => sum + (count ** 3 - count), 0)
  return Math.sqrt(((m * n) / 12) * (total + 1 - ties / (total * (total - 1) || 1)))
}

function normalP(u: number, m: number, n: number, values: readonly number[]): number {
  const spread = deviation(m, n, values)
  if (!(spread > 0)) return 1
  const z = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5) / spread
  return z === 0 ? 1 : Math.min(1, 2 * upperTail(z))
}

/** Of the normal distribution; the error is below 8e-8 (Abramowitz and Stegun 26.2.17). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly
}
