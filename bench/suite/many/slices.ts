/** What slices of these groups are, and how figures come of them. Owns the two kinds: single measurements, and counts of units. */
import { type FigureHead, figures, quantileFigures } from "../figures.ts"
import type { Figure } from "../report.ts"
import type { Measured } from "../rounds.ts"
import type { Sampled } from "../sampled.ts"
import { perSecond } from "./arithmetic.ts"
import type { Count } from "./loops.ts"

export type Slice = Sampled | Count

/** One number for each kind, by which a warm-up can be told to be over. */
export const gauge = (slice: Slice): number => ("quantiles" in slice ? slice.quantiles.p50! : perSecond(slice))

/** The figures of the quantiles of the variants whose names begin with `prefix`; what follows it is the subject. */
export function latencyFigures(head: Omit<FigureHead, "better">, slices: Measured<Slice>, prefix: string): Figure[] {
  const samples = picked(slices, prefix, slice => ("quantiles" in slice ? slice : undefined))
  return quantileFigures(head, samples)
}

/** The figures of the rates of the variants whose names begin with `prefix`; what follows it is the subject. */
export function rateFigures(
  head: Omit<FigureHead, "better">,
  slices: Measured<Slice>,
  prefix: string,
  value: (count: Count) => number = perSecond,
): Figure[] {
  const counts = picked(slices, prefix, slice => ("done" in slice ? slice : undefined))
  const values = new Map([...counts].map(([subject, list]) => [subject, list.map(count => count && value(count))]))
  const total = (subject: string) => counts.get(subject)!.reduce((sum, count) => sum + (count?.done ?? 0), 0)
  return figures({ ...head, better: "more" }, values, total, [])
}

function picked<T extends Slice>(
  slices: Measured<Slice>,
  prefix: string,
  as: (slice: Slice) => T | undefined,
): Map<string, (T | null)[]> {
  const own = [...slices].filter(([name]) => name.startsWith(prefix))
  return new Map(
    own.map(([name, list]) => [name.slice(prefix.length), list.map(slice => (slice && as(slice)) ?? null)]),
  )
}
