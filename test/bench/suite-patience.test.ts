/** How long a work is waited for: more for more work, and never without end. */
import { expect, test } from "vitest"
import { patience } from "../../bench/suite/patience.ts"

test("it follows the work", () => {
  expect(patience({ ms: 120 })).toBe(32_400)
  expect(patience({})).toBe(30_000)
  const big = 64 << 20
  // Half a megabyte a second each way would still do.
  expect(patience({ bytes: big, ms: 100 })).toBeGreaterThan((big / 0.5e6) * 1_000)
  expect(patience({ bytes: 1 << 20, window: 16, ms: 40 })).toBeGreaterThan(patience({ bytes: 1 << 20, ms: 40 }))
})
