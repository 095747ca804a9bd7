/** Numbers as people read them: a value with its unit, bytes, ratios. Owns the words alone: knows no report and no page. */
import type { Unit } from "./report.ts"

/** Steps of a unit, smallest first: a value is said in the largest step that it reaches. */
const STEPS: Partial<Record<Unit, readonly (readonly [factor: number, name: string])[]>> = {
  us: [
    [1e-3, "ns"],
    [1, "µs"],
    [1e3, "ms"],
    [1e6, "s"],
  ],
  ms: [
    [1e-3, "µs"],
    [1, "ms"],
    [1e3, "s"],
  ],
  s: [
    [1e-3, "ms"],
    [1, "s"],
  ],
  "MB/s": [
    [1, "MB/s"],
    [1e3, "GB/s"],
  ],
  "calls/s": [
    [1, "calls/s"],
    [1e3, "k calls/s"],
    [1e6, "M calls/s"],
  ],
  "items/s": [
    [1, "items/s"],
    [1e3, "k items/s"],
    [1e6, "M items/s"],
  ],
}

/** Three digits that count, no trailing zeros after the point beyond them: `12.3`, `0.051`, `1,230`. Not a number: a dash. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  if (size === 0) return "0"
  if (size >= 1e7 || size < 1e-4) return value.toExponential(2).replace("e+", "e")
  if (size >= 999.5) return Math.round(value).toLocaleString("en-US")
  return String(Number(value.toPrecision(3)))
}

/** The same with its zeros, `12.0`, `0.500`: for the columns of a table, where all numbers should be as exact as each other. */
export function threeDigits(value: number): string {
  const size = Math.abs(value)
  return Number.isFinite(value) && size >= 1e-4 && size < 999.5 ? value.toPrecision(3) : digits(value)
}

/** `1234` µs -> `1.23 ms`. @param say how the number is written */
export function quantity(value: number, unit: Unit, say = digits): string {
  const [factor, name] = step(Math.abs(value), unit)
  return `${say(value / factor)} ${name}`
}

/** Two ends of a range with one unit between them: `12.1–13.4 µs`. The unit is the larger end's. */
export function range(low: number, high: number, unit: Unit, say = digits): string {
  const [factor, name] = step(Math.max(Math.abs(low), Math.abs(high)), unit)
  return `${say(low / factor)}–${say(high / factor)} ${name}`
}

function step(size: number, unit: Unit): readonly [number, string] {
  const steps = STEPS[unit]
  if (steps === undefined) return [1, unit]
  // 999.6 µs would be rounded to 1,000 µs: it is 1 ms.
  const reached = steps.filter(([factor]) => size >= factor * 0.9995)
  if (size === 0) return steps.find(([factor]) => factor === 1)!
  return reached.at(-1) ?? steps[0]!
}

/** `65536` -> `64 KiB`. */
export function bytes(count: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"]
  let at = 0
  let value = count
  while (value >= 1024 && at < names.length - 1) {
    value /= 1024
    at++
  }
  return `${digits(value)} ${names[at]}`
}

/** The value of a figure's parameter: sizes as bytes, everything else as the number that it is. */
export function parameterText(name: string, value: number): string {
  return isBytes(name) ? bytes(value) : digits(value)
}

/** The same with the parameter's name where the value alone would not say what it is: `64 KiB`, `8 runners`, `1 runner`. */
export function parameterWords(name: string, value: number): string {
  const text = parameterText(name, value)
  if (isBytes(name)) return text
  return `${text} ${value === 1 ? name.replace(/s$/, "") : name}`
}

/** Whether a parameter of this name is a size in bytes. */
export function isBytes(name: string): boolean {
  return /byte|size/i.test(name)
}

/** `1.234` -> `1.23×`. */
export function times(ratio: number, say = digits): string {
  return `${say(ratio)}×`
}

/** A factor as a change: `1.2` -> `+20 %`, `0.5` -> `−50 %`; from a doubling on as `×2.4`. */
export function change(factor: number): string {
  if (!Number.isFinite(factor)) return "–"
  if (factor >= 2) return `×${digits(factor)}`
  const percent = (factor - 1) * 100
  const rounded = Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(0)
  return `${percent < 0 ? "−" : "+"}${rounded.replace("-", "")} %`
}

/** Seconds as `42 s`, `12 min 5 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${seconds < 10 ? digits(seconds) : whole} s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
