/**
 * 20,000 inputs of a hostile peer, half of them the same at every run: `npm run fuzz` runs a million. What failed is named with
 * the seed that makes it again.
 */
import { expect, test } from "vitest"
import { run } from "./campaign.ts"

const RANDOM = Math.floor(Math.random() * 2 ** 31)

const KINDS = ["frame", "codec", "handshake"] as const
// Sessions by a fixed seed alone, until a million of them pass: see `npm run fuzz -- --only session`.
test.each([
  { seed: 1, only: [...KINDS, "session"] as const, names: [...KINDS, "session: parent", "session: runner"] },
  { seed: RANDOM, only: KINDS, names: KINDS },
])(
  "10,000 inputs of seed $seed",
  async ({ seed, only, names }) => {
    const report = await run({ inputs: 10_000, seed, only })
    const again = report.failures.map(
      ({ target, index, what }) => `npm run fuzz -- --seed ${seed} --only ${target} --at ${index}: ${what}`,
    )
    expect(again).toEqual([])
    expect(report.inputs).toBe(10_000)
    // The inputs reach more than the first check: sessions of either side live through some, and some values are decoded.
    for (const name of names) {
      expect(report.outcomes.get(`${name}: handled`), name).toBeGreaterThan(20)
      expect(report.outcomes.get(`${name}: ProtocolError`), name).toBeGreaterThan(20)
    }
  },
  120_000,
)
