/** The figures of a group as tables: everyone's spread and ratios, and for a series its matrix. Owns the columns. */

import { figureValue } from "../figure.ts"
import { byWords } from "../plots/labels.ts"
import { parameterText, parameterWords, quantity, range, threeDigits, times } from "../quantity.ts"
import type { Figure, Subject } from "../report.ts"
import { basesOf, type FigureSet, find, isOurs, ratioOf } from "../sets.ts"
import { footnote, isThread, marked, SAME_PROCESS } from "../threads.ts"
import { breakable, type Column, type Content, Markup, type Row, table, tag } from "./elements.ts"
import { versus } from "./versus.ts"

/** What the set comes to: for a series a matrix of medians, with all the rest folded away. */
export function figureTables(set: FigureSet): Markup {
  if (set.parameter === undefined) return full(set, set.figures, `${set.title} (${set.first.better} is better)`)
  const details = set.values.map(value =>
    full(
      set,
      set.figures.filter(figure => figure.parameter?.value === value),
      `${set.title}, ${parameterWords(set.parameter!, value)}`,
      value,
    ),
  )
  const summary = tag("summary", {}, `${set.title}: spread, n and ratios ${byWords(set.parameter)}`)
  return new Markup([matrix(set), tag("details", {}, [summary, ...details])].map(({ html }) => html).join(""))
}

function full(set: FigureSet, figures: readonly Figure[], caption: string, at?: number): Markup {
  const bases = basesOf(set)
  const sign = set.first.better === "more" ? -1 : 1
  const rows = [...figures].sort((a, b) => sign * (figureValue(a) - figureValue(b)))
  const columns: Column[] = [
    { title: "", text: true },
    ...["value", "p25–p75", "min–max", "n", "slices"].map(title => ({ title })),
    ...bases.map(base => ({ title: `against ${base}` })),
  ]
  return table(
    caption,
    columns,
    rows.map((figure): Row => {
      const { subject, spread, value, unit, n, slices, note } = figure
      const words = [...(isThread(subject) ? [SAME_PROCESS] : []), ...(note === undefined ? [] : [note])]
      const missing = slices.filter(slice => slice === null).length
      return {
        name: isOurs(subject) ? "ours" : undefined,
        cells: [
          words.length === 0 ? subject : [subject, tag("small", {}, words.join("; "))],
          // A median of slices, unless it says otherwise.
          value === undefined || spread.n === 1
            ? quantity(figureValue(figure), unit, threeDigits)
            : [quantity(value, unit, threeDigits), tag("small", {}, " of all")],
          // Of one slice there is nothing to tell.
          spread.n === 1 ? "–" : range(spread.p25, spread.p75, unit, threeDigits),
          spread.n === 1 ? "–" : range(spread.min, spread.max, unit, threeDigits),
          n.toLocaleString("en-US"),
          missing === 0 ? String(spread.n) : `${spread.n} (${missing} missing)`,
          ...bases.map(base => ratio(figure, find(set, base, at))),
        ],
      }
    }),
  )
}

/** The median of the ratios within rounds, in words, with its quarters as factors. */
function ratio(figure: Figure, base: Figure | undefined): Content {
  if (figure === base) return "1"
  const spread = ratioOf(figure, base)
  if (spread === undefined || !(spread.median > 0)) return "–"
  const words = versus(figure, figure.better === "more" ? spread.median : 1 / spread.median).join(" ")
  return spread.n === 1
    ? words
    : [words, tag("small", {}, ` (${times(spread.p25, threeDigits)}–${times(spread.p75, threeDigits)})`)]
}

/** So many values at most: every second or fourth of more; what is left out is in the details. */
const ROWS = 15

function matrix(set: FigureSet): Markup {
  const every = Math.ceil(set.values.length / ROWS)
  const values = set.values.filter((_, i) => i % every === 0 || i === set.values.length - 1)
  const parameter = set.parameter!
  const best = (value: number): Subject | undefined => {
    const all = set.figures.filter(figure => figure.parameter?.value === value)
    const sign = set.first.better === "more" ? -1 : 1
    return [...all].sort((a, b) => sign * (figureValue(a) - figureValue(b)))[0]?.subject
  }
  const note = footnote(set.subjects)
  const some = every > 1 ? `, ${values.length} of ${set.values.length} values` : ""
  return table(
    `${set.title} (${set.first.better} is better; bold: the best of the row${some})${note === undefined ? "" : `; ${note}`}`,
    [{ title: parameter, text: true }, ...set.subjects.map(subject => ({ title: breakable(marked(subject)) }))],
    values.map(value => {
      const first = set.subjects.length > 1 ? best(value) : undefined
      return {
        cells: [
          parameterText(parameter, value),
          ...set.subjects.map((subject): Content => {
            const figure = find(set, subject, value)
            if (figure === undefined) return "–"
            const median = quantity(figureValue(figure), figure.unit, threeDigits)
            return subject === first ? tag("b", {}, median) : median
          }),
        ],
      }
    }),
    "matrix",
  )
}
