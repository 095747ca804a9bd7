/** Lines over a parameter: latency by size, bandwidth by size, calls by runners. Whiskers are the quarters. Knows no report. */
import { type Axis, linear, logarithmic, reachOf } from "./axis.ts"
import { frame, type NamedLine, rule } from "./frame.ts"
import { marker, stylesOf } from "./palette.ts"
import { el, px } from "./svg.ts"

export interface Point {
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

export interface Line {
  readonly name: string
  readonly points: readonly Point[]
}

export interface LinesOptions {
  readonly title: string
  readonly description: string
  readonly xLabel: string
  readonly yLabel: string
  /** `doubling`: logarithmic, with powers of two as its ticks. */
  readonly xScale: "doubling" | "log" | "linear"
  readonly yScale: "log" | "linear"
  readonly xTick: (value: number) => string
  readonly yTick: (value: number) => string
  /** What there would be if nothing were in the way, dotted. */
  readonly ideal?: Line
  /** Where the ticks of x are: the values that were measured. Undefined: at round ones. */
  readonly xTicks?: readonly number[]
  /** A level to measure against: 1 for ratios. */
  readonly level?: number
  readonly note?: string
}

/** @param lines points that are not finite are left out, lines without any as well */
export function linesPlot(lines: readonly Line[], options: LinesOptions): string {
  const drawn = lines.map(clean).filter(line => line.points.length > 0)
  const ideal = options.ideal === undefined ? undefined : clean(options.ideal)
  const all = [...drawn, ...(ideal ? [ideal] : [])].flatMap(line => line.points)
  const reach = reachOf(
    all.map(point => point.y),
    options.yScale === "log" ? 10 : 2,
  )
  const ys = [
    ...all.flatMap(point => [point.y, reach(point.low ?? point.y), reach(point.high ?? point.y)]),
    ...levels(options.level),
  ]
  const xs = all.map(point => point.x)
  const x = ticksAt(axisOf(xs, options.xScale, options.xTick), options)
  const y = axisOf(ys, options.yScale, options.yTick)
  const style = stylesOf(lines.map(line => line.name))
  const named: NamedLine[] = drawn.map(line => ({
    name: line.name,
    style: style(line.name),
    end: y.at(line.points.at(-1)!.y),
  }))
  if (ideal) named.push({ name: "ideal", style: IDEAL, end: y.at(ideal.points.at(-1)!.y), marked: false })
  return frame({
    ...options,
    x,
    y,
    lines: named,
    data: (xOf, yOf) =>
      [
        ...levels(options.level).map(level =>
          rule(xOf(Math.min(...xs)), yOf(level), xOf(Math.max(...xs)), yOf(level), "#222222", 1.4),
        ),
        ...(ideal ? [path(ideal, IDEAL.colour, 1.4, IDEAL.dash, xOf, yOf)] : []),
        ...drawn.map(line => {
          const { colour, width, dash } = style(line.name)
          return path(line, colour, width, dash, xOf, yOf)
        }),
        ...drawn.map(line => line.points.map(point => dot(point, line.name, style, reach, xOf, yOf)).join("")),
      ].join(""),
  })
}

const IDEAL = { colour: "#8a8a8a", dash: "2 4", marker: "plus", width: 1.4 } as const

type Place = (value: number) => number

const levels = (level: number | undefined) => (level === undefined ? [] : [level])

function axisOf(
  values: readonly number[],
  scale: "doubling" | "log" | "linear",
  label: (value: number) => string,
): Axis {
  if (scale === "linear") return linear(values, label)
  return logarithmic(values, { base: scale === "doubling" ? 2 : 10, label })
}

function clean(line: Line): Line {
  const points = line.points.filter(point => Number.isFinite(point.x) && Number.isFinite(point.y))
  return { name: line.name, points: points.sort((a, b) => a.x - b.x) }
}

/** Instead of round values those that were measured. */
function ticksAt(axis: Axis, { xTicks, xTick }: LinesOptions): Axis {
  if (xTicks === undefined) return axis
  return { ...axis, ticks: xTicks.map(value => ({ at: axis.at(value), label: xTick(value) })), minor: [] }
}

function path(line: Line, stroke: string, width: number, dash: string | undefined, x: Place, y: Place): string {
  const d = line.points.map((point, i) => `${i === 0 ? "M" : "L"}${px(x(point.x))} ${px(y(point.y))}`).join("")
  return el("path", {
    d,
    fill: "none",
    stroke,
    "stroke-width": width,
    "stroke-dasharray": dash,
    "stroke-linejoin": "round",
  })
}

function dot(
  point: Point,
  name: string,
  styleOf: ReturnType<typeof stylesOf>,
  reach: (value: number) => number,
  x: Place,
  y: Place,
): string {
  const style = styleOf(name)
  const ends = [point.low ?? point.y, point.high ?? point.y].map(end => (Number.isFinite(end) ? end : point.y))
  const [low, high] = ends.map(end => y(reach(end)))
  const at = x(point.x)
  // A whisker that the marker hides says nothing.
  const whisker = Math.abs(low! - high!) > 8 ? rule(at, low!, at, high!, style.colour, 1.2) : ""
  const cuts = ends.map(end => (reach(end) === end ? "" : cut(at, y(reach(end)), end > point.y ? -5 : 5, style.colour)))
  return whisker + cuts.join("") + marker(at, y(point.y), style)
}

/** An arrow's head where a whisker goes on beyond what is drawn. */
function cut(x: number, y: number, towards: number, stroke: string): string {
  const d = `M${px(x - 4)} ${px(y - towards)}L${px(x)} ${px(y)}L${px(x + 4)} ${px(y - towards)}`
  return el("path", { d, fill: "none", stroke, "stroke-width": 1.4 }, el("title", {}, "goes on beyond the plot"))
}
