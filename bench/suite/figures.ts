/** Slices to figures: the median and its spread, and ratios to the bare wire. Owns that each subject gets its ratio to every base. */
import { Histogram } from "./histogram.ts"
import type { Figure, Spread, Subject } from "./report.ts"
import { QUANTILES, type Sampled } from "./sampled.ts"
import { ratios, spread } from "./statistics.ts"

/** What every subject is compared with. */
export const BASES: readonly Subject[] = ["raw TCP", "raw ws"]

/** One subject's value for each round, `null` where it had none. */
export type Slices = ReadonlyMap<Subject, readonly (number | null)[]>

/** What the figures of all subjects have in common. */
export type FigureHead = Pick<Figure, "id" | "title" | "unit" | "better" | "parameter" | "note">

/**
 * A figure for each subject that has a value at all.
 * @param n single measurements of a subject, all slices together
 * @param bases whom to compare with, beside what is compared. Default: `BASES`
 */
export function figures(
  head: FigureHead,
  slices: Slices,
  n: (subject: Subject) => number,
  bases: readonly Subject[] = BASES,
): Figure[] {
  return [...slices].flatMap(([subject, values]) => {
    const own = values.filter(value => value !== null)
    if (own.length === 0) return []
    const against: Record<Subject, Spread> = {}
    for (const base of bases) {
      const others = slices.get(base)
      const pairs = base === subject || !others ? [] : ratios(values, others)
      if (pairs.length > 0) against[base] = spread(pairs)
    }
    const beside = Object.keys(against).length > 0 ? { ratios: against } : {}
    return [{ ...head, subject, n: n(subject), slices: [...values], spread: spread(own), ...beside }]
  })
}

/** One subject's slices of single measurements, `null` where it had none in that round. */
export type SampledSlices = ReadonlyMap<Subject, readonly (Sampled | null)[]>

/**
 * The figures `ID/p50`, `ID/p90`, `ID/p99`, `ID/p99.9` and `ID/max`. The first has the histogram of all slices. A quantile for which no
 * slice has samples enough is taken of all slices together, if they have them: one value, and a note that says so.
 */
export function quantileFigures(head: Omit<FigureHead, "better">, slices: SampledSlices): Figure[] {
  const merged = new Map([...slices].map(([subject, list]) => [subject, mergedOf(list)]))
  const n = (subject: Subject) => merged.get(subject)?.n ?? 0
  return QUANTILES.flatMap(({ name, q, least }) => {
    const of = (list: readonly (Sampled | null)[]) => list.map(slice => slice?.quantiles[name] ?? null)
    const whole = { ...head, id: `${head.id}/${name}`, title: `${head.title}, ${name}`, better: "less" as const }
    const values = new Map([...slices].map(([subject, list]) => [subject, of(list)]))
    const made = figures(whole, values, n)
    const together = [...merged].flatMap(([subject, histogram]) => {
      if (histogram.n < least || made.some(figure => figure.subject === subject)) return []
      const value = [histogram.quantile(q)]
      const note = [head.note, "of all slices together"].filter(Boolean).join("; ")
      return [{ ...whole, note, subject, n: histogram.n, slices: value, spread: spread(value) }]
    })
    if (name !== "p50") return [...made, ...together]
    return made.map(figure => {
      const histogram = merged.get(figure.subject)?.report()
      return histogram ? { ...figure, histogram } : figure
    })
  })
}

function mergedOf(slices: readonly (Sampled | null)[]): Histogram {
  const all = new Histogram()
  for (const slice of slices) if (slice) all.merge(slice.histogram)
  return all
}
