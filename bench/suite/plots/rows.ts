/** Plots with a row for each subject: dots with their quarters, and bars of parts. Owns their layout. Knows no report. */

import { footnote, marked } from "../threads.ts"
import { type Axis, linear, logarithmic, reachOf } from "./axis.ts"
import { GRID, rule, WIDTH, xTicks } from "./frame.ts"
import { FILLS, marker, stylesOf } from "./palette.ts"
import { el, escaped, picture, shorten, text, widthOf, wrap } from "./svg.ts"

const ROW = 21

interface RowsOptions {
  readonly title: string
  readonly description: string
  readonly xLabel: string
  readonly tick: (value: number) => string
}

export interface DotRow {
  readonly name: string
  readonly value: number
  readonly low: number
  readonly high: number
  /** What stands to the right of it: the numbers. */
  readonly words: string
}

export interface DotGroup {
  readonly title: string
  readonly rows: readonly DotRow[]
}

/** Dots with quarters on a logarithmic axis, with `level` drawn through; a heading above each group. */
export function dotsPlot(groups: readonly DotGroup[], options: RowsOptions & { level?: number }): string {
  const finite = groups.map(group => ({ ...group, rows: group.rows.filter(row => Number.isFinite(row.value)) }))
  const shown = finite.filter(group => group.rows.length > 0)
  const rows = shown.flatMap(group => group.rows)
  const level = options.level === undefined ? [] : [options.level]
  const reach = reachOf(rows.map(row => row.value))
  const x = logarithmic([...rows.flatMap(row => [row.value, reach(row.low), reach(row.high)]), ...level], {
    label: options.tick,
  })
  const style = stylesOf(rows.map(row => row.name))
  const layout = layoutOf(rows, options, shown.length * ROW + rows.length * ROW + (shown.length - 1) * 6)
  const { left, top, bottom, plotWidth } = layout
  const xOf = (share: number) => left + share * plotWidth
  const parts: string[] = [
    grid(x, layout),
    ...level.map(at => rule(xOf(x.at(at)), top, xOf(x.at(at)), bottom, "#222222", 1.6)),
  ]
  let y = top
  for (const group of shown) {
    parts.push(
      el("rect", { x: 8, y, width: WIDTH - 16, height: ROW - 2, fill: "#f3f3f3" }),
      text(12, y + 15, shorten(group.title, 100), { "font-weight": "bold" }),
    )
    y += ROW
    for (const row of group.rows) {
      const look = style(row.name)
      const middle = y + ROW / 2
      parts.push(
        el("g", {}, el("title", {}, escaped(`${row.name}: ${row.words}`)), named(row.name, left, middle)),
        rule(xOf(x.at(row.low)), middle, xOf(x.at(row.high)), middle, look.colour, 2),
        marker(xOf(x.at(row.value)), middle, look),
        text(left + plotWidth + 12, middle + 4, row.words, { "font-size": 11.5 }),
      )
      y += ROW
    }
    y += 6
  }
  return picture({ width: WIDTH, height: layout.height }, options.title, options.description, parts.join(""))
}

export interface BarRow {
  readonly name: string
  /** In the order of `parts`; 0 where there is none. */
  readonly values: readonly number[]
  readonly words: string
}

/** Bars of parts, from 0. Numbered in bars and legend, so that nobody needs the colours. */
export function barsPlot(rows: readonly BarRow[], parts: readonly string[], options: RowsOptions): string {
  const safe = rows.map(row => ({
    ...row,
    values: row.values.map(value => (Number.isFinite(value) ? Math.max(0, value) : 0)),
  }))
  const x = linear(
    safe.map(row => row.values.reduce((a, b) => a + b, 0)),
    options.tick,
  )
  const [legend, legendHeight] = legendOf(parts)
  const layout = layoutOf(rows, options, rows.length * (ROW + 9) + 4, legendHeight)
  const { left, top, plotWidth } = layout
  const body = safe.map((row, at) => {
    const y = top + at * (ROW + 9) + 4
    let sum = 0
    const pieces = row.values.map((value, i) => {
      const [from, to] = [left + x.at(sum) * plotWidth, left + x.at(sum + value) * plotWidth]
      sum += value
      if (to - from < 0.05) return ""
      const number = to - from > 15 ? text((from + to) / 2, y + 15, String(i + 1), numberLook(i)) : ""
      const look = { fill: FILLS[i % FILLS.length]!, stroke: "#ffffff", "stroke-width": 0.7 }
      const title = el("title", {}, escaped(`${parts[i]}: ${options.tick(value)}`))
      return el("g", {}, title, el("rect", { x: from, y, width: to - from, height: ROW, ...look }), number)
    })
    return [
      named(row.name, left, y + ROW / 2),
      ...pieces,
      text(left + plotWidth + 12, y + 15, row.words, { "font-size": 11.5 }),
    ].join("")
  })
  const all = [grid(x, layout), ...body, el("g", { transform: `translate(${left} ${layout.bottom + 58})` }, legend)]
  return picture({ width: WIDTH, height: layout.height }, options.title, options.description, all.join(""))
}

interface Layout {
  readonly left: number
  readonly top: number
  readonly bottom: number
  readonly plotWidth: number
  readonly height: number
  readonly title: string
  readonly xLabel: string
}

const LONGEST_NAME = 32

function layoutOf(
  rows: readonly { name: string; words: string }[],
  options: RowsOptions,
  high: number,
  more = 0,
): Layout {
  const left = 22 + Math.max(30, ...rows.map(row => widthOf(marked(row.name, shorten(row.name, LONGEST_NAME)))))
  const right = 24 + Math.max(0, ...rows.map(row => widthOf(row.words, 11.5)))
  const top = 14 + wrap(options.title, 92).length * 17
  const bottom = top + Math.max(ROW, high)
  const { title } = options
  const note = footnote(rows.map(row => row.name))
  const xLabel = note === undefined ? options.xLabel : `${options.xLabel}; ${note}`
  return {
    left,
    top,
    bottom,
    plotWidth: Math.max(120, WIDTH - left - right),
    height: bottom + 50 + more,
    title,
    xLabel,
  }
}

function grid(x: Axis, { left, top, bottom, plotWidth, title, xLabel }: Layout): string {
  const xOf = (share: number) => left + share * plotWidth
  return [
    ...wrap(title, 92).map((line, i) => text(12, 17 + i * 17, line, { "font-size": 13.5, "font-weight": "bold" })),
    ...x.minor.map(at => rule(xOf(at), top, xOf(at), bottom, "#f1f1f1")),
    ...x.ticks.map(tick => rule(xOf(tick.at), top, xOf(tick.at), bottom, GRID)),
    rule(left, bottom, left + plotWidth, bottom, "#444444"),
    ...xTicks(x, xOf, bottom),
    text(left + plotWidth / 2, bottom + 38, shorten(xLabel, Math.floor(plotWidth / 7)), { "text-anchor": "middle" }),
  ].join("")
}

function named(name: string, left: number, middle: number): string {
  return text(left - 9, middle + 4, marked(name, shorten(name, LONGEST_NAME)), {
    "text-anchor": "end",
    "font-weight": name === "slurm-flame" ? "bold" : undefined,
  })
}

/** Dark numbers on light fills and the other way round. */
function numberLook(i: number): Record<string, string | number> {
  const light = [1, 4, 5, 7].includes(i % FILLS.length)
  return { "text-anchor": "middle", "font-size": 11.5, fill: light ? "#222222" : "#ffffff" }
}

/** Boxes with their names, in as many lines as they need. @returns them, and how high they are */
function legendOf(parts: readonly string[]): [string, number] {
  const drawn: string[] = []
  let [x, y] = [0, 0]
  parts.forEach((part, i) => {
    const words = `${i + 1} ${shorten(part, 40)}`
    const wide = 20 + widthOf(words) + 14
    if (x > 0 && x + wide > WIDTH - 150) {
      x = 0
      y += 19
    }
    drawn.push(
      el("rect", { x, y: y - 10, width: 13, height: 13, fill: FILLS[i % FILLS.length]! }),
      text(x + 19, y + 1, words),
    )
    x += wide
  })
  return [drawn.join(""), y + 24]
}
