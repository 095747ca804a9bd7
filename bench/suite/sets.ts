/** The figures of a report put together as plots and tables need them: by id, by subject, by parameter, one against another. */
import { quotients } from "./figure.ts"
import type { Figure, GroupReport, Spread, Subject } from "./report.ts"
import { spread } from "./statistics.ts"

export const OURS: Subject = "slurm-flame"

/** Also `slurm-flame, no TLS` and its like, which are no rivals of ours. */
export function isOurs(subject: Subject): boolean {
  return subject === OURS || subject.startsWith(`${OURS},`)
}

/** The one of ours that others are compared with: with its defaults where it was measured so. */
export function oursOf(set: FigureSet): Subject | undefined {
  return set.subjects.includes(OURS) ? OURS : set.subjects.find(isOurs)
}

/** What only explains the other figures (how busy the collector was): in the tables, and no contest. */
export function isContext(set: FigureSet): boolean {
  return set.id.endsWith("/gc")
}

/** Fewer rounds tell nothing of how far they lie apart. */
const FEWEST = 3

/** All figures with one id: a table, or a plot. */
export interface FigureSet {
  readonly id: string
  readonly title: string
  readonly first: Figure
  readonly figures: readonly Figure[]
  /** The parameter that all of them have; undefined when they have none. */
  readonly parameter?: string
  /** Of the parameter, in order; empty without one. */
  readonly values: readonly number[]
  readonly subjects: readonly Subject[]
}

/** The group's figures by id, in the order of the report. Those with a parameter and those without it are two sets. */
export function setsOf(group: GroupReport): FigureSet[] {
  const sets = new Map<string, Figure[]>()
  for (const figure of group.figures) {
    const key = JSON.stringify([figure.id, figure.parameter?.name])
    sets.set(key, [...(sets.get(key) ?? []), figure])
  }
  return [...sets.values()].map(figures => {
    const first = figures[0]!
    const values = figures.flatMap(figure => (figure.parameter === undefined ? [] : [figure.parameter.value]))
    return {
      id: first.id,
      title: first.title,
      first,
      figures,
      ...(first.parameter === undefined ? {} : { parameter: first.parameter.name }),
      values: [...new Set(values)].sort((a, b) => a - b),
      subjects: [...new Set(figures.map(figure => figure.subject))],
    }
  })
}

/** The figure of a subject at a value of the parameter. */
export function find(set: FigureSet, subject: Subject, value?: number): Figure | undefined {
  return set.figures.find(
    figure => figure.subject === subject && (value === undefined || figure.parameter?.value === value),
  )
}

/** `figure / base` as it was measured, or of the slices of the same rounds where the report does not say it. */
export function ratioOf(figure: Figure, base: Figure | undefined): Spread | undefined {
  if (base === undefined || base === figure) return undefined
  const told = figure.ratios?.[base.subject]
  if (told !== undefined && told.n > 0) return told
  const pairs = quotients(figure, base)
  return pairs.length === 0 ? undefined : spread(pairs)
}

/** Who others are put in relation to in this set: the bare wires, then ours, as far as they are in it. */
export function basesOf(set: FigureSet): Subject[] {
  const bases = ["raw ws", "raw TCP", oursOf(set)].filter(base => base !== undefined && set.subjects.includes(base))
  return set.subjects.length > 1 ? (bases as Subject[]) : []
}

/** How many times as good as the other's ours is: above 1 ours is ahead, whether less or more is better. */
export interface Standing {
  readonly subject: Subject
  readonly figure: Figure
  /** Of the rounds that both were in. */
  readonly advantage: Spread
  /** `near`: the quarters lie on both sides of 1, or there are fewer than three rounds. */
  readonly kind: "ahead" | "behind" | "near"
}

/** Where ours stands against the other subjects, figure by figure. A ratio that is not above zero is left out: nothing can be said of it. */
export function standings(set: FigureSet, value?: number): Standing[] {
  const own = oursOf(set)
  const ours = own === undefined ? undefined : find(set, own, value)
  if (ours === undefined) return []
  return set.subjects.flatMap(subject => {
    const other = find(set, subject, value)
    const ratio = isOurs(subject) ? undefined : ratioOf(ours, other)
    if (ratio === undefined || !(ratio.min > 0)) return []
    const advantage = ours.better === "more" ? ratio : inverse(ratio)
    const kind = advantage.n < FEWEST ? "near" : advantage.p25 > 1 ? "ahead" : advantage.p75 < 1 ? "behind" : "near"
    return [{ subject, figure: ours, advantage, kind }]
  })
}

function inverse({ median, p25, p75, min, max, n }: Spread): Spread {
  return { median: 1 / median, p25: 1 / p75, p75: 1 / p25, min: 1 / max, max: 1 / min, n }
}
