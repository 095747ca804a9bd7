import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { wanted } from "../../src/parent/growth.ts"

describe("how many are booted", () => {
  const nothing = { leases: 0, slots: 0, booting: 0, serving: 0, all: 0, min: 0, max: 10, maxConcurrency: 1 }
  it.each([
    ["none without demand", {}, 0],
    ["one for a call", { slots: 1 }, 1],
    ["one for as many calls as it can take", { slots: 5, maxConcurrency: 5 }, 1],
    ["another for one call more", { slots: 6, maxConcurrency: 5 }, 2],
    ["one for each lease, whatever it could take", { leases: 3, maxConcurrency: 5 }, 3],
    ["both together", { leases: 1, slots: 6, maxConcurrency: 5 }, 3],
    ["none beyond those on their way", { slots: 2, booting: 2, serving: 2, all: 2 }, 0],
    ["what is missing for min", { min: 3, serving: 1, all: 1 }, 2],
    ["min and demand are not added up", { min: 3, slots: 2 }, 3],
    ["in place of one that is about to end", { min: 3, serving: 2, all: 3 }, 1],
    ["no more than max", { slots: 99, serving: 8, all: 8 }, 2],
    ["none at max", { slots: 99, serving: 10, all: 10 }, 0],
    ["none while those that are ending make it max", { slots: 99, serving: 1, all: 10 }, 0],
    ["those that come in the same job", { slots: 1, booting: 1, serving: 1, all: 1, seats: 3 }, 3],
    ["no more of them than max", { slots: 1, booting: 1, serving: 9, all: 9, seats: 3 }, 1],
    ["none above max", { slots: 99, serving: 12, all: 12 }, 0],
  ])("%s", (_what, part, count) => {
    expect(wanted({ ...nothing, ...part })).toBe(count)
  })

  it("never more than max allows, never fewer than min and demand need within it", () => {
    const n = fc.nat({ max: 30 })
    const demand = fc.record({ leases: n, slots: n, booting: n, more: n, ending: n, min: n, room: n, conc: n })
    fc.assert(
      fc.property(demand, ({ leases, slots, booting, more, ending, min, room, conc }) => {
        const serving = booting + more
        const all = serving + ending
        const max = Math.max(1, min, all) + room
        const count = wanted({ leases, slots, booting, serving, all, min, max, maxConcurrency: conc + 1 })
        expect(count).toBeGreaterThanOrEqual(0)
        expect(all + count).toBeLessThanOrEqual(max)
        if (all + count < max) {
          expect(serving + count).toBeGreaterThanOrEqual(min)
          expect(booting + count).toBeGreaterThanOrEqual(leases + Math.ceil(slots / (conc + 1)))
        }
      }),
    )
  })
})
