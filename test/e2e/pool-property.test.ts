/**
 * The pool's promises on real runners: random sequences with processes that are killed and stopped and connections that are cut.
 * `npm run soak` does the same for as long as you like.
 */
import path from "node:path"
import { expect, it } from "vitest"
import { campaign } from "../property/campaign.ts"
import { playLocal } from "../property/local.ts"
import { localSequences } from "../property/local-steps.ts"

const SECONDS = 35

it("no runner, call or process too many, none lost, run twice or left, whatever happens", async () => {
  const root = path.resolve(import.meta.dirname, "../..")
  const { sequences } = await campaign({
    seed: Math.floor(Math.random() * 2 ** 30),
    seconds: SECONDS,
    batch: 1,
    shrinks: false,
    arbitrary: localSequences,
    again: seed => `npm run soak -- --only local --seed ${seed}`,
    play: sequence => playLocal(sequence, root),
  })
  expect(sequences).toBeGreaterThan(2)
}, 120_000)
