import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { Gate } from "../../src/parent/gate.ts"

/** A gate, and work that ends when it is told to. */
function setUp(maxConcurrency: number) {
  const freed = vi.fn()
  const gate = new Gate(maxConcurrency, freed)
  const log: string[] = []
  const ends = new Map<string, () => void>()
  const enter = (name: string) =>
    gate.enter(
      () => {
        log.push(`+${name}`)
        return new Promise<void>(resolve => ends.set(name, resolve))
      },
      () => log.push(`!${name}`),
    )
  /** Resolves when the queue has noticed. */
  const end = async (name: string) => {
    const calls = freed.mock.calls.length
    ends.get(name)?.()
    await vi.waitUntil(() => freed.mock.calls.length > calls)
  }
  return { gate, log, enter, end, freed }
}

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
      async () => {},
      () => enter("again"),
    )
    gate.evict()
    await end("a")
    await vi.waitUntil(() => log.includes("+again"))
    expect(log).toEqual(["+a", "+again"])
  })

  it("never runs more than it has slots, and starts everybody in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 15 }),
        async (slots, turns) => {
          let running = 0
          let most = 0
          const order: number[] = []
          const gate = new Gate(slots, () => {})
          const work = turns.map(
            (count, i) =>
              new Promise<void>(resolve => {
                gate.enter(async () => {
                  order.push(i)
                  most = Math.max(most, ++running)
                  for (let turn = 0; turn < count; turn++) await Promise.resolve()
                  running -= 1
                  resolve()
                }, resolve)
              }),
          )
          await Promise.all(work)
          expect(most).toBe(Math.min(slots, turns.length))
          expect(order).toEqual(turns.map((_, i) => i))
          gate.end()
        },
      ),
    )
  })
})
