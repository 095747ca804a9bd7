/** The search space, and which of its points a search visits. Knows nothing of how a point is tried. */

import { seeded, shuffle } from "./random.ts"
import type { HyperParameters, TrainConfig } from "./training.ts"

const SPACE = {
  hidden: [32, 64, 128],
  learningRate: [0.02, 0.05, 0.1],
  batchSize: [16, 32, 64],
  momentum: [0, 0.5, 0.9],
} as const satisfies { [K in keyof HyperParameters]: readonly number[] }

/** Every combination of the search space, in a fixed order. */
export function grid(): HyperParameters[] {
  return SPACE.hidden.flatMap(hidden =>
    SPACE.learningRate.flatMap(learningRate =>
      SPACE.batchSize.flatMap(batchSize =>
        SPACE.momentum.map(momentum => ({ hidden, learningRate, batchSize, momentum })),
      ),
    ),
  )
}

/** How many combinations there are. */
export const GRID_SIZE = Object.values(SPACE).reduce((product, values) => product * values.length, 1)

/** `count` different combinations (at most `GRID_SIZE`), at random but the same for the same `seed`. */
export function randomSearch(count: number, { epochs, seed }: { epochs: number; seed: number }): TrainConfig[] {
  return shuffle(grid(), seeded(seed))
    .slice(0, count)
    .map(point => ({ ...point, epochs, seed }))
}

/** A configuration in one short line, for progress and messages. */
export function describeConfig({ hidden, learningRate, batchSize, momentum }: HyperParameters): string {
  return `hidden=${hidden} lr=${learningRate} batch=${batchSize} momentum=${momentum}`
}
