/** Axes: where a value lies between 0 and 1, and which ticks are written. Owns the mathematics alone: knows no pixel. */
import { digits } from "../quantity.ts"

export interface Axis {
  /** 0 at the axis' lower end, 1 at its upper one. Values beyond its ends are put on them. */
  at(value: number): number
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
  /** Grid lines without a word. */
  readonly minor: readonly number[]
}

/** How much of a logarithmic axis is set aside for zero, which has no place on it. */
const ZERO_SHARE = 0.07

const clamp = (value: number) => Math.min(1, Math.max(0, value))

/** From 0 to a round number at or above the largest value. Negative values lie on the lower end. */
export function linear(values: readonly number[], label: (value: number) => string = digits): Axis {
  const top = Math.max(0, ...values.filter(Number.isFinite)) || 1
  const rough = top / 5
  const decade = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * decade).find(candidate => candidate >= rough * 0.999)!
  const steps = Math.ceil(top / step - 1e-9)
  const end = steps * step
  return {
    at: value => clamp(value / end),
    ticks: Array.from({ length: steps + 1 }, (_, i) => ({
      at: i / steps,
      label: label(Number((i * step).toPrecision(12))),
    })),
    minor: [],
  }
}

/**
 * Logarithmic, wide enough for all values that are above zero. Where there are zeros as well they have a place of their own, left of
 * (or below) the rest, whose tick says so.
 * @param options.base 2 for sizes: ticks are powers of two. 10: 1, 2 and 5 of each decade where there is room
 */
export function logarithmic(
  values: readonly number[],
  options: { base?: 2 | 10; label?: (value: number) => string } = {},
): Axis {
  const { base = 10, label = digits } = options
  const positive = values
    .filter(value => Number.isFinite(value) && value > 0)
    .map(value => Math.min(1e300, Math.max(1e-300, value)))
  const zero = values.some(value => value <= 0)
  const [low, high] = positive.length === 0 ? [1, 10] : [least(positive), most(positive)]
  const [from, to] = base === 2 ? ends2(low, high) : ends10(low, high)
  const start = zero ? ZERO_SHARE : 0
  const place = (value: number) =>
    value <= 0 ? 0 : start + (1 - start) * clamp((Math.log(value) - Math.log(from)) / (Math.log(to) - Math.log(from)))
  const { named, minor } = base === 2 ? ticks2(from, to) : ticks10(from, to)
  return {
    at: place,
    ticks: [
      ...(zero ? [{ at: 0, label: label(0) }] : []),
      ...named.map(value => ({ at: place(value), label: label(value) })),
    ],
    minor: minor.map(place),
  }
}

/**
 * Keeps whiskers from making the range: what is more than `times` beyond all medians is put on that end.
 * @param values the medians
 */
export function reachOf(values: readonly number[], times = 10): (value: number) => number {
  const positive = values.filter(value => value > 0 && Number.isFinite(value))
  if (positive.length === 0) return value => value
  const [low, high] = [least(positive) / times, most(positive) * times]
  // What is zero or below has a place of its own, and is not far from anything.
  return value => (value <= 0 ? value : Math.min(high, Math.max(low, value)))
}

/** From 0, by the square root: one value beside ten thousand can be seen, and is not half as high. */
export function squareRoot(largest: number, label: (value: number) => string = digits): Axis {
  const end = Math.max(1, largest)
  const place = (value: number) => Math.sqrt(clamp(value / end))
  const decades = Array.from({ length: Math.floor(Math.log10(end) + 1e-9) + 1 }, (_, i) => 10 ** i)
  const named = [0, ...decades.flatMap(decade => [decade, 3 * decade])].filter(value => value <= end)
  // Near zero they would lie upon each other.
  const apart = named.filter((value, i) => i === 0 || place(value) > 0.06)
  return { at: place, ticks: apart.map(value => ({ at: place(value), label: label(value) })), minor: [] }
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b))
}

function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b))
}

function ends2(low: number, high: number): [number, number] {
  const from = Math.floor(Math.log2(low) + 1e-9)
  const to = Math.ceil(Math.log2(high) - 1e-9)
  return [2 ** from, 2 ** Math.max(to, from + 1)]
}

/** The nearest of 1, 2 and 5 times a power of ten on either side. */
function ends10(low: number, high: number): [number, number] {
  const decadeOf = (value: number) => Math.floor(Math.log10(value) + 1e-12)
  const below = [5, 2, 1]
    .map(factor => factor * Number(`1e${decadeOf(low)}`))
    .find(candidate => candidate <= low * (1 + 1e-9))
  const above = [1, 2, 5, 10]
    .map(factor => factor * Number(`1e${decadeOf(high)}`))
    .find(candidate => candidate >= high * (1 - 1e-9))
  const [from, to] = [below ?? low, above ?? high]
  return to / from < 1.9 ? [from / 2, to * 2] : [from, to]
}

function ticks2(from: number, to: number): { named: number[]; minor: number[] } {
  const [first, last] = [Math.round(Math.log2(from)), Math.round(Math.log2(to))]
  const stride = [1, 2, 4, 8, 16, 32].find(size => (last - first) / size <= 8) ?? 64
  const all = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  // From round powers on: 1 B, 16 B, 256 B, 4 KiB, and so on, whatever the first one is.
  const named = all.filter(power => power % stride === 0)
  return { named: named.map(power => 2 ** power), minor: last - first > 40 ? [] : all.map(power => 2 ** power) }
}

function ticks10(from: number, to: number): { named: number[]; minor: number[] } {
  const [first, last] = [Math.floor(Math.log10(from) + 1e-9), Math.ceil(Math.log10(to) - 1e-9)]
  const decades = Math.log10(to / from)
  const factors = decades <= 0.8 ? [1, 1.5, 2, 3, 5, 7] : decades <= 2.2 ? [1, 2, 5] : [1]
  const stride = Math.max(1, Math.ceil((last - first) / 8))
  const inside = (value: number) => value >= from * (1 - 1e-9) && value <= to * (1 + 1e-9)
  const decade = (power: number) => Number(`1e${power}`)
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  return {
    named: powers
      .filter(power => (power - first) % stride === 0)
      .flatMap(power => factors.map(factor => factor * decade(power)))
      .filter(inside),
    minor:
      decades > 8
        ? []
        : powers.flatMap(power => [1, 2, 3, 4, 5, 6, 7, 8, 9].map(factor => factor * decade(power))).filter(inside),
  }
}

/**
 * Shares of a distribution by the logarithm of what is left: 50, 90, 99 and 99.9 % lie about as far from each other, so that the tail
 * takes as much room as it matters.
 * @param n of the values: the axis ends where the largest of them lies, so that every curve ends where its values do
 */
export function tail(n: number): Axis {
  const nines = Math.min(6, Math.max(2, Math.floor(Math.log10(Math.max(n, 1)) + 1e-9)))
  const shares = [0, 0.5, ...Array.from({ length: nines }, (_, i) => 1 - 10 ** -(i + 1))]
  const end = Math.max(nines, Math.log10(Math.max(n, 1) + 1))
  const place = (share: number) => clamp(share >= 1 ? 1 : -Math.log10(1 - share) / end)
  return {
    at: place,
    ticks: shares.map(share => ({ at: place(share), label: `${Number((share * 100).toPrecision(nines + 2))} %` })),
    minor: [0.25, 0.75, 0.95].map(place),
  }
}
