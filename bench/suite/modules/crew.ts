/**
 * What every member of a crew serves, in a runner as in a thread: the functions that the groups `scaling`, `relay`, `callbacks` and
 * `streams` call, and the loops that measure from this side. Owns the work itself; does not know who calls it, nor over what.
 */
import { type Count, latency, rate } from "../many/loops.ts"

/** A small call. */
export const add = (a: number, b: number): number => a + b

/** Bytes there, their number back. */
export const sink = (bytes: Uint8Array): number => bytes.length

let kept = new Uint8Array()

/** That many bytes from here: made once and kept, not made for each. */
export function source(length: number): Uint8Array {
  if (kept.length !== length) kept = new Uint8Array(length).fill(7)
  return kept
}

/** So many steps that no compiler leaves out: the same work wherever it runs, however long it has to wait for a processor. */
export function busy(steps: number): number {
  let x = 2_463_534_242
  for (let i = 0; i < steps; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
  }
  return x
}

/** Calls `back` one after the other. @returns the microseconds of each, seen from here */
export const timeBack = (back: (a: number, b: number) => Promise<number>, ms: number): Promise<Float64Array> =>
  latency(() => back(1, 2), ms)

/** Calls `back` with so many in flight. */
export const countBack = (
  back: (a: number, b: number) => Promise<number>,
  ms: number,
  inFlight: number,
): Promise<Count> => rate(() => back(1, 2), ms, inFlight)

/** Items as fast as they are asked for, without an end. */
export async function* numbers(): AsyncGenerator<number> {
  for (let i = 0; ; i++) yield i
}

/** The same with bytes: one array, made once. */
export async function* chunks(length: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(length).fill(7)
  for (;;) yield chunk
}

/** Reads a stream to its end. @returns how many items it had */
export async function consume(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of items) count += 1
  return count
}
