/**
 * How much memory a value of a stream takes, about: flow control must not let large items pile up. An estimate that looks at
 * a bounded number of places, runs no getter and no trap, and is never told to the other side. Pure functions.
 */
import { types } from "node:util"

/** Bytes of what has no size of its own: numbers, references, keys. */
const SMALL = 8
/** Members of one object or list that are looked at; the others are taken to be like them. */
const SAMPLE = 16
/** Members that are looked at in all. */
const BUDGET = 200

/** Bytes, at least 8. Exact for strings of ASCII and for binary values at the top; an extrapolation for the rest. */
export function itemSize(value: unknown): number {
  if (typeof value === "string") return SMALL + value.length
  if (typeof value !== "object" || value === null) return SMALL
  return sizeOf(value, { left: BUDGET })
}

function sizeOf(value: unknown, budget: { left: number }): number {
  if (typeof value === "string") return SMALL + value.length
  if (typeof value !== "object" || value === null || types.isProxy(value)) return SMALL
  if (ArrayBuffer.isView(value)) return SMALL + value.byteLength
  if (types.isAnyArrayBuffer(value)) return SMALL + value.byteLength
  if (types.isMap(value)) return sampled(Map.prototype.entries.call(value), sizeOfMap(value), budget)
  if (types.isSet(value)) return sampled(Set.prototype.values.call(value), sizeOfSet(value), budget)
  if (Array.isArray(value)) return sampled(members(value, range(value.length)), value.length, budget)
  const keys = Object.keys(value)
  return sampled(members(value, keys), keys.length, budget)
}

function sizeOfMap(map: object): number {
  return Reflect.get(Map.prototype, "size", map) as number
}

function sizeOfSet(set: object): number {
  return Reflect.get(Set.prototype, "size", set) as number
}

/** Up to SAMPLE indices, evenly spread. */
function range(length: number): string[] {
  const count = Math.min(length, SAMPLE)
  return Array.from({ length: count }, (_, i) => String(Math.floor((i * length) / count)))
}

function* members(value: object, keys: readonly string[]): Generator<unknown> {
  for (const key of keys) yield Object.getOwnPropertyDescriptor(value, key)?.value
}

function sampled(members: Iterator<unknown>, count: number, budget: { left: number }): number {
  let seen = 0
  let bytes = 0
  while (seen < SAMPLE && budget.left > 0) {
    const { done, value } = members.next()
    if (done) break
    seen += 1
    budget.left -= 1
    bytes += SMALL + sizeOf(value, budget)
  }
  return SMALL + (seen === 0 ? SMALL * count : Math.ceil((bytes / seen) * count))
}
