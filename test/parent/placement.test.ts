import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Candidate, forLease, forSlot, toReserve, wanted } from "../../src/parent/placement.ts"

const runner = (part: Partial<Candidate> = {}): Candidate => ({
  ready: true,
  booting: false,
  leased: false,
  reserved: false,
  running: 0,
  free: 1,
  ...part,
})

const idle = runner()
const one = runner({ running: 1 })
const two = runner({ running: 2 })
const full = runner({ running: 3, free: 0 })
const booting = runner({ ready: false, booting: true })
const leased = runner({ leased: true })
const reserved = runner({ reserved: true })

describe("who is chosen", () => {
  it.each([
    ["nobody of nobody", [], undefined, undefined, undefined],
    ["the idle one", [two, idle, one], idle, idle, idle],
    ["the first of equals", [one, runner({ running: 1 })], one, undefined, one],
    ["the least loaded", [two, one], one, undefined, one],
    ["a full one only to be kept free", [full], undefined, undefined, full],
    ["no booting one", [booting], undefined, undefined, undefined],
    ["no leased one", [leased, two], two, undefined, two],
    ["no promised one", [reserved, two], two, undefined, two],
  ])("%s", (_what, runners, slot, lease, reserve) => {
    expect(forSlot(runners)).toBe(slot)
    expect(forLease(runners)).toBe(lease)
    expect(toReserve(runners)).toBe(reserve)
  })

  it("never somebody who is leased, promised, not ready, or has no place", () => {
    const any = fc.record({
      ready: fc.boolean(),
      booting: fc.boolean(),
      leased: fc.boolean(),
      reserved: fc.boolean(),
      running: fc.nat({ max: 4 }),
      free: fc.nat({ max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), runners => {
        for (const choice of [forSlot(runners), forLease(runners), toReserve(runners)]) {
          if (choice) expect(choice).toMatchObject({ ready: true, leased: false, reserved: false })
        }
        const open = runners.filter(r => r.ready && !r.leased && !r.reserved)
        const withPlace = open.filter(r => r.free > 0)
        expect(forSlot(runners)?.running).toBe(
          withPlace.length > 0 ? Math.min(...withPlace.map(r => r.running)) : undefined,
        )
        expect(forLease(runners)).toBe(open.find(r => r.running === 0 && r.free > 0))
        expect(toReserve(runners)?.running).toBe(open.length > 0 ? Math.min(...open.map(r => r.running)) : undefined)
      }),
    )
  })
})

describe("how many are booted", () => {
  const nothing = { leases: 0, slots: 0, booting: 0, alive: 0, min: 0, max: 10, maxConcurrency: 1 }
  it.each([
    ["none without demand", {}, 0],
    ["one for a call", { slots: 1 }, 1],
    ["one for as many calls as it can take", { slots: 5, maxConcurrency: 5 }, 1],
    ["another for one call more", { slots: 6, maxConcurrency: 5 }, 2],
    ["one for each lease, whatever it could take", { leases: 3, maxConcurrency: 5 }, 3],
    ["both together", { leases: 1, slots: 6, maxConcurrency: 5 }, 3],
    ["none beyond those on their way", { slots: 2, booting: 2, alive: 2 }, 0],
    ["what is missing for min", { min: 3, alive: 1 }, 2],
    ["min and demand are not added up", { min: 3, slots: 2 }, 3],
    ["no more than max", { slots: 99, alive: 8 }, 2],
    ["none at max", { slots: 99, alive: 10 }, 0],
    ["none above max", { slots: 99, alive: 12 }, 0],
  ])("%s", (_what, part, count) => {
    expect(wanted({ ...nothing, ...part })).toBe(count)
  })

  it("never more than max allows, never fewer than min and demand need within it", () => {
    const n = fc.nat({ max: 30 })
    fc.assert(
      fc.property(
        n,
        n,
        n,
        n,
        n,
        n,
        fc.integer({ min: 1, max: 8 }),
        (leases, slots, b, more, min, room, maxConcurrency) => {
          const alive = b + more
          const max = Math.max(1, min, alive) + room
          const count = wanted({ leases, slots, booting: b, alive, min, max, maxConcurrency })
          expect(count).toBeGreaterThanOrEqual(0)
          expect(alive + count).toBeLessThanOrEqual(max)
          if (alive + count < max) {
            expect(alive + count).toBeGreaterThanOrEqual(min)
            expect(b + count).toBeGreaterThanOrEqual(leases + Math.ceil(slots / maxConcurrency))
          }
        },
      ),
    )
  })
})
