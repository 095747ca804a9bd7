/** A group's figures as lines of text of 100 columns at most. Owns the columns; what is too much for them is in the JSON. */
import { figureValue } from "./figure.ts"
import { TOGETHER } from "./figures.ts"
import { GC } from "./gc.ts"
import type { Figure, GroupReport } from "./report.ts"
import { OURS, OURS_PLAIN } from "./subjects.ts"
import { FEWEST_ROUNDS, standingOf } from "./verdict.ts"

const NAME = 22
/** Of a series, so many values of the parameter are shown: the first, the last, and some between. */
const SERIES = 5

export function groupTable({ id, title, figures, skipped, seconds }: GroupReport): string[] {
  const inTables = figures.filter(figure => !figure.id.endsWith(GC))
  const ids = [...new Set(inTables.map(figure => figure.id))]
  const notes = new Set(inTables.flatMap(figure => ownNotes(figure).map(note => `${figure.subject} ${note}`)))
  return [
    `${id}: ${title} (${seconds.toFixed(0)} s)`,
    ...ids.flatMap(one => block(inTables.filter(figure => figure.id === one))),
    ...doubt(inTables),
    ...(notes.size === 0 ? [] : wrap(`  Notes: ${[...notes].join("; ")}`)),
    ...collections(figures.filter(figure => figure.id.endsWith(GC))),
    ...skipped.flatMap(({ subject, reason }) => wrap(`  - ${subject}: ${reason}`)),
  ]
}

/** Why there are no verdicts, where there are none for want of rounds. */
function doubt(figures: readonly Figure[]): string[] {
  const rounds = Math.max(0, ...figures.map(({ slices }) => slices.length))
  const some = new Set(figures.map(({ subject }) => subject)).size > 1
  if (!some || rounds >= FEWEST_ROUNDS) return []
  return [`  No verdicts: ${rounds} round${rounds === 1 ? "" : "s"}, and who is faster takes ${FEWEST_ROUNDS}`]
}

function ownNotes({ note }: Figure): string[] {
  return note?.split("; ").filter(one => one !== TOGETHER) ?? []
}

/** One line for all of them. */
function collections(figures: readonly Figure[]): string[] {
  if (figures.length === 0) return []
  const each = figures.map(({ subject, spread }) => `${subject} ${spread.median.toFixed(1)}`)
  return wrap(`  Garbage collection in the client, % of the time: ${each.join("; ")}`)
}

function block(figures: readonly Figure[]): string[] {
  const [first] = figures
  if (!first) return []
  const ofAll = figures.some(({ value, spread }) => value !== undefined && spread.n > 1) ? "; of all calls" : ""
  const head = `  ${first.title} (${first.unit}, ${first.better} is better${ofAll})`
  const values = new Set(figures.map(figure => figure.parameter?.value))
  const lines = values.size > 1 ? series(figures) : rows(figures)
  return [head, ...lines]
}

/** One line for each subject. */
function rows(figures: readonly Figure[]): string[] {
  const ours = figures.find(({ subject }) => subject === OURS) ?? figures.find(({ subject }) => subject === OURS_PLAIN)
  const head = `    ${"".padEnd(NAME)}${cell("value", 9)}${cell("p25 .. p75", 19)}${cell("n", 9)}${cell("/raw TCP", 10)}${cell("/raw ws", 9)}  than ours`
  return [
    head,
    ...figures.map(figure => {
      const { subject, spread, n, ratios, note } = figure
      const against = (base: string) => (ratios?.[base] ? show(ratios[base].median) : "-")
      const between =
        spread.n === 1 ? (note?.includes(TOGETHER) ? "all slices" : "-") : `${show(spread.p25)} .. ${show(spread.p75)}`
      const line = `    ${subject.padEnd(NAME)}${cell(show(figureValue(figure)), 9)}${cell(between, 19)}${cell(count(n), 9)}${cell(against("raw TCP"), 10)}${cell(against("raw ws"), 9)}`
      const words = verdict(figure, ours)
      return `${line}${words === "" ? "" : `  ${words}`}`.slice(0, 100).trimEnd()
    }),
  ]
}

/** Of a subject that is not ours: how much better or worse it is, as far as the rounds say. */
function verdict(figure: Figure, ours: Figure | undefined): string {
  if (!ours || figure.subject === OURS || figure.subject === OURS_PLAIN) return ""
  const standing = standingOf(figure, ours)
  if (!standing || standing.kind === "unsure") return ""
  if (standing.kind === "near") return "like ours"
  const { advantage, kind } = standing
  const [good, bad] = figure.unit === "%" || figure.unit === "MiB" ? ["better", "worse"] : ["faster", "slower"]
  return `${show(Math.max(advantage, 1 / advantage))}x ${kind === "ahead" ? good : bad}`
}

/** One line for each subject, one column for some values of the parameter: the median, and its ratio to raw ws. */
function series(figures: readonly Figure[]): string[] {
  const name = figures[0]!.parameter!.name
  const all = [...new Set(figures.map(figure => figure.parameter!.value))].sort((a, b) => a - b)
  const shown = some(all, SERIES)
  const subjects = [...new Set(figures.map(({ subject }) => subject))]
  const head = `    ${`${name}:`.padEnd(NAME)}${shown.map(value => cell(parameter(name, value), 13)).join("")}${cell("n", 8)}`
  return [
    head,
    ...subjects.map(subject => {
      const own = figures.filter(figure => figure.subject === subject)
      const cells = shown.map(value => {
        const figure = own.find(one => one.parameter!.value === value)
        if (!figure) return cell("-", 13)
        const ratio = figure.ratios?.["raw ws"]
        return cell(`${show(figureValue(figure))}${ratio ? ` x${show(ratio.median)}` : ""}`, 13)
      })
      const n = own.reduce((sum, figure) => sum + figure.n, 0)
      return `    ${subject.padEnd(NAME)}${cells.join("")}${cell(count(n), 8)}`
    }),
    "    (x: how many times raw ws, in the same rounds)",
  ]
}

function some(values: readonly number[], most: number): number[] {
  if (values.length <= most) return [...values]
  return Array.from({ length: most }, (_, i) => values[Math.round((i * (values.length - 1)) / (most - 1))]!)
}

function parameter(name: string, value: number): string {
  if (!/byte|size/i.test(name)) return count(value)
  if (value >= 2 ** 20) return `${value / 2 ** 20} MiB`
  return value >= 2 ** 10 ? `${value / 2 ** 10} KiB` : `${value} B`
}

/** Three figures that mean something, in seven columns at most. */
export function show(value: number): string {
  if (value >= 1_000_000) return `${(value / 1e6).toPrecision(3)}M`
  if (value >= 100_000) return `${Math.round(value / 1_000)}k`
  if (value >= 1_000) return count(Math.round(value))
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function count(value: number): string {
  if (value >= 10_000_000) return `${(value / 1e6).toFixed(0)}M`
  return value.toLocaleString("en-US")
}

function cell(text: string, width: number): string {
  return ` ${text}`.padStart(width)
}

function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.replaceAll("\n", " ").split(" ")) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < 100) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(lines.length === 0 ? word : `      ${word}`)
  }
  return lines
}
