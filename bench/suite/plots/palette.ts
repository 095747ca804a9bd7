/**
 * What each subject looks like: the same in every plot of every report. Owns colours, dashes and markers. The colours are those that
 * people with each kind of colour blindness tell apart, darkened for white paper; no two subjects share dash and marker as well, so that
 * a print in grey is readable.
 */
import type { Subject } from "../report.ts"
import { el, px } from "./svg.ts"

export type Marker = "circle" | "square" | "triangle" | "down" | "diamond" | "plus" | "cross"

export interface Style {
  readonly colour: string
  /** Of an SVG stroke; undefined: a whole line. */
  readonly dash?: string | undefined
  readonly marker: Marker
  readonly hollow?: boolean
  readonly width: number
}

const BLUE = "#0072b2"
const RED = "#c44e00"
const GREEN = "#00805e"
const PINK = "#b5568e"
const OCHRE = "#a87000"
const BROWN = "#6b3e12"
const INK = "#222222"
const GREY = "#6a6a6a"

/** For the parts of a bar, in their order. */
export const FILLS: readonly string[] = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#d55e00",
  "#56b4e9",
  "#cc79a7",
  "#8a8a8a",
  "#f0e442",
]

const KNOWN: Readonly<Record<Subject, Style>> = {
  "slurm-flame": { colour: BLUE, marker: "circle", width: 2.6 },
  "slurm-flame, no TLS": { colour: BLUE, dash: "7 3", marker: "circle", hollow: true, width: 2 },
  "raw TCP": { colour: INK, marker: "square", width: 1.6 },
  "raw ws": { colour: GREY, dash: "7 3", marker: "square", hollow: true, width: 1.6 },
  "comlink worker_threads": { colour: GREEN, marker: "triangle", width: 1.6 },
  piscina: { colour: GREEN, dash: "7 3", marker: "triangle", hollow: true, width: 1.6 },
  tinypool: { colour: GREEN, dash: "2 3", marker: "down", width: 1.6 },
  capnweb: { colour: RED, marker: "diamond", width: 1.6 },
  "socket.io": { colour: RED, dash: "7 3", marker: "diamond", hollow: true, width: 1.6 },
  birpc: { colour: PINK, marker: "plus", width: 1.6 },
  tRPC: { colour: PINK, dash: "7 3", marker: "cross", width: 1.6 },
  "grpc-js": { colour: OCHRE, marker: "down", hollow: true, width: 1.6 },
  "Erlang erpc": { colour: BROWN, dash: "2 3", marker: "plus", width: 1.6 },
  Dask: { colour: OCHRE, dash: "2 3", marker: "cross", width: 1.6 },
}

const COLOURS = [PINK, GREEN, RED, OCHRE, BROWN, BLUE, INK]
const DASHES = [undefined, "7 3", "2 3", "9 3 2 3"]
const MARKERS: readonly Marker[] = ["diamond", "triangle", "cross", "down", "plus", "square", "circle"]

/** The styles of these subjects. Those nobody knows get one by their place among the unknown ones. */
export function stylesOf(subjects: readonly Subject[]): (subject: Subject) => Style {
  const unknown = [...new Set(subjects)].filter(subject => !Object.hasOwn(KNOWN, subject))
  return subject => {
    if (Object.hasOwn(KNOWN, subject)) return KNOWN[subject]!
    const at = Math.max(0, unknown.indexOf(subject))
    return {
      colour: COLOURS[at % COLOURS.length]!,
      // Moves on by one more at each turn, so that a colour comes back with another dash and another marker.
      dash: DASHES[(at + Math.floor(at / COLOURS.length)) % DASHES.length],
      marker: MARKERS[(at + 2 * Math.floor(at / COLOURS.length)) % MARKERS.length]!,
      hollow: at % 2 === 1,
      width: 1.6,
    }
  }
}

const SHAPES: Readonly<Record<Exclude<Marker, "circle">, string>> = {
  square: "M-3.4-3.4h6.8v6.8h-6.8z",
  triangle: "M0-4.4L4.2 3.2H-4.2z",
  down: "M0 4.4L4.2-3.2H-4.2z",
  diamond: "M0-4.8L4.3 0L0 4.8L-4.3 0z",
  plus: "M-4.2 0H4.2M0-4.2V4.2",
  cross: "M-3.4-3.4L3.4 3.4M-3.4 3.4L3.4-3.4",
}

/** A marker at a point. */
export function marker(x: number, y: number, style: Style): string {
  const fill = style.hollow ? "#ffffff" : style.colour
  const look = { fill, stroke: style.colour, "stroke-width": 1.5 }
  if (style.marker === "circle") return el("circle", { cx: x, cy: y, r: 3.7, ...look })
  return el("path", { d: SHAPES[style.marker], transform: `translate(${px(x)} ${px(y)})`, ...look })
}
