/** Numbers as the tables show them. Owns the digits, and which unit a cell has where it is not that of its table. */
import type { Unit } from "./report.ts"

/** Steps of a unit from which on a cell says the next larger one. */
const LARGER: Partial<Record<Unit, readonly (readonly [from: number, factor: number, name: string])[]>> = {
  us: [
    [10_000_000, 1e6, "s"],
    [10_000, 1e3, "ms"],
  ],
  ms: [[10_000, 1e3, "s"]],
}

/** `27,345` us -> `27.3 ms`; without a unit as long as it is the table's. */
export function measured(value: number, unit: Unit): string {
  const [factor, name] = stepOf(value, unit)
  return name === "" ? show(value) : `${show(value / factor)} ${name}`
}

/** Both ends in the unit that `value`, beside which they stand, or the larger end has. */
export function between(low: number, high: number, value: number, unit: Unit): string {
  const [factor, name] = stepOf(Math.max(high, value), unit)
  const ends = `${show(low / factor)} .. ${show(high / factor)}`
  return name === "" ? ends : `${ends} ${name}`
}

function stepOf(value: number, unit: Unit): readonly [factor: number, name: string] {
  const step = LARGER[unit]?.find(([from]) => value >= from)
  return step ? [step[1], step[2]] : [1, ""]
}

/** Three figures that mean something, in seven columns at most. */
export function show(value: number): string {
  if (value >= 1_000_000) return `${(value / 1e6).toPrecision(3)}M`
  if (value >= 100_000) return `${Math.round(value / 1_000)}k`
  if (value >= 1_000) return count(Math.round(value))
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A whole number. */
export function count(value: number): string {
  if (value >= 10_000_000) return `${(value / 1e6).toFixed(0)}M`
  return value.toLocaleString("en-US")
}

/** The value of a parameter: sizes as bytes. */
export function parameter(name: string, value: number): string {
  if (!/byte|size/i.test(name)) return count(value)
  if (value >= 2 ** 20) return `${value / 2 ** 20} MiB`
  return value >= 2 ** 10 ? `${value / 2 ** 10} KiB` : `${value} B`
}
