/** Rounds as groups use them: what fails is told to the suite and left out. Owns that a group goes on when one subject does not. */
import type { Bench, OpenSubject } from "./group.ts"
import { interleave, type Measured, warm } from "./rounds.ts"

/** The most slices that one subject is warmed up for. */
const WARM = { quick: 6, full: 15 }

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
  const { warm: ready, unstable } = await warm(subjects, most, measure, (subject, error) =>
    failed(bench, subject, error),
  )
  for (const name of unstable) {
    bench.warn(
      `${name} was not stable after ${most} slices of warm-up: no three in a row lay within 10 % of each other`,
    )
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
    if (another) bench.progress(`${what}${what && ", "}round ${done + 1}`)
    return another
  }
  return await interleave(subjects, told, measure, (subject, error) => failed(bench, subject, error))
}

function failed(bench: Bench, subject: OpenSubject, error: unknown): void {
  bench.skip(subject.name, error instanceof Error ? error.message : String(error))
}
