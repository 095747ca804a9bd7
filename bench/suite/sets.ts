/** The figures of a report put together as plots and tables need them: by id, by subject, by parameter, one against another. */
import { quotients } from "./figure.ts"
import type { Figure, GroupReport, Spread, Subject } from "./report.ts"
import { spread } from "./statistics.ts"
import { type Standing, standingOf } from "./verdict.ts"

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

/** Where ours stands against one of the others in one figure. */
export interface Rivalry extends Standing {
  readonly subject: Subject
  readonly figure: Figure
}

/** Where ours stands against the other subjects. What has no quotient is left out: nothing can be said of it. */
export function rivalries(set: FigureSet, value?: number): Rivalry[] {
  const own = oursOf(set)
  const ours = own === undefined ? undefined : find(set, own, value)
  if (ours === undefined) return []
  return set.subjects.flatMap(subject => {
    const other = isOurs(subject) ? undefined : find(set, subject, value)
    const standing = other && standingOf(ours, other)
    return standing ? [{ ...standing, subject, figure: ours }] : []
  })
}
