/** Which plots a group's figures make, and as files. Owns the choice: what can be drawn follows from what the figures have, not from names of groups. */

import { figureValue } from "../figure.ts"
import { digits, isBytes, parameterText, parameterWords, quantity, range, times } from "../quantity.ts"
import type { Figure, GroupReport, Report, Subject } from "../report.ts"
import { basesOf, type FigureSet, find, isContext, isOurs, oursOf, ratioOf, setsOf } from "../sets.ts"
import { cdfPlot, countOf, type Distribution, histogramPlot } from "./distribution.ts"
import { countLabel, parameterLabel, valueLabel } from "./labels.ts"
import { type Line, linesPlot } from "./lines.ts"
import { fileName, type Plot } from "./plot.ts"
import { dotsPlot } from "./rows.ts"
import { stagePlots, stagesOf } from "./stages.ts"

/** All plots of a group, in the order of its figures. */
export function plotsOf(group: GroupReport): Plot[] {
  const sets = setsOf(group).filter(set => !isContext(set))
  const stages = stagesOf(sets)
  const named = new Map<string, number>()
  const plots = [
    ...stagePlots(group, stages),
    ...sets.flatMap(set => [...seriesPlots(set), ...distributionPlots(set)]),
    ...ratioPlots(
      group,
      sets.filter(set => set.parameter === undefined && !stages.includes(set)),
    ),
    ...valuePlots(sets.filter(set => !stages.includes(set))),
  ]
  return plots.map(plot => {
    const times = (named.get(plot.name) ?? 0) + 1
    named.set(plot.name, times)
    return times === 1 ? plot : { ...plot, name: `${plot.name}-${times}` }
  })
}

/** For `--svg`: file name -> its text. */
export function svgFiles(report: Report): Map<string, string> {
  return new Map(
    report.groups
      .flatMap(plotsOf)
      .map(({ name, svg }) => [`${name}.svg`, `<?xml version="1.0" encoding="UTF-8"?>\n${svg}\n`]),
  )
}

const betterWords = (figure: Figure) => `${figure.better} is better`

const powerOfTwo = (value: number) => value >= 1 && Number.isInteger(Math.log2(value))

/** Decades make a logarithmic axis; what stays within a few times of itself is shown from zero. */
function spans(values: readonly number[], factor: number): boolean {
  const positive = values.filter(value => value > 0 && Number.isFinite(value))
  if (positive.length === 0) return false
  return positive.reduce((a, b) => Math.max(a, b)) / positive.reduce((a, b) => Math.min(a, b)) >= factor
}

/** Lines over the parameter, and the same as ratios to the bare wire where it was measured as well. */
function seriesPlots(set: FigureSet): Plot[] {
  const { parameter, first } = set
  if (parameter === undefined || set.values.length < 2) return []
  const runners = /runner|worker|client/i.test(parameter)
  const positive = set.values.every(value => value > 0)
  const xScale =
    isBytes(parameter) || set.values.every(powerOfTwo)
      ? "doubling"
      : spans(set.values, 16) || (runners && positive)
        ? "log"
        : "linear"
  const axes = {
    xLabel: parameterLabel(parameter, xScale),
    xScale,
    xTicks: set.values,
    xTick: (value: number) => parameterText(parameter, value),
  } as const
  const lines = set.subjects.map(
    (name): Line => ({
      name,
      points: set.figures
        .filter(figure => figure.subject === name)
        .map(figure => ({ x: figure.parameter!.value, y: figureValue(figure), ...quarters(figure) })),
    }),
  )
  const ours = lines.find(({ name }) => name === oursOf(set)) ?? lines[0]
  const ideal = runners && ours !== undefined ? idealOf(set, ours) : undefined
  // What grows in proportion is a straight line on two logarithmic axes, and on two linear ones alone.
  const proportional = ideal !== undefined && first.unit !== "%" && xScale !== "linear"
  const yScale = proportional || spans(set.figures.map(figureValue), 20) ? "log" : "linear"
  const plots: Plot[] = [
    {
      name: fileName(set.id),
      caption: `${set.title} (${betterWords(first)}): medians of slices; whiskers are the quarters where they are larger than the marker, and end in an arrow where they go on.${ideal?.words ?? ""}`,
      svg: linesPlot(lines, {
        ...axes,
        title: `${set.title} (${betterWords(first)})`,
        description: `Lines for ${set.subjects.join(", ")} over ${parameter}, from ${range(set.values[0]!, set.values.at(-1)!, "%").replace(" %", "")}.`,
        yLabel: valueLabel(set, yScale),
        yScale,
        yTick: digits,
        ...(ideal === undefined ? {} : { ideal: ideal.line }),
      }),
    },
  ]
  const base = basesOf(set).find(candidate => !isOurs(candidate))
  if (base !== undefined) plots.push(...relativePlot(set, base, axes))
  return plots
}

/** What there would be if nothing were in the way: of rates in proportion to the first point, of an efficiency all of it. */
function idealOf(set: FigureSet, ours: Line): { readonly line: Line; readonly words: string } | undefined {
  const points = ours.points.filter(({ x, y }) => x > 0 && y > 0).sort((a, b) => a.x - b.x)
  const first = points[0]
  if (first === undefined || points.length < 2 || set.first.better === "less") return undefined
  if (/efficien/.test(set.id)) {
    return { line: { name: "ideal", points: set.values.map(x => ({ x, y: 100 })) }, words: " Dotted: 100 %." }
  }
  if (!set.first.unit.endsWith("/s")) return undefined
  const line = { name: "ideal", points: points.map(({ x }) => ({ x, y: (first.y * x) / first.x })) }
  return { line, words: " Dotted: in proportion to the first point." }
}

function relativePlot(
  set: FigureSet,
  base: Subject,
  axes: Pick<Parameters<typeof linesPlot>[1], "xLabel" | "xScale" | "xTick" | "xTicks">,
): Plot[] {
  const lines = set.subjects
    .filter(subject => subject !== base)
    .map(
      (name): Line => ({
        name,
        points: set.values.flatMap(x => {
          const figure = find(set, name, x)
          const ratio = figure && ratioOf(figure, find(set, base, x))
          return ratio === undefined ? [] : [{ x, y: ratio.median, low: ratio.p25, high: ratio.p75 }]
        }),
      }),
    )
  if (lines.every(line => line.points.length === 0)) return []
  const title = `${set.title}: ratio to ${base} (${betterWords(set.first)})`
  return [
    {
      name: fileName(set.id, "ratio"),
      caption: `${title}: medians of the ratios within rounds, with their quarters.`,
      svg: linesPlot(lines, {
        ...axes,
        title,
        description: `The same figures divided by those of ${base} in the same rounds.`,
        yLabel: `ratio to ${base} (log)`,
        yScale: "log",
        yTick: times,
        level: 1,
      }),
    },
  ]
}

/** The cumulative distribution of everyone, and our histogram. With a parameter: of its smallest and its largest value. */
function distributionPlots(set: FigureSet): Plot[] {
  const chosen = set.parameter === undefined ? [undefined] : [...new Set([set.values[0]!, set.values.at(-1)!])]
  return chosen.flatMap(value => {
    const found = set.figures.filter(figure => value === undefined || figure.parameter?.value === value)
    const all = found.flatMap(({ subject, unit, histogram }): Distribution[] =>
      histogram ? [{ name: subject, unit, histogram }] : [],
    )
    const at = value === undefined ? "" : `, ${parameterWords(set.parameter!, value)}`
    const counts = all.map(({ histogram }) => countOf(histogram))
    const what = subjectMatter(set)
    const labels = { xLabel: valueLabel(set, "log"), counted: countLabel(set) }
    const cdf = cdfPlot(all, {
      title: `${what}${at}: all values, with the tail`,
      description: `Cumulative distributions of ${all.map(({ name }) => name).join(", ")}; the vertical axis is stretched towards 100 %.`,
      ...labels,
    })
    const ours = all.find(({ name }) => name === oursOf(set))
    const histogram =
      ours &&
      histogramPlot(ours, {
        title: `${what}${at}: histogram of ${ours.name} (n = ${countOf(ours.histogram).toLocaleString("en-US")})`,
        description: `Counts of single values by size.`,
        ...labels,
      })
    const few =
      counts.length > 0
        ? `${Math.min(...counts).toLocaleString("en-US")} to ${Math.max(...counts).toLocaleString("en-US")} values each`
        : ""
    return [
      ...(cdf === undefined
        ? []
        : [
            {
              name: fileName(set.id, "cdf", at),
              caption: `${what}${at}: the share of values up to each size, all slices together, nothing trimmed (${few}). Names stand in the order of the medians.`,
              svg: cdf,
            },
          ]),
      ...(histogram === undefined
        ? []
        : [
            {
              name: fileName(set.id, "histogram", at),
              caption: `${what}${at}: ${ours?.name}, all single values.`,
              svg: histogram,
            },
          ]),
    ]
  })
}

/** A distribution is of the thing itself, whichever of its percentiles carries it: `Small call, p50` is about `Small call`. */
function subjectMatter(set: FigureSet): string {
  return set.title.replace(/[,:]?\s*\(?(p\d+(\.\d+)?|median|mean|max)\)?\s*$/i, "") || set.title
}

/** Of a plot with a row for each: beyond it some quantiles are left to the tables. */
const MOST_ROWS = 48

/** Everyone against the base, one row each, for the figures that are no series. */
function ratioPlots(group: GroupReport, all: readonly FigureSet[]): Plot[] {
  const rows = all.reduce((sum, set) => sum + set.figures.length, 0)
  const sets = rows > MOST_ROWS ? all.filter(set => !/\/(p90|p99\.9)$/.test(set.id)) : all
  const bases = [...new Set(sets.flatMap(set => basesOf(set).slice(0, 1)))]
  return bases.flatMap(base => {
    const groups = sets
      .filter(set => basesOf(set)[0] === base)
      .map(set => ({
        title: `${set.title} (${betterWords(set.first)})`,
        rows: byMedian(set.figures).flatMap(figure => {
          const ratio = ratioOf(figure, find(set, base))
          if (ratio === undefined || !(ratio.median > 0)) return []
          const { median, p25, p75 } = ratio
          return [
            {
              name: figure.subject,
              value: median,
              low: p25,
              high: p75,
              words:
                ratio.n === 1
                  ? `${times(median)}  (${figure.value === undefined ? "one round" : "of all"})`
                  : `${times(median)}  (${times(p25)}–${times(p75)})`,
            },
          ]
        }),
      }))
      .filter(({ rows }) => rows.length > 0)
    if (groups.length === 0) return []
    const title = `${group.title}: ratios to ${base}`
    const options = {
      title,
      description: `Dots are medians of the ratios within rounds, bars their quarters; the line is ${base}.`,
      xLabel: `ratio to ${base} (log)`,
      tick: times,
      level: 1,
    }
    return [
      {
        name: fileName(group.id, "ratios", base),
        caption: `${title}: medians of the ratios within rounds, with their quarters. The line at 1× is ${base}.`,
        svg: dotsPlot(groups, options),
      },
    ]
  })
}

/** Round the median of slices; a value of all measurements together has none, as it need not lie between those of the slices. */
function quarters(figure: Figure): { low: number; high: number } {
  if (figure.value !== undefined) return { low: figure.value, high: figure.value }
  return { low: figure.spread.p25, high: figure.spread.p75 }
}

function byMedian(figures: readonly Figure[]): Figure[] {
  const sign = figures[0]?.better === "more" ? -1 : 1
  return [...figures].sort((a, b) => sign * (figureValue(a) - figureValue(b)))
}

/** The values themselves, where no plot of ratios or of a series shows them. */
function valuePlots(sets: readonly FigureSet[]): Plot[] {
  const alone = sets.filter(set => set.values.length < 2 && basesOf(set).length === 0 && set.subjects.length > 1)
  return alone.map(set => ({
    name: fileName(set.id),
    caption: `${set.title} (${betterWords(set.first)}): medians of slices with their quarters.`,
    svg: dotsPlot(
      [
        {
          title: `${set.title} (${betterWords(set.first)})`,
          rows: byMedian(set.figures).map(figure => {
            const { subject, unit } = figure
            const value = figureValue(figure)
            const { low, high } = quarters(figure)
            const words = figure.value === undefined ? `  (${range(low, high, unit)})` : "  (of all)"
            return { name: subject, value, low, high, words: `${quantity(value, unit)}${words}` }
          }),
        },
      ],
      {
        title: set.title,
        description: "Dots are medians of slices, bars their quarters.",
        xLabel: valueLabel(set, "log"),
        tick: digits,
      },
    ),
  }))
}
