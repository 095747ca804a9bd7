/** Types of text.mjs, for its tests. */
import type { Bar } from "./bars.d.mts"
import type { Judgement } from "./verdict.d.mts"

export type Judged = Bar & Judgement

export function table(rows: readonly Judged[]): string[]
export function remarks(rows: readonly Judged[]): string[]
export function totals(rows: readonly Judged[]): string
