/** Types of `statistics.mjs`, for its test. */

export interface Spread {
  median: number
  p25: number
  p75: number
  n: number
}
export function quantile(values: readonly number[], q: number): number
export function spread(values: readonly number[]): Spread
export function ratios(values: readonly (number | undefined)[], base: readonly (number | undefined)[]): number[]
export function stable(values: readonly number[], count?: number, within?: number): boolean
