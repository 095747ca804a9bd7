/**
 * In which order subjects are measured: one slice each, in another order every round, so that none has the quiet minute. Owns the order,
 * the warm-up and when it is enough; what a slice is, its caller says.
 */
import type { OpenSubject } from "./group.ts"
import { stable } from "./statistics.ts"
import { FEWEST_ROUNDS } from "./verdict.ts"

/** With fewer there is no telling a figure from an accident, and with fewer than `FEWEST_ROUNDS` no verdict. */
export const LEAST_ROUNDS = { quick: 3, full: FEWEST_ROUNDS }

/**
 * When there is to be another round: `full` of them (the least with `quick`), of which those that do not fit into `seconds` are left out, but
 * never the first `LEAST_ROUNDS`. The clock starts here, so make it before the warm-up where that is to count.
 * @returns a function of the number of rounds so far
 */
export function plan(options: { quick: boolean }, most: { full: number; seconds: number }): (done: number) => boolean {
  const until = performance.now() + most.seconds * 1_000
  const least = options.quick ? LEAST_ROUNDS.quick : LEAST_ROUNDS.full
  const full = options.quick ? least : Math.max(least, most.full)
  return done => done < least || (done < full && performance.now() < until)
}

/** What became of a round-robin: slices by subject, `null` where one had none. */
export type Measured<T> = Map<string, (T | null)[]>

/**
 * One `measure(subject)` of each subject, while `more(rounds so far)`. One that fails is left out from then on, and `failed` is told.
 * @throws what `failed` throws
 */
export async function interleave<S extends Pick<OpenSubject, "name">, T>(
  subjects: readonly S[],
  more: (done: number) => boolean,
  measure: (subject: S) => Promise<T | null>,
  failed: (subject: S, error: unknown) => void,
): Promise<Measured<T>> {
  const slices: Measured<T> = new Map(subjects.map(({ name }) => [name, []]))
  const out = new Set<S>()
  for (let round = 0; more(round) && out.size < subjects.length; round++) {
    for (const subject of shuffled(subjects)) {
      let slice: T | null = null
      if (!out.has(subject)) {
        try {
          slice = await measure(subject)
        } catch (error) {
          out.add(subject)
          failed(subject, error)
        }
      }
      slices.get(subject.name)!.push(slice)
    }
  }
  return slices
}

/**
 * Has each subject work until three slices in a row are within a tenth of each other, or `most` were run.
 * @returns those that work, and the names of those that were not stable
 */
export async function warm<S extends Pick<OpenSubject, "name">>(
  subjects: readonly S[],
  most: number,
  measure: (subject: S) => Promise<number>,
  failed: (subject: S, error: unknown) => void,
): Promise<{ warm: S[]; unstable: string[] }> {
  const good: S[] = []
  const unstable: string[] = []
  for (const subject of subjects) {
    try {
      const values: number[] = []
      while (values.length < most && !stable(values)) values.push(await measure(subject))
      good.push(subject)
      if (!stable(values)) unstable.push(subject.name)
    } catch (error) {
      failed(subject, error)
    }
  }
  return { warm: good, unstable }
}

/** Fisher and Yates. */
export function shuffled<T>(items: readonly T[]): T[] {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}
