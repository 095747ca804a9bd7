/** Figures over a parameter as one table: its values are the columns. Owns which values are shown; all of them are in the JSON. */
import { count, measured, parameter, show } from "./cells.ts"
import { columns, fits, type Row, wrap } from "./columns.ts"
import { figureValue } from "./figure.ts"
import { TOGETHER } from "./figures.ts"
import type { Figure, Subject } from "./report.ts"

/** So many values of the parameter are shown, as many as have room: the first, the last, and some between. */
const MOST = [5, 4, 3, 2]
/** Figures of this ending are a row of those that they are made of. */
const EFFICIENCY = "-efficiency"

/** Whether a figure is the share of another one that so many runners reach. */
export const isEfficiency = ({ id }: Pick<Figure, "id">): boolean => id.endsWith(EFFICIENCY)

/** @param figures of one parameter, of one id or several: each has its rows, and all of them one head */
export function series(figures: readonly Figure[]): string[] {
  const name = figures[0]!.parameter!.name
  const all = [...new Set(figures.map(figure => figure.parameter!.value))].sort((a, b) => a - b)
  const base = baseOf(figures)
  const ids = new Set(figures.filter(figure => !isEfficiency(figure)).map(({ id }) => id))
  const sets = [...ids].map(id => figures.filter(figure => figure.id === id))
  const tried = MOST.map(most => {
    const shown = some(all, most)
    const rows = sets.flatMap((set): Row[] => [
      { name: `${set[0]!.title} (${set[0]!.unit}, ${set[0]!.better} is better)`, cells: [] },
      ...rowsOf(set, figures, shown, base),
    ])
    return [{ name: `${name}:`, cells: [...shown.map(value => parameter(name, value)), "n"] }, ...rows]
  })
  return [
    ...columns(tried.find(rows => fits(rows)) ?? tried[0]!),
    ...notes(figures),
    ...(base === undefined ? [] : legend(base, figures)),
  ]
}

function rowsOf(
  set: readonly Figure[],
  figures: readonly Figure[],
  shown: readonly number[],
  base: Subject | undefined,
): Row[] {
  return [...new Set(set.map(({ subject }) => subject))].flatMap(subject => {
    const own = set.filter(figure => figure.subject === subject)
    const shares = figures.filter(one => one.subject === subject && one.id === `${own[0]!.id}${EFFICIENCY}`)
    const at = (list: readonly Figure[], value: number) => list.find(one => one.parameter!.value === value)
    const cells = shown.map(value => {
      const figure = at(own, value)
      if (!figure) return "-"
      const ratio = base === undefined ? undefined : figure.ratios?.[base]
      return `${measured(figureValue(figure), figure.unit)}${ratio ? ` x${show(ratio.median)}` : ""}`
    })
    const n = own.reduce((sum, figure) => sum + figure.n, 0)
    const speedUps = shown.map(value => {
      const share = at(shares, value)
      return share ? `${show((figureValue(share) * value) / 100)}` : "-"
    })
    const row = { name: `  ${subject}`, cells: [...cells, count(n)] }
    return shares.length === 0 ? [row] : [row, { name: "    speed-up", cells: speedUps }]
  })
}

/** Whom the figures are put in relation to: one that is in the table itself. */
function baseOf(figures: readonly Figure[]): Subject | undefined {
  const there = new Set(figures.map(({ subject }) => subject))
  const bases = [...new Set(["raw ws", ...figures.flatMap(({ ratios = {} }) => Object.keys(ratios))])]
  return bases.find(base => there.has(base) && figures.some(({ ratios }) => ratios?.[base]))
}

function legend(base: Subject, figures: readonly Figure[]): string[] {
  const betters = new Set(figures.map(({ better }) => better))
  const good = betters.size > 1 ? "" : `; ${betters.has("less") ? "below" : "above"} 1 is better`
  return wrap(`    (x: so many times ${base}, in the same rounds${good})`)
}

/** Each once, with the values of the parameter where it is not that of all. */
function notes(figures: readonly Figure[]): string[] {
  const told = figures.filter(figure => !isEfficiency(figure))
  const found = new Map<string, Set<string>>()
  for (const { note, subject, parameter: at } of told) {
    for (const one of note?.split("; ") ?? []) {
      if (one === TOGETHER) continue
      found.set(one, (found.get(one) ?? new Set()).add(`${subject}, ${parameter(at!.name, at!.value)} ${at!.name}`))
    }
  }
  return [...found].flatMap(([note, where]) =>
    wrap(where.size === told.length ? `    ${note}` : `    ${[...where].join("; ")}: ${note}`),
  )
}

function some(values: readonly number[], most: number): number[] {
  if (values.length <= most) return [...values]
  return Array.from({ length: most }, (_, i) => values[Math.round((i * (values.length - 1)) / (most - 1))]!)
}
