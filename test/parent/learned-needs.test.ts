/** What follows from how long calls took, on a clock of the test's. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { LearnedNeeds } from "../../src/parent/learned-needs.ts"
import { Clock } from "../property/clock.ts"

let clock: Clock
beforeEach(() => {
  clock = new Clock()
})
afterEach(() => clock.uninstall())

const MINUTE = 60_000

/** What has learned, from calls of `f` that took so long. */
async function learnedFrom(...durations: number[]): Promise<LearnedNeeds> {
  const learned = new LearnedNeeds()
  learned.begin()
  for (const ms of durations) await took(learned, "f", ms)
  return learned
}

async function took(learned: LearnedNeeds, method: string, ms: number, succeeds = true): Promise<void> {
  const sample = learned.sample(method)!
  await clock.advance(ms)
  if (succeeds) sample.succeeds()
  sample.over()
}

const times = (n: number, ms: number) => Array<number>(n).fill(ms)

describe("learned needs", () => {
  it("are none before runners have an end: nothing is measured", () => {
    const learned = new LearnedNeeds()
    expect(learned.on).toBe(false)
    expect(learned.sample("f")).toBeUndefined()
    expect(learned.needsMs("f")).toBe(0)
  })

  it("are none before twenty calls have succeeded", async () => {
    const learned = await learnedFrom(...times(19, MINUTE))
    expect(learned.needsMs("f")).toBe(0)
    await took(learned, "f", MINUTE, false) // one that failed
    expect(learned.needsMs("f")).toBe(0)
    await took(learned, "f", MINUTE)
    expect(learned.needsMs("f")).toBeGreaterThan(0)
    expect(learned.needsMs("g")).toBe(0)
  })

  it("are a quarter more than nearly all took, a little rounded up", async () => {
    const learned = await learnedFrom(...times(40, MINUTE))
    expect(learned.needsMs("f")).toBeGreaterThanOrEqual(75_000)
    expect(learned.needsMs("f")).toBeLessThanOrEqual(75_000 * (1 + 1 / 16))
  })

  it("are what nineteen of twenty took: a single one that took for ever says nothing", async () => {
    const plain = await learnedFrom(...times(20, MINUTE))
    const outlier = await learnedFrom(...times(10, MINUTE), 600 * MINUTE, ...times(9, MINUTE))
    expect(outlier.needsMs("f")).toBe(plain.needsMs("f"))
    const two = await learnedFrom(...times(10, MINUTE), ...times(2, 600 * MINUTE), ...times(8, MINUTE))
    expect(two.needsMs("f")).toBeGreaterThan(600 * MINUTE)
  })

  it("follow the last ones: what was long ago is forgotten", async () => {
    const learned = await learnedFrom(...times(64, 10 * MINUTE))
    for (let i = 0; i < 64; i++) await took(learned, "f", MINUTE)
    expect(learned.needsMs("f")).toBeLessThan(2 * MINUTE)
  })

  it("are none where calls are short", async () => {
    expect((await learnedFrom(...times(30, 500))).needsMs("f")).toBe(0)
  })

  it("are kept of so many methods only", async () => {
    const learned = await learnedFrom(...times(20, MINUTE))
    for (let i = 0; i < 256; i++) await took(learned, `f${i}`, 1)
    expect(learned.needsMs("f")).toBe(0)
    await took(learned, "f255", 1)
    for (let i = 0; i < 20; i++) await took(learned, "f255", MINUTE)
    expect(learned.needsMs("f255")).toBeGreaterThan(0)
  })
})
