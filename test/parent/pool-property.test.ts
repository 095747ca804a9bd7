/**
 * The pool's promises, whatever is done to it in whatever order: random sequences on a real pool over simulated runners, against a
 * model. `npm run soak` does the same for as long as you like.
 */
import { expect, it } from "vitest"
import { campaign } from "../property/campaign.ts"
import { play } from "../property/simulated.ts"
import { sequences } from "../property/steps.ts"

const SECONDS = 25

it("no runner or call too many, none lost, run twice, passed over or left, whatever happens", async () => {
  const { sequences: played } = await campaign({
    seed: Math.floor(Math.random() * 2 ** 30),
    seconds: SECONDS,
    batch: 200,
    shrinks: true,
    arbitrary: sequences(120),
    again: seed => `npm run soak -- --only simulated --seed ${seed}`,
    play,
  })
  expect(played).toBeGreaterThan(200)
}, 120_000)
