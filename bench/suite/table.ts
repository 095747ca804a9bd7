/** A group's figures as lines of text. Owns which figures share a table and what its columns are; what is too much for them is in the JSON. */
import { between, count, measured, show } from "./cells.ts"
import { columns, type Row, wrap } from "./columns.ts"
import { figureValue } from "./figure.ts"
import { BASES, TOGETHER } from "./figures.ts"
import { GC } from "./gc.ts"
import type { Figure, GroupReport, Subject } from "./report.ts"
import { QUANTILES } from "./sampled.ts"
import { isEfficiency, series } from "./series.ts"
import { OURS, OURS_PLAIN } from "./subjects.ts"
import { FEWEST_ROUNDS, standingOf } from "./verdict.ts"

/** How a reason begins that is the same in every group: it is told once, at the end of the run. */
export const NOT_INSTALLED = "not installed: "

export function groupTable({ id, title, figures, skipped, seconds }: GroupReport): string[] {
  const inTables = figures.filter(figure => !figure.id.endsWith(GC))
  return [
    `${id}: ${title} (${seconds.toFixed(0)} s)`,
    ...tablesOf(inTables).flatMap(table => block(table, inTables)),
    ...doubt(inTables),
    ...collections(figures.filter(figure => figure.id.endsWith(GC))),
    ...absent(skipped),
  ]
}

/** Each reason once. */
function absent(skipped: GroupReport["skipped"]): string[] {
  const told = skipped.filter(({ reason }) => !reason.startsWith(NOT_INSTALLED))
  return [...new Set(told.map(({ reason }) => reason))].flatMap(reason => {
    const names = told.filter(one => one.reason === reason).map(({ subject }) => subject)
    return wrap(`  - ${names.join("; ")}: ${reason}`)
  })
}

/** What the columns of a group's tables mean, one text each: to be told with the first group that has it. */
export function legendsOf({ figures }: GroupReport): string[] {
  const tables = tablesOf(figures.filter(({ id }) => !id.endsWith(GC))).filter(table => kindOf(table) === "subjects")
  const told = tables.flatMap(table => {
    const bases = basesOf(table)
    return [
      ...(bases.length === 0
        ? []
        : [
            "/NAME: so many times what NAME has; the median of the ratios in the same rounds, not that of two medians.",
          ]),
      ...(verdicts(table).every(words => words === "")
        ? []
        : [
            "faster, slower: than slurm-flame, by the median of the rounds' ratios; like ours: the interval of the rounds' ratios holds 1.",
          ]),
      ...(table.some(({ id }) => id.endsWith("/p99.9"))
        ? ["p99.9 is told from 1,000 calls on: one is beyond it then, and below 10,000 it is nearly the largest."]
        : []),
      ...(table.some(isTogether)
        ? ["all slices: a slice has too few calls for this quantile; it is of all together."]
        : []),
    ]
  })
  return [...new Set(told)]
}

/** Why there are no verdicts, where there are none for want of rounds. */
function doubt(figures: readonly Figure[]): string[] {
  const rounds = Math.max(0, ...figures.map(({ slices }) => slices.length))
  const some = new Set(figures.map(({ subject }) => subject)).size > 1
  if (!some || rounds >= FEWEST_ROUNDS) return []
  return [`  No verdicts: ${rounds} round${rounds === 1 ? "" : "s"}, and who is faster takes ${FEWEST_ROUNDS}`]
}

/** One line for all of them. */
function collections(figures: readonly Figure[]): string[] {
  if (figures.length === 0) return []
  const each = figures.map(({ subject, spread }) => `${subject} ${spread.median.toFixed(1)}`)
  return wrap(`  Garbage collection in the client, % of the time: ${each.join("; ")}`)
}

type Kind = "series" | "stages" | "subjects"

/** Over a parameter; several figures of one subject that nobody else has; or one figure of several subjects. */
function kindOf(figures: readonly Figure[]): Kind {
  if (new Set(figures.map(figure => figure.parameter?.value)).size > 1 || figures.every(isEfficiency)) return "series"
  return new Set(figures.map(({ id }) => id)).size > 1 ? "stages" : "subjects"
}

/** Neighbours that fit into one table are in one: series over the same parameter, and figures that the same one subject alone has. */
function tablesOf(figures: readonly Figure[]): Figure[][] {
  const tables: Figure[][] = []
  for (const id of new Set(figures.map(figure => figure.id))) {
    const own = figures.filter(figure => figure.id === id)
    const last = tables.at(-1)
    if (last && key(own) !== undefined && key(last) === key(own)) last.push(...own)
    else tables.push(own)
  }
  return tables
}

/** The same for figures that may be in one table; undefined for those that have one of their own. */
function key(figures: readonly Figure[]): string | undefined {
  const [first] = figures
  if (kindOf(figures) === "series") return `over ${first!.parameter!.name}`
  const quantile = QUANTILES.some(({ name }) => first!.id.endsWith(`/${name}`))
  const alone = new Set(figures.map(({ subject }) => subject)).size === 1
  return alone && !quantile ? `${first!.subject} ${first!.unit} ${first!.better}` : undefined
}

function block(table: readonly Figure[], group: readonly Figure[]): string[] {
  switch (kindOf(table)) {
    case "series":
      return series(table)
    case "stages":
      return stages(table)
    case "subjects":
      return [...subjects(table), ...tooFew(table, group)]
  }
}

/** One line for each figure of the one subject. */
function stages(figures: readonly Figure[]): string[] {
  const [{ subject, unit, better, title }] = figures as [Figure]
  const start = title.slice(0, title.indexOf(": ") + 2)
  const prefix = figures.every(figure => figure.title.startsWith(start)) ? start : ""
  const rows = figures.map((figure): Row => {
    const note = ownNote(figure)
    return { name: figure.title.slice(prefix.length), cells: middle(figure), ...(note === undefined ? {} : { note }) }
  })
  return [`  ${prefix}${subject} (${unit}, ${better} is better)`, ...columns([{ name: "", cells: HEAD }, ...rows])]
}

const HEAD = ["value", "p25 .. p75", "n"]

function middle(figure: Figure): string[] {
  const { spread, unit, n } = figure
  const value = figureValue(figure)
  const range =
    spread.n === 1 ? (isTogether(figure) ? "all slices" : "-") : between(spread.p25, spread.p75, value, unit)
  return [measured(value, unit), range, count(n)]
}

/** One line for each subject. */
function subjects(figures: readonly Figure[]): string[] {
  const [first] = figures as [Figure]
  const ofAll = figures.some(({ value, spread }) => value !== undefined && spread.n > 1) ? "; of all calls" : ""
  const bases = basesOf(figures)
  const words = verdicts(figures)
  const anyWords = words.some(one => one !== "")
  const notes = new Set(figures.map(ownNote))
  const [shared] = notes.size === 1 ? notes : []
  const rows = figures.map((figure, at): Row => {
    const own = Object.entries(figure.ratios ?? {})
    const ratios = bases.map(name => {
      const found = own.find(([base]) => against(base, figure.subject) === name)
      return found ? show(found[1].median) : "-"
    })
    const note = shared === undefined ? ownNote(figure) : undefined
    return {
      name: figure.subject,
      cells: [...middle(figure), ...ratios, ...(anyWords ? [words[at]!] : [])],
      ...(note === undefined ? {} : { note }),
    }
  })
  const head = [...HEAD, ...bases.map(base => `/${base}`)]
  return [
    `  ${first.title} (${first.unit}, ${first.better} is better${ofAll})`,
    ...(shared === undefined ? [] : wrap(`    ${shared}`)),
    ...columns([{ name: "", cells: head }, ...rows]),
  ]
}

/** The columns of ratios: to whom, as far as that is in the table itself. */
function basesOf(figures: readonly Figure[]): string[] {
  const there = new Set(figures.map(({ subject }) => subject))
  const known = BASES.filter(base => there.has(base) && figures.some(({ ratios }) => ratios?.[base]))
  const others = figures.flatMap(({ subject, ratios = {} }) =>
    Object.keys(ratios).flatMap(base => (there.has(base) ? [against(base, subject)] : [])),
  )
  return [...new Set([...known, ...others])]
}

/** What a base is called beside a subject: the subject itself in another way (`X, direct`) is that way. */
function against(base: Subject, subject: Subject): string {
  return base.startsWith(`${subject}, `) ? base.slice(subject.length + 2) : base.replace(" worker_threads", "")
}

/** Of each figure, as far as the rounds say it; empty for ours. */
function verdicts(figures: readonly Figure[]): string[] {
  const ours = figures.find(({ subject }) => subject === OURS) ?? figures.find(({ subject }) => subject === OURS_PLAIN)
  return figures.map(figure => verdict(figure, ours))
}

/** Of another subject: how much better or worse it is. One with a comma is a subject in another way, which is no contest. */
function verdict(figure: Figure, ours: Figure | undefined): string {
  if (!ours || figure.subject === OURS || figure.subject.includes(", ")) return ""
  const standing = standingOf(figure, ours)
  if (!standing || standing.kind === "unsure") return ""
  if (standing.kind === "near") return "like ours"
  const { advantage, kind } = standing
  const [good, bad] = figure.unit === "%" || figure.unit === "MiB" ? ["better", "worse"] : ["faster", "slower"]
  return `${show(Math.max(advantage, 1 / advantage))}x ${kind === "ahead" ? good : bad}`
}

/** Who is in the other quantiles of the same calls, and has too few of them for this one. */
function tooFew(table: readonly Figure[], group: readonly Figure[]): string[] {
  const { id } = table[0]!
  const quantile = QUANTILES.find(({ name }) => id.endsWith(`/${name}`))
  if (!quantile) return []
  const there = new Set(table.map(({ subject }) => subject))
  const of = `${id.slice(0, -quantile.name.length)}p50`
  const lacking = group.filter(figure => figure.id === of && !there.has(figure.subject) && figure.n < quantile.least)
  if (lacking.length === 0) return []
  const names = lacking.map(({ subject, n }) => `${subject} (${count(n)})`)
  return wrap(`    too few calls for it, which takes ${count(quantile.least)}: ${names.join("; ")}`)
}

function isTogether({ note }: Figure): boolean {
  return note?.split("; ").includes(TOGETHER) ?? false
}

function ownNote({ note }: Figure): string | undefined {
  const own = note?.split("; ").filter(one => one !== TOGETHER) ?? []
  return own.length === 0 ? undefined : own.join("; ")
}
