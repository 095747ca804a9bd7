import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { Gate } from "../../src/parent/gate.ts"

/** A gate, and work that ends when it is told to. */
function setUp(maxConcurrency: number) {
  const freed = vi.fn()
  const gate = new Gate(maxConcurrency, { loaded() {}, freed })
  const log: string[] = []
  const leaves = new Map<string, () => void>()
  const enter = (name: string) =>
    gate.enter(
      leave => {
        log.push(`+${name}`)
        leaves.set(name, leave)
      },
      () => log.push(`!${name}`),
    )
  /** Resolves when the gate has said so. */
  const end = async (name: string) => {
    const calls = freed.mock.calls.length
    leaves.get(name)?.()
    await vi.waitUntil(() => freed.mock.calls.length > calls)
  }
  return { gate, log, enter, end, freed, leaves }
}

/** All that follows of itself: promises and what they lead to. */
const settled = () => new Promise(resolve => setImmediate(resolve))

describe("Gate", () => {
  it("starts at once when a slot is free, and counts", () => {
    const { gate, log, enter } = setUp(2)
    expect(gate).toMatchObject({ running: 0, free: 2 })
    enter("a")
    expect(log).toEqual(["+a"]) // in this very turn: a caller that finds a free slot has it
    expect(gate).toMatchObject({ running: 1, free: 1 })
    enter("b")
    enter("c")
    expect(log).toEqual(["+a", "+b"])
    expect(gate).toMatchObject({ running: 2, free: 0 })
  })

  it("serves those who wait in order of arrival, and says that a slot was freed", async () => {
    const { gate, log, enter, end, freed } = setUp(1)
    for (const name of ["a", "b", "c"]) enter(name)
    await end("a")
    expect(log).toEqual(["+a", "+b"])
    await end("b")
    await end("c")
    expect(log).toEqual(["+a", "+b", "+c"])
    expect(gate).toMatchObject({ running: 0, free: 1 })
    expect(freed).toHaveBeenCalledTimes(3)
  })

  it("lets nobody past those who wait, although a slot is free by then", async () => {
    const { gate, log, enter, leaves } = setUp(2)
    for (const name of ["a", "b", "c", "d"]) enter(name)
    leaves.get("a")!()
    leaves.get("b")!()
    enter("e") // c and d are in front of it
    await settled()
    expect(log).toEqual(["+a", "+b", "+c", "+d"])
    expect(gate).toMatchObject({ running: 2, free: 0 })
    leaves.get("d")!()
    await settled()
    expect(log.at(-1)).toBe("+e")
    leaves.get("c")!()
    leaves.get("e")!()
    await settled()
    enter("f") // nobody waits: at once again
    expect(log.at(-1)).toBe("+f")
    expect(gate).toMatchObject({ running: 1, free: 1 })
  })

  it("has slots of those who came at once and of those who waited, and never more than it has", async () => {
    const { gate, log, enter, leaves } = setUp(3)
    for (const name of ["a", "b", "c", "d"]) enter(name)
    leaves.get("a")!()
    await settled()
    expect(log).toEqual(["+a", "+b", "+c", "+d"]) // d got its slot from the queue
    expect(gate).toMatchObject({ running: 3, free: 0 })
    leaves.get("b")!()
    expect(gate).toMatchObject({ running: 2, free: 1 })
    enter("e") // past the queue, beside d
    enter("f")
    expect(log.at(-1)).toBe("+e")
    expect(gate).toMatchObject({ running: 3, free: 0 })
    leaves.get("d")!()
    await settled()
    expect(log.at(-1)).toBe("+f")
    expect(gate.running).toBe(3)
  })

  it.each([
    ["came at once", 0],
    ["waited", 1],
  ])("counts a slot once that is left twice, of who %s", async (_how, i) => {
    const { gate, log, enter, leaves, freed } = setUp(1)
    const names = ["a", "b"]
    for (const name of names) enter(name)
    if (i === 1) leaves.get("a")!()
    await settled()
    const told = freed.mock.calls.length
    const leave = leaves.get(names[i]!)!
    leave()
    leave()
    await settled()
    leave()
    await settled()
    expect(freed).toHaveBeenCalledTimes(told + 1)
    if (i === 0) leaves.get("b")!()
    await settled()
    expect(gate).toMatchObject({ running: 0, free: 1 })
    enter("c")
    enter("d")
    expect(log).toEqual(["+a", "+b", "+c"]) // d has no slot of somebody's who left twice
  })

  it("says once for all of one turn that slots were freed, and not before that turn is over", async () => {
    const { enter, leaves, freed } = setUp(3)
    for (const name of ["a", "b", "c"]) enter(name)
    for (const name of ["a", "b", "c"]) leaves.get(name)!()
    expect(freed).not.toHaveBeenCalled()
    await settled()
    expect(freed).toHaveBeenCalledTimes(1)
    enter("d")
    leaves.get("d")!()
    await settled()
    expect(freed).toHaveBeenCalledTimes(2)
  })

  it("may be entered and left by who is told that a slot is free, ten thousand times over", async () => {
    let left = 10_000
    const freed = () => {
      left -= 1
      if (left > 0) gate.enter(leave => leave(), expect.unreachable)
    }
    const gate: Gate = new Gate(1, { loaded() {}, freed })
    gate.enter(leave => leave(), expect.unreachable)
    await vi.waitUntil(() => left === 0)
    expect(gate.running).toBe(0)
  })

  it("serves ten thousand who wait and leave at once", async () => {
    const { gate, enter, leaves } = setUp(1)
    enter("first")
    let served = 0
    for (let i = 0; i < 10_000; i++) {
      gate.enter(leave => {
        served += 1
        leave()
      }, expect.unreachable)
    }
    leaves.get("first")!()
    await vi.waitUntil(() => served === 10_000)
    await settled()
    expect(gate.running).toBe(0)
  })

  it("turns away who waits, not who runs, and goes on afterwards", async () => {
    const { gate, log, enter, end } = setUp(1)
    for (const name of ["a", "b", "c"]) enter(name)
    gate.evict()
    expect(log).toEqual(["+a", "!b", "!c"])
    gate.evict() // nobody is told twice
    expect(log).toHaveLength(3)
    expect(gate.running).toBe(1)
    await end("a")
    await vi.waitUntil(() => gate.running === 0) // the places of the evicted are passed over
    enter("d")
    expect(log).toEqual(["+a", "!b", "!c", "+d"])
  })

  it("lets somebody who is turned away enter again at once, behind the others", async () => {
    const { gate, log, end, enter } = setUp(1)
    enter("a")
    gate.enter(
      leave => leave(),
      () => enter("again"),
    )
    gate.evict()
    await end("a")
    await vi.waitUntil(() => log.includes("+again"))
    expect(log).toEqual(["+a", "+again"])
  })

  it("that has ended turns away who waits and who comes; who is inside may still leave", async () => {
    const { gate, log, enter, leaves } = setUp(1)
    for (const name of ["a", "b"]) enter(name)
    gate.end()
    enter("c")
    expect(log).toEqual(["+a", "!b", "!c"])
    leaves.get("a")!()
    await settled()
    expect(log).toHaveLength(3)
    expect(gate.running).toBe(0)
  })

  it("keeps to a simple model of itself, whatever comes in whatever order", async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant("enter" as const), atOnce: fc.boolean() }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("turn" as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("evict" as const) }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 40 }), async (slots, steps) => {
        const gate = new Gate(slots, { loaded() {}, freed() {} })
        const waiting = new Set<number>()
        const inside = new Map<number, () => void>()
        const started: number[] = []
        const evicted: number[] = []
        let serial = 0
        const check = () => {
          expect(inside.size).toBeLessThanOrEqual(slots)
          expect(gate.free).toBeLessThanOrEqual(slots - inside.size)
        }
        for (const action of steps) {
          if (action.do === "enter") {
            const id = serial++
            waiting.add(id)
            gate.enter(
              leave => {
                expect(waiting.delete(id)).toBe(true)
                started.push(id)
                if (action.atOnce) return leave()
                inside.set(id, leave)
                check()
              },
              () => {
                expect(waiting.delete(id)).toBe(true)
                evicted.push(id)
              },
            )
          } else if (action.do === "leave") {
            const [id, leave] = [...inside][action.which] ?? []
            if (id === undefined || !leave) continue
            inside.delete(id)
            leave()
            leave()
          } else if (action.do === "evict") {
            gate.evict()
            expect(waiting.size).toBe(0)
          } else {
            await settled()
            // A slot is never idle while somebody waits for one.
            expect(gate.running).toBe(inside.size)
            if (waiting.size > 0) expect(inside.size).toBe(slots)
          }
          check()
        }
        while (inside.size > 0 || waiting.size > 0) {
          const before = [...inside]
          inside.clear()
          for (const [, leave] of before) leave()
          await settled()
        }
        await settled()
        expect(gate).toMatchObject({ running: 0, free: slots })
        expect(started).toEqual([...started].sort((a, b) => a - b)) // in order of arrival
        expect([...started, ...evicted].sort((a, b) => a - b)).toEqual(Array.from({ length: serial }, (_, i) => i))
        gate.end()
      }),
      { numRuns: 300 },
    )
  })
})
