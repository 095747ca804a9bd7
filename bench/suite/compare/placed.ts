/** The figures of a report, each beside those that were measured in the same rounds. Owns how they are found, and quotients by slice. */
import type { Figure, Report, Subject } from "../report.ts"

export interface Placed {
  readonly figure: Figure
  /** Those measured in the same rounds, by subject: what it may be put in relation to. */
  readonly beside: ReadonlyMap<Subject, Figure>
}

/** By a key that is the same in two reports for the same figure. */
export function figuresOf(report: Report): Map<string, Placed> {
  const all = new Map<string, Placed>()
  const besides = new Map<string, Map<Subject, Figure>>()
  for (const figure of report.groups.flatMap(group => group.figures)) {
    const place = JSON.stringify([figure.id, figure.parameter?.name, figure.parameter?.value])
    const beside = besides.get(place) ?? new Map<Subject, Figure>()
    besides.set(place, beside.set(figure.subject, figure))
    all.set(`${place} ${figure.subject}`, { figure, beside })
  }
  return all
}

export const values = (figure: Figure) => figure.slices.filter(slice => slice !== null)

/** Slice by slice, of the rounds in which both were measured. */
export function quotients({ figure, beside }: Placed, to: Subject): number[] {
  const base = beside.get(to)
  if (base === undefined) return []
  return figure.slices.flatMap((slice, i) => {
    const under = base.slices[i]
    return slice === null || under === null || under === undefined || !(under > 0) ? [] : [slice / under]
  })
}
