/** Sequences for so long, each with its seed; the first that breaks a rule is made as small as it gets, and says how to play it again. */
import fc from "fast-check"

export interface Report {
  /** Sequences played. */
  sequences: number
  steps: number
  /** Calls that were made. */
  work: number
}

export interface Campaign<S> {
  readonly seed: number
  /** How long to go on. */
  readonly seconds: number
  /** Sequences in a batch, which has one seed. */
  readonly batch: number
  /** Whether what fails is made smaller: not where the same sequence need not fail again. */
  readonly shrinks: boolean
  readonly arbitrary: fc.Arbitrary<S>
  /** Printed with a failure: how to play that seed again. */
  readonly again: (seed: number) => string
  play(sequence: S): Promise<{ steps: number; work: number }>
  progress?(report: Report): void
}

interface Played {
  readonly setting: object
  readonly steps: readonly object[]
}

/** @throws Error with the seed, the sequence that fails, as small as was found, and what was wrong. */
export async function campaign<S extends Played>(campaign: Campaign<S>): Promise<Report> {
  const { seed, seconds, batch, shrinks, arbitrary, again, play, progress } = campaign
  const report: Report = { sequences: 0, steps: 0, work: 0 }
  const until = Date.now() + seconds * 1_000
  for (let now = seed; Date.now() < until; now++) {
    const property = fc.asyncProperty(arbitrary, async sequence => {
      const { steps, work } = await play(sequence)
      report.sequences += 1
      report.steps += steps
      report.work += work
    })
    // A batch takes a second or two; to find the smallest failure may take its time, but not for ever.
    const limits = { numRuns: batch, interruptAfterTimeLimit: 30_000, endOnFailure: !shrinks }
    const result = await fc.check(property, { seed: now, ...limits })
    if (result.counterexample) {
      const [sequence] = result.counterexample
      const { errorInstance } = result
      const what = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance)
      throw new Error(`seed ${now} breaks a rule; again: ${again(now)}\n${print(sequence)}\n${what}`, {
        cause: errorInstance,
      })
    }
    progress?.(report)
  }
  return report
}

/** As the data that would play it. */
function print({ setting, steps }: Played): string {
  return [`setting: ${JSON.stringify(setting)}`, "steps:", ...steps.map(step => `  ${JSON.stringify(step)},`)].join(
    "\n",
  )
}
