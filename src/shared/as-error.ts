/** Whatever was thrown, as an Error: anything can be thrown, and an event carries errors. */
import { show } from "./show.ts"

/** `thrown` itself where it is an Error, else a new one that shows it, with `thrown` as its cause. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`thrown: ${show(thrown)}`, { cause: thrown })
}
