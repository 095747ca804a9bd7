/** What is done to a pool, at random: the steps and the pools they are done to. Plain data, so that a sequence can be printed and played again. */
import fc from "fast-check"

export interface Step {
  readonly do: StepName
  /** Which of those there are. */
  readonly at: number
  /** How much, or which way. */
  readonly n: number
  /** The next step is made in the same turn. */
  readonly on: boolean
}

export interface Setting {
  readonly max: number
  readonly min: number
  readonly maxConcurrency: number
  readonly singleUse: boolean
  /** Runners that are idle for a while are ended. */
  readonly idles: boolean
  /** Those of `min`, too. */
  readonly minIdles: boolean
  /** Runners have an end. */
  readonly ends: boolean
  /** A listener of this event uses the pool at once. */
  readonly listens: "none" | "grow" | "runner:up" | "runner:drain" | "runner:down" | "shrink"
}

export interface Sequence {
  readonly setting: Setting
  readonly steps: readonly Step[]
}

const WEIGHTS = {
  call: 14,
  keyed: 6,
  needy: 8,
  retried: 8,
  timed: 3,
  held: 8,
  cast: 3,
  place: 2,
  map: 2,
  spawn: 5,
  leaseCall: 8,
  release: 4,
  terminate: 1,
  unplace: 3,
  abort: 6,
  answer: 22,
  fail: 8,
  up: 14,
  bootFail: 2,
  kill: 4,
  crash: 3,
  drain: 3,
  ends: 6,
  refuse: 4,
  cut: 3,
  mend: 5,
  scale: 4,
  wait: 5,
  close: 0.3,
}
export type StepName = keyof typeof WEIGHTS

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.oneof(
    ...Object.entries(WEIGHTS).map(([name, weight]) => ({
      weight: Math.round(weight * 10),
      arbitrary: fc.constant(name as StepName),
    })),
  ),
  at: fc.nat(20),
  n: fc.nat(11),
  on: fc.boolean(),
})

const setting: fc.Arbitrary<Setting> = fc
  .record({
    max: fc.integer({ min: 1, max: 4 }),
    min: fc.integer({ min: 0, max: 2 }),
    maxConcurrency: fc.integer({ min: 1, max: 3 }),
    singleUse: fc.nat(5).map(n => n === 5),
    idles: fc.boolean(),
    minIdles: fc.nat(3).map(n => n === 3),
    ends: fc.boolean(),
    listens: fc.constantFrom("none", "none", "none", "grow", "runner:up", "runner:drain", "runner:down", "shrink"),
  })
  .map(({ min, max, ...rest }) => ({ ...rest, max, min: Math.min(min, max) }))

/** @param most Steps of a sequence. */
export function sequences(most: number): fc.Arbitrary<Sequence> {
  return fc.record({ setting, steps: fc.array(step, { maxLength: most, size: "max" }) })
}
