/** Rounds as groups use them: what fails is told to the suite and left out. Owns that a group goes on when one subject does not. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Bench, OpenSubject } from "./group.ts"
import { interleave, type Measured, warm } from "./rounds.ts"

/** The most slices that one subject is warmed up for. */
const WARM = { quick: 6, full: 10 }

/** What a slice leaves to be done (garbage, acknowledgements) is not to be in the next one's. */
const PAUSE_MS = 5

/**
 * Has each subject do slices until they are stable.
 * @param measure one slice; gives the figure that is to be stable
 * @returns those that work
 */
export async function warmUp<S extends OpenSubject>(
  bench: Bench,
  subjects: readonly S[],
  measure: (subject: S) => Promise<number>,
): Promise<S[]> {
  bench.progress("warming up")
  const most = bench.options.quick ? WARM.quick : WARM.full
  const { warm: ready, unstable } = await warm(subjects, most, measure, failed(bench))
  if (unstable.length > 0) {
    bench.warn(`not stable after ${most} slices of warm-up (no three in a row within 10 %): ${unstable.join("; ")}`)
  }
  return ready
}

/** Interleaved slices of all of them, see `interleave`. @param what for the terminal: "64 KiB" */
export async function measureSlices<S extends OpenSubject, T>(
  bench: Bench,
  subjects: readonly S[],
  more: (done: number) => boolean,
  measure: (subject: S) => Promise<T | null>,
  what = "",
): Promise<Measured<T>> {
  const told = (done: number) => {
    const another = more(done)
    if (another) bench.progress(`${what === "" ? "" : `${what}, `}round ${done + 1}`)
    return another
  }
  const paused = async (subject: S) => {
    await sleep(PAUSE_MS)
    return await measure(subject)
  }
  return await interleave(subjects, told, paused, failed(bench))
}

/** Those that had a slice in the last round: the others are not asked again. */
export function survivors<S extends OpenSubject>(subjects: readonly S[], slices: Measured<unknown>): S[] {
  return subjects.filter(({ name }) => (slices.get(name)?.at(-1) ?? null) !== null)
}

/** Who takes longer for one slice of big messages is spared the others: the rest of the group would wait for it. */
const SLOW_SECONDS = 1.5

/**
 * One slice of each, which does not count: who has this size first pays for it.
 * @param seconds how long a slice took
 * @returns those that go on; the suite is told of those that are too slow for `what`
 */
export async function tryOut<S extends OpenSubject, T>(
  bench: Bench,
  subjects: readonly S[],
  measure: (subject: S) => Promise<T>,
  seconds: (slice: T) => number,
  what: string,
): Promise<S[]> {
  const slices = await measureSlices(bench, subjects, done => done < 1, measure, `${what}, trying`)
  return survivors(subjects, slices).filter(({ name }) => {
    const took = seconds(slices.get(name)![0]!)
    if (took <= SLOW_SECONDS) return true
    bench.note(name, `not ${what} and what comes after it: a slice took ${took.toFixed(1)} s`)
    return false
  })
}

/** Those that have these methods; the suite is told of the others. */
export function able<S extends OpenSubject>(
  bench: Bench,
  subjects: readonly S[],
  methods: readonly string[],
  without: string,
): S[] {
  return subjects.filter(subject => {
    const can = methods.every(method => subject.can(method))
    if (!can) bench.skip(subject.name, without)
    return can
  })
}

/** Those whose calls the suite itself makes and times; the suite is told of the others. */
export function timedHere<S extends OpenSubject>(bench: Bench, subjects: readonly S[], without: string): S[] {
  return subjects.filter(subject => {
    if (subject.can("slice")) bench.note(subject.name, without)
    return !subject.can("slice")
  })
}

/** `how(slice)` of each slice, null where there was none. */
export function valuesOf<T>(slices: Measured<T>, how: (slice: T) => number | null): Map<string, (number | null)[]> {
  return new Map([...slices].map(([name, list]) => [name, list.map(slice => (slice === null ? null : how(slice)))]))
}

/** The sum of `how(slice)` of a subject's slices. */
export function sumOf<T>(slices: Measured<T>, how: (slice: T) => number): (subject: string) => number {
  return subject => (slices.get(subject) ?? []).reduce((sum, slice) => sum + (slice === null ? 0 : how(slice)), 0)
}

const failed = (bench: Bench) => (subject: OpenSubject, error: unknown) =>
  bench.skip(subject.name, error instanceof Error ? error.message : String(error))
