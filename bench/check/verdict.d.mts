/** Types of verdict.mjs, for its tests. */
export const CONFIDENCE: number

export interface Interval {
  median: number
  low: number
  high: number
  confidence: number
  n: number
}

export interface Judgement extends Partial<Interval> {
  verdict: "ok" | "MISS" | "within noise" | "not available"
  why?: string
  n: number
}

export function medianInterval(samples: readonly number[], wanted?: number): Interval
export function judge(
  bar: { readonly atMost?: number | undefined; readonly atLeast?: number | undefined },
  samples: readonly number[] | undefined,
  why?: string,
): Judgement
