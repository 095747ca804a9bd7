/** Who gets which runner: the rules one by one, and all of them against a model that looks at everybody each time. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Link } from "../../src/parent/chain.ts"
import { Dispatcher } from "../../src/parent/dispatcher.ts"
import { hasTime, MARGIN_MS } from "../../src/parent/has-time.ts"
import { Request } from "../../src/parent/request.ts"
import type { Rostered } from "../../src/parent/roster.ts"

class Runner implements Rostered<Runner> {
  readonly berth = new Link<Runner>(this)
  ready = true
  leased = false
  reserved = false
  retiring: string | undefined
  running = 0
  reachable = true
  /** Without an end, unless a test gives it one. */
  readonly time = { leftMs: Number.POSITIVE_INFINITY, known: true }
  constructor(
    readonly serial: number,
    readonly capacity = 1,
  ) {}
  get free() {
    return this.reachable ? Math.max(0, this.capacity - this.running) : 0
  }
}

class Waiting extends Request<Runner> {
  runner: Runner | undefined
  failure: unknown
  constructor(
    readonly name: string,
    readonly kind: "lease" | "slot" = "slot",
    key?: string,
  ) {
    super(key)
  }
  place(runner: Runner) {
    expect(this.runner, `${this.name} is placed once`).toBeUndefined()
    this.runner = runner
    if (this.kind === "lease") runner.leased = true
    else runner.running += 1
  }
  fail(error: unknown) {
    this.failure = error
  }
}

/** A dispatcher with runners of the given capacities, and room for no more. */
function setUp(capacities: number[] = [], room = false, coming = () => 0) {
  const placed: string[] = []
  const dispatcher = new Dispatcher<Runner>({
    room: () => room,
    coming,
    given: runner => placed.push(`${runner.serial}`),
  })
  const runners = capacities.map((capacity, i) => new Runner(i, capacity))
  for (const runner of runners.toReversed()) {
    dispatcher.add(runner)
    dispatcher.update(runner)
  }
  const ask = (...requests: Waiting[]) => {
    for (const request of requests) dispatcher.join(request)
    dispatcher.dispatch()
  }
  const free = (runner: Runner) => {
    runner.running -= 1
    dispatcher.update(runner)
    dispatcher.dispatch(runner)
  }
  const release = (runner: Runner) => {
    runner.leased = false
    dispatcher.update(runner)
    dispatcher.dispatch(runner)
  }
  return { dispatcher, runners, placed, ask, free, release }
}

const slot = (name: string, key?: string) => new Waiting(name, "slot", key)
const lease = (name: string) => new Waiting(name, "lease")

describe("Dispatcher", () => {
  it("gives a slot on the least loaded runner, of equals on the one that worked last", () => {
    const { ask, placed, runners, free } = setUp([2, 2, 2])
    ask(slot("a"), slot("b"), slot("c"), slot("d"))
    expect(placed).toEqual(["0", "1", "2", "2"])
    free(runners[0]!)
    free(runners[1]!)
    ask(slot("e"))
    expect(placed.at(-1)).toBe("1")
  })

  it("serves in order of arrival, and who comes back where it was", () => {
    const { ask, dispatcher, runners, free } = setUp([1])
    const [a, b, c] = [slot("a"), slot("b"), slot("c")]
    ask(a, b, c)
    expect([a.runner, b.runner]).toEqual([runners[0], undefined])
    a.runner = undefined // it never began
    dispatcher.join(a)
    free(runners[0]!)
    expect(a.runner).toBe(runners[0])
    dispatcher.rejoin(slot("d")) // it failed and is to be run again
    free(runners[0]!)
    expect(b.runner).toBe(runners[0])
    expect(dispatcher.size).toBe(2)
  })

  it("lets go of who leaves, once, wherever it waits", () => {
    const { ask, dispatcher, runners, free } = setUp([1])
    const [a, b, c, d] = [slot("a", "k"), slot("b"), slot("c"), slot("d", "k")]
    ask(a, b, c, d)
    expect(dispatcher.leave(b)).toBe(true)
    expect(dispatcher.leave(b)).toBe(false)
    expect(dispatcher.leave(a)).toBe(false)
    expect(dispatcher.leave(d)).toBe(true)
    free(runners[0]!)
    expect(c.runner).toBe(runners[0])
    expect(dispatcher.size).toBe(0)
  })

  it("gives a lease an idle runner only, and nobody else that runner", () => {
    const { ask, runners } = setUp([2, 2])
    const [a, l, b] = [slot("a"), lease("l"), slot("b")]
    ask(a, l, b)
    expect([a.runner, l.runner, b.runner]).toEqual([runners[0], runners[1], runners[0]])
  })

  it("keeps the runner that is idle soonest for a lease that waits at max, and gives calls the others", () => {
    const { ask, runners, free } = setUp([3, 3])
    ask(slot("a"), slot("b"), slot("c"))
    const [l, d] = [lease("l"), slot("d")]
    ask(l, d)
    expect(runners.map(r => r.reserved)).toEqual([true, false])
    expect(d.runner).toBe(runners[1])
    free(runners[0]!)
    expect(l.runner).toBe(runners[0])
    expect(runners[0]!.reserved).toBe(false)
  })

  it("keeps another runner for a lease when the first one does not become idle", () => {
    const { ask, runners, free } = setUp([2, 2])
    ask(slot("for ever"), slot("a"), slot("b"), slot("c"))
    const l = lease("l")
    ask(l)
    const kept = runners.find(r => r.reserved)!
    const other = runners.find(r => r !== kept)!
    let calls = 0
    while (!other.reserved && calls < 1_000) {
      ask(slot(`${calls++}`))
      free(other)
    }
    expect(calls).toBeLessThan(100)
    while (other.running > 0) free(other)
    expect(l.runner).toBe(other)
    expect(kept.reserved).toBe(false)
  })

  it("keeps none while one may be booted, and frees those that were kept for who left", () => {
    const roomy = setUp([2], true)
    roomy.ask(slot("a"), lease("l"))
    expect(roomy.runners[0]!.reserved).toBe(false)
    const { ask, dispatcher, runners } = setUp([2])
    const [l, b] = [lease("l"), slot("b")]
    ask(slot("a"), l, b)
    expect([runners[0]!.reserved, b.runner]).toEqual([true, undefined])
    dispatcher.leave(l)
    dispatcher.dispatch()
    expect([runners[0]!.reserved, b.runner]).toEqual([false, runners[0]])
  })

  it("keeps as many as there are leases before the first call that waits", () => {
    const { ask, runners } = setUp([1, 1, 1])
    ask(slot("a"), slot("b"), slot("c"))
    ask(lease("l"), lease("m"), slot("d"), lease("n"))
    expect(runners.filter(r => r.reserved)).toHaveLength(2)
  })

  it("keeps none for a lease whose runner is on its way, however long its job is in the queue", () => {
    let coming = 1
    const { ask, runners, free, dispatcher } = setUp([2, 2], false, () => coming)
    ask(slot("a"), slot("b"))
    const l = lease("l")
    ask(l)
    for (let i = 0; i < 1_000; i++) {
      const call = slot(`${i}`)
      ask(call)
      free(call.runner!)
    }
    expect(runners.map(r => r.reserved)).toEqual([false, false])
    const m = lease("m")
    ask(m)
    expect(runners.filter(r => r.reserved)).toHaveLength(1) // of the two leases one is provided for
    coming = 0 // it failed
    dispatcher.dispatch()
    expect(runners.filter(r => r.reserved)).toHaveLength(2)
    for (const runner of runners) free(runner)
    expect([l, m].map(({ runner }) => runner).sort((a, b) => a!.serial - b!.serial)).toEqual(runners)
  })

  it("calls of one key go to one runner, and wait for it although others are free", () => {
    const { ask, runners, free } = setUp([1, 1])
    const [a, b, c, d] = [slot("a", "k"), slot("b", "k"), slot("c"), slot("d", "k")]
    ask(a, b, c, d)
    expect([a.runner, b.runner, c.runner]).toEqual([runners[0], undefined, runners[1]])
    const e = slot("e")
    ask(e)
    free(runners[0]!)
    expect(b.runner, "before who came later").toBe(runners[0])
    free(runners[0]!)
    expect(d.runner).toBe(runners[0])
    free(runners[0]!)
    expect(e.runner).toBe(runners[0])
  })

  it("a call does not pass those of its key that wait for the runner, which has a slot and has not said so yet", () => {
    const { ask, dispatcher, runners, free } = setUp([1, 1])
    const [a, b, c] = [slot("a", "k"), slot("b", "k"), slot("c", "k")]
    ask(a, b)
    runners[0]!.running -= 1
    ask(c)
    expect([b.runner, c.runner]).toEqual([runners[0], undefined])
    dispatcher.update(runners[0]!)
    free(runners[0]!)
    expect(c.runner).toBe(runners[0])
  })

  it("who waits for a certain runner is no reason to boot one", () => {
    const { ask, dispatcher } = setUp([1])
    ask(slot("a", "k"), slot("b", "k"), slot("c"))
    expect(dispatcher).toMatchObject({ leases: 0, slots: 1 })
    expect(dispatcher.size).toBe(2)
  })

  it("a key's runner that goes leaves its key to another, and who waited for it keeps its turn", () => {
    const { ask, dispatcher, runners, free } = setUp([1, 1])
    const [a, b, c, d, e] = [slot("a", "k"), slot("b"), slot("c", "k"), slot("d"), slot("e", "k")]
    ask(a, b, c, d, e)
    runners[0]!.ready = false
    dispatcher.delete(runners[0]!)
    dispatcher.dispatch()
    free(runners[1]!)
    expect([c.runner, d.runner]).toEqual([runners[1], undefined])
    free(runners[1]!)
    // e waits for the runner that has its key now, and came after d.
    expect([d.runner, e.runner]).toEqual([runners[1], undefined])
    free(runners[1]!)
    expect(e.runner).toBe(runners[1])
  })

  it("calls of a key do not keep others waiting who came before them", () => {
    const { ask, runners, free } = setUp([1])
    const [a, b, c, d] = [slot("a", "k"), slot("b", "k"), slot("c"), slot("d", "k")]
    ask(a, b, c, d)
    free(runners[0]!)
    expect(b.runner).toBe(runners[0])
    free(runners[0]!)
    expect([c.runner, d.runner]).toEqual([runners[0], undefined])
    free(runners[0]!)
    expect(d.runner).toBe(runners[0])
  })

  it("a key waits for its runner to be given back", () => {
    const { ask, runners, free, release } = setUp([1])
    const [a, l, b] = [slot("a", "k"), lease("l"), slot("b", "k")]
    ask(a)
    ask(l, b)
    free(runners[0]!)
    expect([l.runner, b.runner]).toEqual([runners[0], undefined])
    release(runners[0]!)
    expect(b.runner).toBe(runners[0])
  })

  it("gives nobody a runner that retires, cannot be reached or does not serve", () => {
    const { ask, dispatcher, runners } = setUp([1, 1, 1, 1])
    runners[0]!.retiring = "scale"
    runners[1]!.reachable = false
    runners[2]!.ready = false
    for (const runner of runners) dispatcher.update(runner)
    const [a, b] = [slot("a"), slot("b")]
    ask(a, b)
    expect([a.runner, b.runner]).toEqual([runners[3], undefined])
  })

  it("finds out that a slot was taken past it", () => {
    const { ask, runners } = setUp([1, 1])
    runners[0]!.running = 1
    const a = slot("a")
    ask(a)
    expect(a.runner).toBe(runners[1])
  })

  it("tells everybody in order when there will be no runner", () => {
    const { ask, dispatcher } = setUp()
    const heard: string[] = []
    const all = [slot("a"), lease("b"), slot("c")]
    for (const request of all) request.fail = error => heard.push(`${request.name} ${error} ${dispatcher.size}`)
    ask(...all)
    dispatcher.failAll("why")
    expect(heard).toEqual(["a why 0", "b why 0", "c why 0"])
  })
})

const left = (runner: Runner, ms: number) => {
  runner.time.leftMs = ms + MARGIN_MS
}
const needs = <W extends Waiting>(request: W, needsMs: number, soft = false) =>
  Object.assign(request, { needsMs, soft })

describe("who needs a runner with time left", () => {
  it("is given the least loaded that has it, and others the least loaded", () => {
    const { ask, runners } = setUp([2, 2, 2])
    left(runners[0]!, 10)
    left(runners[1]!, 30)
    const [a, b, c] = [needs(slot("a"), 20), slot("b"), needs(slot("c"), 30)]
    ask(a, b, c)
    expect([a.runner, b.runner, c.runner]).toEqual([runners[1], runners[0], runners[2]])
    const [d, e] = [needs(slot("d"), 30), needs(slot("e"), 30)]
    ask(d, e)
    expect([d.runner, e.runner], "of equals the one that worked last").toEqual([runners[2], runners[1]])
  })

  it("keeps nobody waiting who needs less, and is served by the first that has the time, freed or new", () => {
    const { ask, dispatcher, runners, free } = setUp([1, 1])
    left(runners[0]!, 10)
    left(runners[1]!, 50)
    const [a, b, c] = [needs(slot("a"), 40), needs(slot("b"), 40), needs(slot("c"), 100)]
    ask(a, b, c, slot("d"))
    expect([a.runner, b.runner, c.runner]).toEqual([runners[1], undefined, undefined])
    expect(dispatcher).toMatchObject({ size: 2, slots: 2 })
    free(runners[0]!)
    expect([b.runner, c.runner]).toEqual([undefined, undefined])
    free(runners[1]!)
    expect([b.runner, c.runner]).toEqual([runners[1], undefined])
    const fresh = new Runner(2)
    left(fresh, 100)
    dispatcher.add(fresh)
    dispatcher.update(fresh)
    dispatcher.dispatch(fresh)
    expect(c.runner).toBe(fresh)
    expect(dispatcher).toMatchObject({ size: 0, slots: 0 })
  })

  it("is served in the order of arrival, among all to whom a runner will do", () => {
    const { ask, runners, free } = setUp([1])
    left(runners[0]!, 50)
    const waiting = [needs(slot("a"), 60), needs(slot("b"), 30), slot("c"), needs(slot("d"), 20), needs(slot("e"), 30)]
    ask(slot("first"), ...waiting)
    const order: string[] = []
    for (let i = 0; i < 4; i++) {
      free(runners[0]!)
      order.push(waiting.find(w => w.runner && !order.includes(w.name))!.name)
    }
    expect(order).toEqual(["b", "c", "d", "e"])
    expect(waiting[0]!.runner).toBeUndefined()
  })

  it("is served when the end of a runner is put off", () => {
    const { ask, dispatcher, runners } = setUp([1])
    left(runners[0]!, 10)
    const a = needs(slot("a"), 40)
    ask(a)
    dispatcher.dispatch()
    left(runners[0]!, 40)
    dispatcher.update(runners[0]!)
    dispatcher.dispatch(runners[0])
    expect(a.runner).toBe(runners[0])
  })

  it("is served by a runner that was kept for a lease and is not any more", () => {
    const { ask, dispatcher, runners } = setUp([2])
    left(runners[0]!, 50)
    const [l, a] = [lease("l"), needs(slot("a"), 40)]
    ask(slot("first"), l, a)
    expect([runners[0]!.reserved, a.runner]).toEqual([true, undefined])
    dispatcher.leave(l)
    dispatcher.dispatch()
    expect(a.runner).toBe(runners[0])
  })

  it("what was learned counts as no more than what each new runner has", () => {
    const { ask, dispatcher, runners } = setUp([2])
    left(runners[0]!, 50)
    const [a, b] = [needs(slot("a"), 500, true), needs(slot("b"), 500)]
    dispatcher.choosers.ceilingMs = 60
    ask(a, b)
    expect([a.runner, b.runner]).toEqual([undefined, undefined])
    dispatcher.choosers.ceilingMs = 40
    dispatcher.dispatch()
    expect([a.runner, b.runner]).toEqual([runners[0], undefined])
  })

  it("leaves a lease the runner that has the time for it, and gets one that has it for a lease", () => {
    const { ask, runners, release } = setUp([1, 1])
    left(runners[0]!, 10)
    left(runners[1]!, 50)
    const [l, m, n] = [needs(lease("l"), 40), needs(lease("m"), 40), lease("n")]
    ask(l, m, n)
    expect([l.runner, m.runner, n.runner]).toEqual([runners[1], undefined, runners[0]])
    release(runners[0]!)
    expect(m.runner).toBeUndefined()
    release(runners[1]!)
    expect(m.runner).toBe(runners[1])
  })

  it("has a runner kept at max for its lease: one that has the time", () => {
    const { ask, runners, free } = setUp([2, 2])
    left(runners[0]!, 10)
    left(runners[1]!, 50)
    ask(slot("a"), slot("b"))
    const l = needs(lease("l"), 40)
    ask(l)
    expect(runners.map(r => r.reserved)).toEqual([false, true])
    free(runners[1]!)
    expect(l.runner).toBe(runners[1])
  })

  it("has none kept that has not the time, nor any longer than it has it", () => {
    const { ask, runners, free } = setUp([1, 1])
    left(runners[0]!, 10)
    left(runners[1]!, 50)
    ask(slot("a"), slot("b"))
    const [l, m] = [needs(lease("l"), 100), needs(lease("m"), 40)]
    ask(l, m)
    expect(runners.map(r => r.reserved)).toEqual([false, true])
    left(runners[1]!, 30)
    const c = slot("c")
    ask(c)
    free(runners[1]!)
    expect([runners[1]!.reserved, c.runner, m.runner]).toEqual([false, runners[1], undefined])
  })

  it("takes its key to another runner where its home has not the time; who waits for the home comes along", () => {
    const { ask, dispatcher, runners, free } = setUp([1, 1, 1])
    const [a, b, c, d] = [slot("a", "k"), slot("b", "k"), needs(slot("c", "k"), 40), slot("d", "k")]
    left(runners[0]!, 10)
    ask(a, b, c)
    expect([a.runner, b.runner, c.runner]).toEqual([runners[0], undefined, runners[1]])
    free(runners[0]!)
    expect(b.runner, "its key is elsewhere by now").toBeUndefined()
    ask(d)
    free(runners[1]!)
    expect(b.runner).toBe(runners[1])
    dispatcher.delete(runners[0]!) // which is not the home of that key any more
    const e = slot("e", "k")
    ask(e)
    expect([d.runner, e.runner]).toEqual([undefined, undefined])
    free(runners[1]!)
    expect(d.runner).toBe(runners[1])
  })

  it("waits for the home of its key as long as that has the time, and then for any", () => {
    const { ask, dispatcher, runners } = setUp([1, 1])
    left(runners[0]!, 50)
    const [a, b] = [slot("a", "k"), needs(slot("b", "k"), 40)]
    ask(a, b)
    expect([a.runner, b.runner]).toEqual([runners[0], undefined])
    expect(dispatcher).toMatchObject({ slots: 0, size: 1 })
    expect([dispatcher.choosers.any, dispatcher.choosers.look()]).toEqual([true, false])
    left(runners[0]!, 39)
    expect(dispatcher.choosers.look()).toBe(true)
    dispatcher.dispatch()
    expect(b.runner).toBe(runners[1])
    expect(dispatcher.choosers.any).toBe(false)
  })

  it("is told that it has no chance, wherever it waits; who only seems to need so much is not", () => {
    const { ask, dispatcher, runners } = setUp([1])
    left(runners[0]!, 1_000)
    dispatcher.choosers.ceilingMs = 2_000
    const all = [
      slot("first", "k"),
      needs(slot("pinned", "k"), 600),
      needs(slot("slot"), 1_500),
      needs(slot("second"), 1_500),
      needs(lease("lease"), 1_500),
      needs(slot("soft"), 1_500, true),
      needs(slot("less"), 500),
      slot("none"),
    ]
    ask(...all)
    const failures: unknown[] = []
    for (const request of all) request.fail = error => failures.push(`${request.name}: ${(error as Error).message}`)
    dispatcher.choosers.refuse((what, ms) => (ms > 550 ? new Error(`${what} ${ms}`) : undefined))
    expect(failures).toEqual(["slot: a call 1500", "second: a call 1500", "lease: a call 1500", "pinned: a call 600"])
    expect(dispatcher.size).toBe(3)
  })

  describe("and is in want of one: which makes room", () => {
    const busy = (...all: Runner[]) => {
      for (const runner of all) runner.running = 1
    }

    it("the one that ends first, of those that are idle", () => {
      const { ask, dispatcher, runners } = setUp([1, 1, 1, 1])
      for (const [i, ms] of [30, 10, 20, 5].entries()) left(runners[i]!, ms)
      busy(runners[3]!)
      ask(needs(slot("a"), 40))
      expect(dispatcher.choosers.inTheWay(false)).toBe(runners[1])
      expect(dispatcher.choosers.inTheWay(true), "it serves nobody").toBe(runners[1])
    })

    it("one that works only where none has or will have the time; never one with a lease, kept for one, or leaving", () => {
      const { ask, dispatcher, runners } = setUp([1, 1, 1, 1, 1])
      for (const [i, ms] of [30, 10, 5, 6, 50].entries()) left(runners[i]!, ms)
      busy(...runners)
      runners[2]!.leased = true
      for (const runner of runners) dispatcher.update(runner)
      ask(needs(slot("a"), 40))
      runners[3]!.reserved = true
      expect(dispatcher.choosers.inTheWay(false), "one has the time").toBeUndefined()
      left(runners[4]!, 39)
      expect(dispatcher.choosers.inTheWay(true), "one is on its way").toBeUndefined()
      expect(dispatcher.choosers.inTheWay(false)).toBe(runners[1])
      runners[1]!.retiring = "walltime"
      expect(dispatcher.choosers.inTheWay(false)).toBe(runners[0])
    })

    it("for a lease as well", () => {
      const { ask, dispatcher, runners } = setUp([1])
      left(runners[0]!, 10)
      ask(lease("l"))
      expect(dispatcher.choosers.inTheWay(false)).toBeUndefined()
      runners[0]!.leased = false
      dispatcher.update(runners[0]!)
      ask(needs(lease("m"), 40))
      expect(dispatcher.choosers.inTheWay(false)).toBe(runners[0])
    })

    it("none whose end nobody knows yet", () => {
      const { ask, dispatcher, runners } = setUp([1])
      runners[0]!.time.known = false
      const a = needs(slot("a"), 40)
      ask(a)
      expect([a.runner, dispatcher.choosers.inTheWay(false)]).toEqual([undefined, undefined])
    })
  })
})

describe("who waits for one runner, when there will be none", () => {
  it("is told like everybody else, in order", () => {
    const { ask, dispatcher } = setUp([1])
    const heard: string[] = []
    const all = [slot("a", "k"), lease("b"), slot("c", "k"), slot("d")]
    for (const request of all) request.fail = () => heard.push(request.name)
    ask(...all)
    dispatcher.failAll("why")
    expect(heard).toEqual(["b", "c", "d"])
    expect(dispatcher.size).toBe(0)
  })
})

describe("against a model", () => {
  const need = fc.constantFrom(0, 0, 0, 20, 50)
  const op = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("call" as const), key: fc.option(fc.nat({ max: 2 })), needs: need }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("lease" as const), needs: need }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), at: fc.nat({ max: 40 }), ms: fc.nat(40) }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constantFrom("end", "release", "leave", "back", "cut", "mend", "retire", "gone", "boot"),
        at: fc.nat({ max: 40 }),
      }),
    },
  )

  it("nobody is lost, placed twice or passed over, and no runner has more than it can hold", () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 120 }), fc.integer({ min: 1, max: 3 }), (ops, capacity) => {
        const { dispatcher, ask } = setUp()
        const runners: Runner[] = []
        const all: Waiting[] = []
        const has = (runner: Runner, request: Waiting) => hasTime(runner, request.needsMs, false)
        const look = (runner?: Runner) => {
          if (runner) dispatcher.update(runner)
          dispatcher.dispatch(runner)
        }
        const waiting = () => all.filter(r => !r.runner && r.failure === undefined)
        const held = (kind: "lease" | "slot") => all.filter(r => r.runner && r.kind === kind && r.failure === undefined)
        const pick = <T>(from: T[], at: number): T | undefined => from[at % Math.max(1, from.length)]
        let n = 0
        for (const step of ops) {
          const at = "at" in step ? step.at : 0
          switch (step.do) {
            case "call":
            case "lease": {
              const key = step.do === "call" && step.key !== null ? `k${step.key}` : undefined
              const request = needs(new Waiting(`${n++}`, step.do === "call" ? "slot" : "lease", key), step.needs)
              const place = request.place.bind(request)
              request.place = runner => {
                // First come, first served, among those who want the same.
                const equals = waiting().filter(
                  r => r.kind === request.kind && r.key === undefined && r !== request && has(runner, r),
                )
                expect(has(runner, request), `${request.name} has the time on ${runner.serial}`).toBe(true)
                if (key === undefined) expect(equals.filter(r => r.arrival < request.arrival)).toEqual([])
                place(runner)
              }
              all.push(request)
              ask(request)
              break
            }
            case "end":
            case "back": {
              const request = pick(held("slot"), at)
              const runner = request?.runner
              if (!request || !runner) break
              runner.running -= 1
              if (step.do === "end") request.failure = "done"
              request.runner = undefined
              if (step.do === "back") dispatcher.join(request)
              look(runner)
              break
            }
            case "release": {
              const request = pick(held("lease"), at)
              const runner = request?.runner
              if (!request || !runner) break
              runner.leased = false
              request.failure = "done"
              look(runner)
              break
            }
            case "leave": {
              const request = pick(waiting(), at)
              if (!request) break
              expect(dispatcher.leave(request)).toBe(true)
              request.failure = "left"
              look()
              break
            }
            case "boot": {
              const runner = new Runner(n++, capacity)
              if (at % 4 > 0) left(runner, at % 2 ? 30 : 60)
              runners.push(runner)
              dispatcher.add(runner)
              look(runner)
              break
            }
            case "pass": {
              // Time passes for one runner only: that is harder.
              const runner = pick(runners, at)
              if (runner) runner.time.leftMs -= step.ms
              dispatcher.choosers.look()
              look()
              break
            }
            default: {
              const runner = pick(runners, at)
              if (!runner) break
              if (step.do === "cut" || step.do === "mend") runner.reachable = step.do === "mend"
              if (step.do === "retire") {
                runner.retiring = "scale"
                dispatcher.forget(runner)
              }
              if (step.do === "gone") {
                runners.splice(runners.indexOf(runner), 1)
                runner.ready = false
                dispatcher.delete(runner)
                for (const request of all) if (request.runner === runner) request.failure = "lost"
              }
              look(runner)
            }
          }
          // Every one of them waits, holds its place, or is over.
          expect(dispatcher.size).toBe(waiting().length)
          for (const runner of runners) {
            const here = held("slot").filter(r => r.runner === runner).length
            expect(here).toBe(runner.running)
            expect(here).toBeLessThanOrEqual(capacity)
            expect(held("lease").filter(r => r.runner === runner).length).toBe(runner.leased ? 1 : 0)
          }
          // Nobody waits who could be served.
          const open = runners.filter(
            r => r.ready && !r.leased && !r.reserved && r.retiring === undefined && r.free > 0,
          )
          const anywhere = waiting().filter(r => r.kind === "slot" && r.key === undefined)
          for (const runner of open) expect(anywhere.filter(r => has(runner, r))).toEqual([])
          for (const runner of open.filter(r => r.running === 0))
            expect(waiting().filter(r => r.kind === "lease" && has(runner, r))).toEqual([])
          // A runner that is kept is kept for somebody to whom it will do.
          expect(runners.filter(r => r.ready && r.reserved && r.running === 0 && r.free > 0 && !r.retiring)).toEqual([])
          // Nor does anybody wait for a home that has not the time.
          if (dispatcher.choosers.any) expect(dispatcher.choosers.look()).toBe(false)
        }
      }),
      { numRuns: 500 },
    )
  })
})
