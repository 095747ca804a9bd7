/** The numbers that most people come for: ours, those of the bare wires, and what is between them. Owns which ones they are. */
import { figureValue } from "../figure.ts"
import { parameterWords, quantity, threeDigits } from "../quantity.ts"
import type { Figure, Report, Subject } from "../report.ts"
import { type FigureSet, find, oursOf, setsOf } from "../sets.ts"
import { standingOf } from "../verdict.ts"
import { type Content, Markup, type Row, table } from "./elements.ts"
import { versusCell } from "./versus.ts"

interface Headline {
  readonly id: string
  readonly words: string
  /** Of a series: which value of its parameter. */
  readonly at?: (values: readonly number[]) => number | undefined
}

const largest = (values: readonly number[]) => values.at(-1)

const HEADLINES: readonly Headline[] = [
  { id: "small/p50", words: "Small call, median (p50)" },
  { id: "small/p99", words: "Small call, p99" },
  { id: "rate/closed", words: "Small calls", at: values => (values.includes(64) ? 64 : largest(values)) },
  { id: "bandwidth/up", words: "To the runner", at: largest },
  { id: "bandwidth/down", words: "From the runner", at: largest },
  { id: "cold-start/total", words: "A new runner, from the order to its first result" },
]

const WIRES: readonly Subject[] = ["raw ws", "raw TCP"]

/** A row for each that was measured; nothing where there is none. */
export function headlines(report: Report): Markup {
  const sets = report.groups.flatMap(setsOf)
  const rows = HEADLINES.flatMap((headline): Row[] => {
    const set = sets.find(({ id }) => id === headline.id)
    return set === undefined ? [] : rowOf(headline, set)
  })
  const wires = WIRES.filter(wire => report.groups.some(group => group.figures.some(({ subject }) => subject === wire)))
  if (rows.length === 0) return new Markup("")
  const columns = [
    { title: "", text: true },
    { title: "slurm-flame" },
    ...wires.flatMap(wire => [{ title: wire }, { title: `against ${wire}` }]),
  ]
  const kept = rows.map(({ cells }) => ({
    cells: [
      ...cells.slice(0, 2),
      ...WIRES.flatMap((wire, i) => (wires.includes(wire) ? cells.slice(2 + 2 * i, 4 + 2 * i) : [])),
    ],
  }))
  return table("In short", columns, kept)
}

function rowOf({ words, at }: Headline, set: FigureSet): Row[] {
  const own = oursOf(set)
  const value = at?.(set.values)
  const ours = own === undefined ? undefined : find(set, own, value)
  if (ours === undefined) return []
  const where = value === undefined ? "" : `, ${parameterWords(set.parameter!, value)}`
  return [{ cells: [words + where, said(ours), ...WIRES.flatMap(wire => against(ours, find(set, wire, value)))] }]
}

const said = (figure: Figure) => quantity(figureValue(figure), figure.unit, threeDigits)

function against(ours: Figure, wire: Figure | undefined): Content[] {
  if (wire === undefined) return ["–", "–"]
  const standing = standingOf(ours, wire)
  return [said(wire), standing === undefined ? "–" : versusCell(ours, standing)]
}
