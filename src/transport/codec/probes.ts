/** Questions the encoder asks of objects and of the realm. Pure tests; they know nothing of markers or of what follows. */
import { proxyMarker } from "comlink"

/** Marked by Comlink's `proxy()`: to be reached, not copied. */
export function isProxyMarked(v: object): boolean {
  return (v as Record<symbol, unknown>)[proxyMarker] !== undefined
}

/** For objects that look plain: a stream, then. */
export function isIterable(v: object): boolean {
  const o = v as Record<symbol, unknown>
  return o[Symbol.asyncIterator] !== undefined || o[Symbol.iterator] !== undefined
}

/**
 * Marked by another copy of Comlink: each has a marker symbol of its own, whose description is all they share. Too slow to ask
 * of every plain object, so only those with functions in them are asked.
 */
export function hasForeignMark(v: object): boolean {
  return Object.getOwnPropertySymbols(v).some(s => s.description === "Comlink.proxy")
}

/** True when an index below the length has no element. */
export function hasHole(v: readonly unknown[]): boolean {
  for (let i = 0; i < v.length; i++) if (v[i] === undefined && !(i in v)) return true
  return false
}

/** True when somebody gave objects or arrays a `toJSON` to inherit, which JSON.stringify would call. */
export function inheritsToJson(): boolean {
  return "toJSON" in Object.prototype || "toJSON" in Array.prototype
}

/** Keeps JSON.stringify from an inherited `toJSON`, in a tree of our own making. */
export function shield(tree: unknown): void {
  if (typeof tree !== "object" || tree === null) return
  for (const value of Object.values(tree)) shield(value)
  if (!Object.hasOwn(tree, "toJSON")) Object.defineProperty(tree, "toJSON", { value: undefined })
}
