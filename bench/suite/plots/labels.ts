/** What the axes of a plot are called: the quantity, its unit, and the scale. Owns the words alone. */
import { isBytes } from "../quantity.ts"
import type { Unit } from "../report.ts"
import type { FigureSet } from "../sets.ts"

const NAMES: Partial<Record<Unit, string>> = {
  us: "round trip",
  ms: "time",
  s: "time",
  "MB/s": "throughput",
  "calls/s": "rate",
  "items/s": "rate",
  "runners/s": "rate",
  MiB: "memory",
}

const UNITS: Partial<Record<Unit, string>> = { us: "µs" }

/** `round trip, µs (log)`. */
export function valueLabel({ id, first: { unit } }: FigureSet, scale: "log" | "linear"): string {
  const share = /efficien/.test(id) ? "efficiency" : id.startsWith("cpu/") ? "CPU" : "share"
  return `${NAMES[unit] ?? share}, ${UNITS[unit] ?? unit}${scale === "log" ? " (log)" : ""}`
}

/** Of a parameter's axis: `size of the message (log)`, `calls in flight (log)`. */
export function parameterLabel(name: string, scale: "doubling" | "log" | "linear"): string {
  return `${parameterName(name)}${scale === "linear" ? "" : " (log)"}`
}

/** What a series goes by: `size`, `number of runners`. */
export function byWords(name: string): string {
  if (isBytes(name)) return "by size"
  return /s$/.test(name) && !/, s$/.test(name) ? `by number of ${name}` : `by ${parameterName(name)}`
}

function parameterName(name: string): string {
  if (isBytes(name)) return "size of the message"
  return name === "in flight" ? "calls in flight" : name
}

/** A round trip is a call's; streams are of items. */
export function countLabel({ id }: FigureSet): string {
  return id.startsWith("streams/") ? "items" : "calls"
}
