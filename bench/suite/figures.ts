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

/** The note of a quantile that the slices have too few samples for. */
export const TOGETHER = "all slices together"

/**
 * The figures `ID/p50`, `ID/p90`, `ID/p99`, `ID/p99.9` and `ID/max`. The first has the histogram of all slices. The last two are `value`s of all
 * samples together, with the slices for their spread. So is any of which one slice has too few samples: the slices that have enough are
 * those in which nothing stalled, and would speak for the others. It has no slices then, and the note `TOGETHER`.
 */
export function quantileFigures(head: Omit<FigureHead, "better">, slices: SampledSlices): Figure[] {
  const merged = new Map([...slices].map(([subject, list]) => [subject, mergedOf(list)]))
  return QUANTILES.flatMap(({ name, q, least, of }) => {
    const whole = new Map([...merged].flatMap(([s, all]) => (all.n >= least ? [[s, all.quantile(q)] as const] : [])))
    const made = [...slices].flatMap(([subject, list]): { figure: Figure; bySlice: boolean }[] => {
      const value = whole.get(subject)
      if (value === undefined) return []
      const enough = list.every(slice => slice === null || slice.quantiles[name] !== null)
      const own = enough ? list.map(slice => slice?.quantiles[name] ?? null) : [value]
      const histogram = name === "p50" ? merged.get(subject)!.report() : undefined
      const note = [head.note, ...(enough ? [] : [TOGETHER])].filter(words => words !== undefined).join("; ")
      const figure: Figure = {
        ...head,
        id: `${head.id}/${name}`,
        title: `${head.title}, ${name}`,
        better: "less",
        subject,
        n: merged.get(subject)!.n,
        slices: own,
        spread: spread(own.filter(one => one !== null)),
        ...(enough && of === "slices" ? {} : { value }),
        ...(note === "" ? {} : { note }),
        ...(histogram ? { histogram } : {}),
      }
      return [{ figure, bySlice: figure.value === undefined }]
    })
    return made.map(({ figure, bySlice }) => {
      const against: Record<Subject, Spread> = {}
      for (const base of BASES) {
        const other = made.find(one => one.figure.subject === base)
        if (!other || base === figure.subject) continue
        // Like with like: where one of the two is of all samples, the other is.
        const pairs =
          bySlice && other.bySlice
            ? ratios(figure.slices, other.figure.slices)
            : ratios([whole.get(figure.subject)!], [whole.get(base)!])
        if (pairs.length > 0) against[base] = spread(pairs)
      }
      return Object.keys(against).length > 0 ? { ...figure, ratios: against } : figure
    })
  })
}

function mergedOf(slices: readonly (Sampled | null)[]): Histogram {
  const all = new Histogram()
  for (const slice of slices) if (slice) all.merge(slice.histogram)
  return all
}
