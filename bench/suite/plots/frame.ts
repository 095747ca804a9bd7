/**
 * The frame of a plot with two axes: title, grid, ticks, the labels of the axes, and a column of names to the right of the data, each
 * beside the end of its line. Owns the layout: room is made for every text before anything is placed. Knows no figure, and of subjects only
 * which ones have a footnote.
 */

import { footnote, marked } from "../threads.ts"
import type { Axis } from "./axis.ts"
import { marker, type Style } from "./palette.ts"
import { el, escaped, picture, shorten, text, widthOf, wrap } from "./svg.ts"

export interface NamedLine {
  readonly name: string
  readonly style: Style
  /** Where on the y axis (0 to 1) its line ends: its name is as near to that as there is room. */
  readonly end: number
  readonly marked?: boolean
}

export interface FrameOptions {
  readonly title: string
  /** For who cannot see it: what is shown, and what it comes to. */
  readonly description: string
  readonly x: Axis
  readonly y: Axis
  readonly xLabel: string
  readonly yLabel: string
  readonly lines: readonly NamedLine[]
  /** A line below the plot, in small. */
  readonly note?: string
  /** Draws the data, given where a value lies. */
  readonly data: (x: (value: number) => number, y: (value: number) => number) => string
}

export const WIDTH = 760
const ROW = 19
const SWATCH = 34
export const GRID = "#dedede"
const AXIS = "#444444"
const LONGEST_NAME = 30

/** The whole plot. */
export function frame(options: FrameOptions): string {
  const { x, y, lines } = options
  const titles = wrap(options.title, 92)
  const below = [options.note, footnote(lines.map(line => line.name))].filter(words => words !== undefined)
  const notes = wrap(below.join("; "), 118)
  const names = lines.map(line => marked(line.name, shorten(line.name, LONGEST_NAME)))
  const column = Math.max(0, ...names.map(name => widthOf(name))) + (lines.length === 0 ? 28 : SWATCH + 22)
  const left = 34 + Math.max(20, ...y.ticks.map(tick => widthOf(tick.label, 11.5)))
  const top = 14 + titles.length * 17
  const plotHeight = Math.max(290, lines.length * ROW + 4)
  const plotWidth = WIDTH - left - column
  const bottom = top + plotHeight
  const height = bottom + 48 + notes.length * 15
  const xOf = (share: number) => left + share * plotWidth
  const yOf = (share: number) => bottom - share * plotHeight

  const parts = [
    ...titles.map((line, i) => text(left, 17 + i * 17, line, { "font-size": 13.5, "font-weight": "bold" })),
    ...x.minor.map(at => rule(xOf(at), top, xOf(at), bottom, "#f1f1f1")),
    ...y.minor.map(at => rule(left, yOf(at), left + plotWidth, yOf(at), "#f1f1f1")),
    ...x.ticks.map(tick => rule(xOf(tick.at), top, xOf(tick.at), bottom, GRID)),
    ...y.ticks.map(tick => rule(left, yOf(tick.at), left + plotWidth, yOf(tick.at), GRID)),
    ...y.ticks.map(tick => text(left - 7, yOf(tick.at) + 4, tick.label, { "text-anchor": "end", "font-size": 11.5 })),
    ...xTicks(x, xOf, bottom),
    rule(left, bottom, left + plotWidth, bottom, AXIS),
    rule(left, top, left, bottom, AXIS),
    options.data(
      value => xOf(x.at(value)),
      value => yOf(y.at(value)),
    ),
    text(left + plotWidth / 2, bottom + 38, shorten(options.xLabel, Math.floor(plotWidth / 7)), {
      "text-anchor": "middle",
    }),
    el(
      "text",
      { transform: `translate(15 ${top + plotHeight / 2}) rotate(-90)`, "text-anchor": "middle" },
      escaped(shorten(options.yLabel, Math.floor(plotHeight / 7))),
    ),
    ...notes.map((line, i) => text(left, bottom + 56 + i * 15, line, { "font-size": 11, fill: "#555555" })),
    ...legend(lines, names, left + plotWidth + 14, top, plotHeight),
  ]
  return picture({ width: WIDTH, height }, options.title, options.description, parts.join(""))
}

export function rule(x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1): string {
  return el("line", { x1, y1, x2, y2, stroke, "stroke-width": width })
}

/** Leaves out a label that would touch the one before it; the grid line stays. */
export function xTicks(axis: Axis, xOf: (share: number) => number, y: number): string[] {
  let free = Number.NEGATIVE_INFINITY
  return axis.ticks.flatMap(tick => {
    const half = widthOf(tick.label, 11.5) / 2
    if (xOf(tick.at) - half < free) return []
    free = xOf(tick.at) + half + 6
    return [text(xOf(tick.at), y + 17, tick.label, { "text-anchor": "middle", "font-size": 11.5 })]
  })
}

function legend(
  lines: readonly NamedLine[],
  names: readonly string[],
  x: number,
  top: number,
  height: number,
): string[] {
  const wanted = lines.map(line => top + (1 - line.end) * height)
  const places = apart(wanted, ROW, top + ROW / 2, top + height - ROW / 2)
  return lines.map(({ style, marked = true, name }, i) =>
    el(
      "g",
      {},
      el("title", {}, escaped(name)),
      el("line", {
        x1: x,
        y1: places[i]!,
        x2: x + SWATCH - 6,
        y2: places[i]!,
        stroke: style.colour,
        "stroke-width": style.width,
        "stroke-dasharray": style.dash,
      }),
      marked ? marker(x + (SWATCH - 6) / 2, places[i]!, style) : "",
      text(x + SWATCH, places[i]! + 4, names[i]!, {
        fill: style.colour,
        "font-weight": style.width > 2.2 ? "bold" : undefined,
      }),
    ),
  )
}

/** Places as near as can be to those wanted, in their order, at least `gap` apart, between `low` and `high`. */
export function apart(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((place, i) => ({ place, i })).sort((a, b) => a.place - b.place || a.i - b.i)
  const placed = new Array<number>(wanted.length)
  let free = low
  for (const { place, i } of order) {
    placed[i] = Math.max(place, free)
    free = placed[i]! + gap
  }
  let end = high
  for (const { i } of order.reverse()) {
    placed[i] = Math.min(placed[i]!, end)
    end = placed[i]! - gap
  }
  return placed
}
