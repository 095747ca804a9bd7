/** The small parts a fleet is made of: the count of runners by state, the chain, the homes of keys, the callbacks about size. */
import { describe, expect, it } from "vitest"
import { Census } from "../../src/parent/census.ts"
import { Chain, Link } from "../../src/parent/chain.ts"
import { GrowHooks } from "../../src/parent/grow-hooks.ts"
import { Homes } from "../../src/parent/homes.ts"
import { Request } from "../../src/parent/request.ts"
import type { RunnerState } from "../../src/parent/runner-state.ts"

describe("the census", () => {
  it("follows a runner through its life", () => {
    const census = new Census()
    census.add("submitting")
    census.add("submitting")
    const path: RunnerState[] = ["submitting", "submitted", "pending", "booting", "ready", "draining", "gone"]
    const counts = path.slice(1).map((to, i) => {
      census.moved(path[i]!, to)
      return [census.booting, census.ready, census.alive, census.all]
    })
    expect(counts).toEqual([
      [2, 0, 2, 2],
      [2, 0, 2, 2],
      [2, 0, 2, 2],
      [1, 1, 2, 2],
      [1, 0, 1, 2],
      [1, 0, 1, 1],
    ])
  })
})

describe("a chain", () => {
  const walk = <R>(chain: Chain<R>, ...links: Link<R>[]) => {
    const order: R[] = []
    while (chain.first !== undefined) {
      order.push(chain.first)
      chain.leave(links.find(link => link.item === chain.first)!)
    }
    return order
  }

  it("joins first or last, leaves from anywhere, and is in one at a time", () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map(name => new Link(name)) as [
      Link<string>,
      Link<string>,
      Link<string>,
      Link<string>,
    ]
    const [one, two] = [new Chain<string>(), new Chain<string>()]
    one.join(a, "last")
    one.join(b, "last")
    one.join(c, "first")
    one.join(d, "last")
    one.join(a, "first") // it is here: it stays where it is
    one.leave(b)
    two.leave(d) // it is not here
    two.join(c, "last")
    expect(walk(one, a, b, c, d)).toEqual(["a", "d"])
    expect(walk(two, a, b, c, d)).toEqual(["c"])
    one.join(b, "last")
    expect(one.first).toBe("b")
  })
})

describe("homes", () => {
  class Waiting extends Request<string> {
    readonly kind = "slot"
    place() {}
    fail() {}
  }
  const waiting = (arrival: number) => Object.assign(new Waiting("k"), { arrival })

  it("keep a key where it was settled, until that runner leaves; who waited for it is given back in order", () => {
    const homes = new Homes<string>()
    homes.settle("k", "r1")
    homes.settle("l", "r1")
    homes.settle("m", "r2")
    const [first, second, other] = [waiting(1), waiting(2), waiting(3)]
    homes.waitingFor("r1").add(second)
    homes.waitingFor("r1").add(first)
    homes.waitingFor("r2").add(other)
    expect(homes.next("r1")).toBe(first)
    expect(homes.queues.map(queue => queue.size)).toEqual([2, 1])
    expect(homes.leave("r1")).toEqual([first, second])
    expect([homes.of("k"), homes.of("l"), homes.of("m")]).toEqual([undefined, undefined, "r2"])
    expect(homes.leave("r1")).toEqual([])
    expect(homes.next("r3")).toBeUndefined()
  })
})

describe("grow hooks", () => {
  const event = { name: "p", runnerId: "r-1", count: 1 }

  it("wait for nothing where there is nothing", () => {
    const hooks = new GrowHooks({}, () => expect.unreachable())
    expect(hooks.start).toBeUndefined()
    hooks.end({ ...event, error: undefined })
    hooks.shrink({ ...event, reason: "idle" })
  })

  it("fail the boot with what onGrowStart throws, at once or later", async () => {
    const now = new GrowHooks(
      {
        onGrowStart() {
          throw new Error("now")
        },
      },
      () => expect.unreachable(),
    )
    const later = new GrowHooks({ onGrowStart: async () => Promise.reject(new Error("later")) }, () =>
      expect.unreachable(),
    )
    await expect(now.start!(event)).rejects.toThrow("now")
    await expect(later.start!(event)).rejects.toThrow("later")
  })

  it("hand on what the others throw, at once or later, whatever it is", async () => {
    const errors: Error[] = []
    await new Promise<void>(resolve => {
      const hooks = new GrowHooks(
        {
          onGrowEnd() {
            throw "text"
          },
          onShrink: async () => Promise.reject(new Error("later")),
        },
        error => {
          if (errors.push(error) === 2) resolve()
        },
      )
      hooks.end({ ...event, error: undefined })
      hooks.shrink({ ...event, reason: "idle" })
    })
    expect(errors.map(error => error.message)).toEqual([expect.stringContaining("text"), "later"])
  })
})
