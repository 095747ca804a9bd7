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
    const against = ratiosTo(bases, subject, values, slices)
    return [{ ...head, subject, n: n(subject), slices: [...values], spread: spread(own), ...against }]
  })
}

function ratiosTo(bases: readonly Subject[], subject: Subject, values: readonly (number | null)[], slices: Slices) {
  const against: Record<Subject, Spread> = {}
  for (const base of bases) {
    const others = slices.get(base)
    const pairs = base === subject || !others ? [] : ratios(values, others)
    if (pairs.length > 0) against[base] = spread(pairs)
  }
  return Object.keys(against).length > 0 ? { ratios: against } : {}
}

/** One subject's slices of single measurements, `null` where it had none in that round. */
export type SampledSlices = ReadonlyMap<Subject, readonly (Sampled | null)[]>

/** The note of a quantile for which no single slice has samples enough. */
export const TOGETHER = "all slices together"

/**
 * The figures `ID/p50`, `ID/p90`, `ID/p99`, `ID/p99.9` and `ID/max`. The first has the histogram of all slices. A quantile for which no
 * slice has samples enough is taken of all slices together, if they have them: one value, its ratios to those of the others' slices
 * together, and the note `TOGETHER`.
 */
export function quantileFigures(head: Omit<FigureHead, "better">, slices: SampledSlices): Figure[] {
  const merged = new Map([...slices].map(([subject, list]) => [subject, mergedOf(list)]))
  const n = (subject: Subject) => merged.get(subject)?.n ?? 0
  return QUANTILES.flatMap(({ name, q, least }) => {
    const whole = { ...head, id: `${head.id}/${name}`, title: `${head.title}, ${name}`, better: "less" as const }
    const bySlice = new Map(
      [...slices].map(([subject, list]) => [subject, list.map(slice => slice?.quantiles[name] ?? null)]),
    )
    const together = new Map([...merged].map(([subject, all]) => [subject, [all.n >= least ? all.quantile(q) : null]]))
    const own = new Map(figures(whole, bySlice, n).map(figure => [figure.subject, figure]))
    const note = head.note === undefined ? TOGETHER : `${head.note}; ${TOGETHER}`
    const other = new Map(figures({ ...whole, note }, together, n).map(figure => [figure.subject, figure]))
    return [...slices.keys()].flatMap(subject => {
      const once = other.get(subject)
      const found = own.get(subject) ?? once
      if (!found) return []
      // Where the base has no such quantile of single slices: of all slices together, one value.
      const against = { ...once?.ratios, ...found.ratios }
      const figure = Object.keys(against).length === 0 ? found : { ...found, ratios: against }
      const histogram = name === "p50" ? merged.get(subject)?.report() : undefined
      return histogram ? [{ ...figure, histogram }] : [figure]
    })
  })
}

function mergedOf(slices: readonly (Sampled | null)[]): Histogram {
  const all = new Histogram()
  for (const slice of slices) if (slice) all.merge(slice.histogram)
  return all
}
