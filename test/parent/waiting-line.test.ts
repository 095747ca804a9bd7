import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { type Request, WaitingLine } from "../../src/parent/waiting-line.ts"

const request = (kind: "lease" | "slot" = "slot"): Request<never> => ({ kind, place: vi.fn(), fail: vi.fn() })

describe("WaitingLine", () => {
  it("serves in order of arrival, and those who came back before all others", () => {
    const line = new WaitingLine<never>()
    const [a, b, c, d] = [request(), request("lease"), request(), request()] as const
    for (const r of [a, b, c]) line.push(r)
    line.unshift(d)
    expect([...line]).toEqual([d, a, b, c])
    expect(line).toMatchObject({ size: 4, leases: 1, slots: 3 })
  })

  it("lets go of somebody in the middle, once", () => {
    const line = new WaitingLine<never>()
    const [a, b, c] = [request(), request("lease"), request()] as const
    for (const r of [a, b, c]) line.push(r)
    expect(line.remove(b)).toBe(true)
    expect(line.remove(b)).toBe(false)
    expect([...line]).toEqual([a, c])
    expect(line).toMatchObject({ size: 2, leases: 0, slots: 2 })
  })

  it("may lose anybody while it is walked", () => {
    const line = new WaitingLine<never>()
    const all = [request(), request(), request()]
    for (const r of all) line.push(r)
    const seen: unknown[] = []
    for (const r of line) {
      seen.push(r)
      line.remove(r)
      line.remove(all[1]!)
    }
    expect(seen).toEqual([all[0], all[2]])
  })

  it("tells everybody in order when there will be no runner, and is empty before they hear of it", () => {
    const line = new WaitingLine<never>()
    const heard: string[] = []
    const named = (name: string): Request<never> => ({
      kind: "lease",
      place() {},
      fail: error => heard.push(`${name} ${error} ${line.size}`),
    })
    line.push(named("a"))
    line.push(named("b"))
    line.unshift(named("c"))
    line.failAll("why")
    expect(heard).toEqual(["c why 0", "a why 0", "b why 0"])
    expect(line).toMatchObject({ size: 0, leases: 0, slots: 0 })
  })

  it("does what two arrays would", () => {
    const step = fc.oneof(
      fc.record({ op: fc.constantFrom("push", "unshift"), kind: fc.constantFrom("lease", "slot") }),
      fc.record({ op: fc.constant("remove"), at: fc.nat() }),
      fc.record({ op: fc.constant("return"), at: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const line = new WaitingLine<never>()
        let returned: Request<never>[] = []
        let waiting: Request<never>[] = []
        const take = (at: number) => {
          const all = [...returned, ...waiting]
          const chosen = all[at % Math.max(1, all.length)]
          returned = returned.filter(r => r !== chosen)
          waiting = waiting.filter(r => r !== chosen)
          return chosen
        }
        for (const s of steps) {
          if ("kind" in s) {
            const r = request(s.kind as "lease" | "slot")
            if (s.op === "push") waiting.push(r)
            else returned.push(r)
            if (s.op === "push") line.push(r)
            else line.unshift(r)
          } else {
            const chosen = take(s.at)
            if (!chosen) continue
            expect(line.remove(chosen)).toBe(true)
            if (s.op === "return") {
              line.unshift(chosen) // it was placed and did not begin
              returned.push(chosen)
            }
          }
          const model = [...returned, ...waiting]
          expect([...line]).toEqual(model)
          expect(line.size).toBe(model.length)
          expect(line.leases).toBe(model.filter(r => r.kind === "lease").length)
          expect(line.slots).toBe(model.filter(r => r.kind === "slot").length)
        }
      }),
    )
  })
})
