/** What is done to a pool of real runners, at random. Plain data. */
import fc from "fast-check"

const WEIGHTS = {
  call: 14,
  keyed: 5,
  retried: 6,
  fails: 3,
  held: 5,
  cast: 2,
  map: 2,
  spawn: 5,
  leaseCall: 7,
  release: 4,
  terminate: 1,
  abort: 5,
  killWorker: 2,
  killSupervisor: 2,
  term: 1.5,
  freeze: 2,
  cut: 3,
  scale: 3,
  wait: 16,
  close: 0.5,
}

export interface LocalStep {
  readonly do: keyof typeof WEIGHTS
  readonly at: number
  readonly n: number
}

export interface LocalSequence {
  readonly setting: {
    readonly max: number
    readonly min: number
    readonly maxConcurrency: number
    readonly singleUse: boolean
    readonly idles: boolean
  }
  readonly steps: readonly LocalStep[]
}

export const localSequences: fc.Arbitrary<LocalSequence> = fc.record({
  setting: fc.record({
    max: fc.integer({ min: 1, max: 3 }),
    min: fc.integer({ min: 0, max: 1 }),
    maxConcurrency: fc.integer({ min: 1, max: 3 }),
    singleUse: fc.nat(5).map(n => n === 5),
    idles: fc.boolean(),
  }),
  steps: fc.array(
    fc.record({
      do: fc.oneof(
        ...Object.entries(WEIGHTS).map(([name, weight]) => ({
          weight: weight * 2,
          arbitrary: fc.constant(name as LocalStep["do"]),
        })),
      ),
      at: fc.nat(20),
      n: fc.nat(11),
    }),
    { minLength: 15, maxLength: 50, size: "max" },
  ),
})
