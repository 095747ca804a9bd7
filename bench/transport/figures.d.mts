/** Types of `figures.mjs`, for its test. */
import type { Spread } from "./statistics.mjs"

export interface Bar {
  of?: string
  atMost?: number
  atLeast?: number
}
export interface Figure {
  bar: string
  verdict: string
  figure?: Spread
  ratios?: Record<string, Spread>
}
export function figure(row: {
  what: string
  peer: string
  unit: string
  values: readonly number[] | undefined
  against?: Record<string, readonly number[] | undefined>
  bars?: readonly Bar[]
  beside?: Record<string, readonly number[]>
  why?: string
}): Figure
