/** Runners whose walltime ends: who gets a successor, when, and what becomes of both. On a simulated clock. */
import { afterEach, describe, expect, it } from "vitest"
import { local } from "../../src/local/backend.ts"
import type { PoolOptions } from "../../src/parent/pool-options.ts"
import { answer, type Lives, ShortLives } from "../simulated/short-lives.ts"

let site: ShortLives | undefined

afterEach(async () => {
  await site?.end()
  site = undefined
})

/** Jobs of two minutes that are warned 30 s before their end and boot in 2 s. */
function setUp(options: Partial<PoolOptions>, lives: Partial<Lives> = {}): ShortLives {
  site = new ShortLives({ limitMs: 120_000, drainMs: 30_000, bootMs: [2_000], ...lives }, options)
  return site
}

/** Calls one after the other, until one fails or somebody says stop. */
function stream(site: ShortLives) {
  const seen = { done: 0, failed: [] as unknown[], stop: false }
  const next = () => {
    if (seen.stop) return
    site.pool.api.f().then(
      () => {
        seen.done += 1
        next()
      },
      error => {
        if (!seen.stop) seen.failed.push(error)
      },
    )
  }
  next()
  return seen
}

/** It is looked at each second: so late may it be seen. */
const soonAfter = (at: number) => ({ from: at - 1, to: at + 1 })
function expectAt(seen: number | undefined, at: number): void {
  const { from, to } = soonAfter(at)
  expect(seen).toBeGreaterThanOrEqual(from)
  expect(seen).toBeLessThanOrEqual(to)
}

describe("when", () => {
  it("so long before the drain that a boot fits in between, with a margin; from then on the runner takes no more work", async () => {
    const site = setUp({ min: 1, max: 1 })
    await site.pass(300)
    // It serves from 2 s on and ends at 122 s. Less 30 s for the drain, 2 s for the boot and 2 s of margin.
    expectAt(site.madeAt[1], 88)
    expectAt(site.handovers[0]?.at, 90)
    expect(site.handovers[0]).toMatchObject({
      runner: { id: site.runners[0]!.id },
      successor: { id: site.runners[1]!.id, successorOf: site.runners[0]!.id },
    })
    expect(site.runners[0]).toMatchObject({ state: "gone", goneReason: "walltime" })
    expectAt(site.handovers[1]?.at, 90 + 88)
  })

  it("one that was late makes the next one earlier", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [2_000, 20_000, 2_000] })
    await site.pass(300)
    expectAt(site.madeAt[1], 88) // and serves at 108, when the first has been draining for 16 s
    expectAt(site.madeAt[2], 108 + 120 - 30 - 20 - 5)
  })

  it("not in the first half of the time in which it works, however long the queue is", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [100_000], limitMs: 60_000, drainMs: 45_000 })
    await site.pass(600)
    expectAt(site.madeAt[1], 107.5)
    // Each has one successor, and is not the only one to have it.
    const heirs = site.runners.slice(1).map(({ successorOf }) => successorOf)
    expect(new Set(heirs).size).toBe(heirs.length)
    expect(site.runners.length).toBeLessThan(8)
  })

  it("a runner whose end is put off has its successor called off while that waits, and gets another when it is due", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [2_000, 10_000, 2_000] })
    await site.pass(90)
    expect(site.runners).toHaveLength(2)
    site.endsIn(site.runners[0]!, 600, 720_000)
    await site.pass(1)
    expect(site.runners.map(({ state }) => state)).toEqual(["ready", "gone"])
    expect(site.errors).toEqual([])
    await site.pass(500)
    expect(site.runners).toHaveLength(2)
    await site.pass(80)
    expectAt(site.madeAt[2], 90 + 600 - 30 - 4)
    expect(site.serving).toHaveLength(1)
  })

  it("a runner whose end is put off a little keeps the successor that waits", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [2_000, 10_000] })
    await site.pass(90)
    site.endsIn(site.runners[0]!, 50)
    await site.pass(2)
    expect(site.runners.map(({ state }) => state)).toEqual(["ready", "submitted"])
  })

  it("a runner that comes back from the queue before its successor keeps its place", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [2_000, 10_000] })
    await site.pass(90)
    site.runners[0]!.time.forget()
    await site.pass(1)
    expect(site.runners.map(({ state }) => state)).toEqual(["ready", "submitted"]) // who knows when it comes back
    site.runners[0]!.crash() // it is booted anew, and then has all its time before it
    await site.pass(4)
    expect(site.runners.map(({ state }) => state)).toEqual(["ready", "gone"])
    await site.pass(80)
    expect(site.serving).toHaveLength(1)
    expect(site.handovers).toEqual([])
  })

  it("a runner whose end is brought forward gets its successor at once", async () => {
    const site = setUp({ min: 1, max: 1 })
    await site.pass(20)
    site.endsIn(site.runners[0]!, 33, 60_000)
    await site.pass(1)
    expect(site.runners).toHaveLength(2)
  })

  it("never with handover: false", async () => {
    const site = setUp({ min: 1, max: 1, handover: false })
    await site.pass(91)
    expect(site.runners).toHaveLength(1)
    await site.pass(33)
    expect(site.runners.map(({ successorOf }) => successorOf)).toEqual([undefined, undefined]) // the second is for `min`
    expect(site.handovers).toEqual([])
  })
})

describe("who", () => {
  it("the runners that work, in a stream without `min`: no call fails, and there is always one that serves", async () => {
    const site = setUp({ max: 1 }, { callMs: 1_000 })
    const calls = stream(site)
    await site.pass(4)
    let most = 0
    await site.pass(900, () => {
      expect(site.serving.length).toBeGreaterThanOrEqual(1)
      most = Math.max(most, site.alive.length)
    })
    calls.stop = true
    expect(calls.failed).toEqual([])
    expect(calls.done).toBeGreaterThan(895)
    expect(site.handovers).toHaveLength(10)
    expect(most).toBe(2)
  })

  it("as many as work, and not more", async () => {
    const site = setUp({ max: 3, idleShutdownAfter: "infinity" })
    const three = [1, 2, 3].map(() => site.pool.api.f())
    await site.pass(3)
    for (const request of site.requests.splice(0)) answer(request)
    await Promise.all(three)
    await site.pass(70) // their work is long ago
    const two = [1, 2].map(() => site.pool.api.f().catch(() => undefined))
    await site.pass(20)
    expect(site.runners.filter(({ successorOf }) => successorOf !== undefined)).toHaveLength(2)
    for (const request of site.requests) answer(request)
    await Promise.all(two)
  })

  it("nobody instead of an idle one that is ended while they are due", async () => {
    const site = setUp({ max: 2, idleShutdownAfter: "infinity" })
    const two = [1, 2].map(() => site.pool.api.f())
    await site.pass(3)
    for (const request of site.requests.splice(0)) answer(request)
    await Promise.all(two)
    await site.pass(70)
    for (const [i, runner] of site.runners.entries()) site.endsIn(runner, 45 + i)
    await site.pass(2) // both are due, and idle
    const gone = site.runners[1]!
    const end = gone.end.bind(gone)
    gone.end = () => undefined // it takes its time
    gone.drain("idle")
    site.pool.scale({ max: 3 }) // somebody looks who is wanted
    expect(site.runners).toHaveLength(2)
    gone.end = end
  })

  it("nobody that has been idle for long, until there is work again", async () => {
    const site = setUp({ max: 1, idleShutdownAfter: "infinity" })
    const first = site.pool.api.f()
    await site.pass(3)
    answer(site.requests.pop()!)
    await first
    await site.pass(90) // 93 s: it was due at 88
    expect(site.runners).toHaveLength(1)
    site.endsIn(site.runners[0]!, 45) // it is due, and not yet draining
    await site.pass(5)
    expect(site.runners).toHaveLength(1)
    const second = site.pool.api.f()
    await site.pass(6)
    expect(site.runners).toHaveLength(2)
    answer(site.requests.pop()!)
    await second
  })

  it("a leased one only for `min`; its holder keeps it until he releases it", async () => {
    const site = setUp({ min: 1, max: 2 })
    await site.pass(3)
    const lease = await site.pool.spawn()
    await site.pass(88)
    expect(site.handovers).toHaveLength(1)
    const [old, next] = site.runners
    expect(old).toMatchObject({ state: "ready", leased: true, retiring: "walltime" })
    expect(next).toMatchObject({ state: "ready" })
    await lease.release()
    await site.pass(1)
    expect(old!.state).toBe("gone")
  })

  it("no leased one without it", async () => {
    const site = setUp({ max: 1 })
    const spawn = site.pool.spawn()
    await site.pass(3)
    const lease = await spawn
    await site.pass(100)
    expect(site.runners).toHaveLength(1)
    await lease.release()
  })

  it("a leased one whose call goes on elsewhere", async () => {
    const site = setUp({ max: 1 })
    const spawn = site.pool.spawn()
    await site.pass(3)
    const lease = await spawn
    const [first] = site.runners
    const call = (lease.api as { f(): Promise<unknown> }).f()
    first!.goesOn = true // as if it were resumable
    await site.pass(100)
    expect(site.runners[1]).toMatchObject({ successorOf: first!.id, state: "ready" })
    expect(first!.leased).toBe(true)
    for (const request of site.requests) answer(request)
    await call
    await lease.release()
  })

  it("one that works beside a leased one, which is no place to go", async () => {
    const site = setUp({ max: 2 })
    const spawn = site.pool.spawn()
    await site.pass(3)
    const lease = await spawn
    site.endsIn(site.runners[0]!, 600, 600_000)
    const call = site.pool.api.f()
    await site.pass(90)
    expect(site.runners.map(({ successorOf }) => successorOf)).toEqual([undefined, undefined, site.runners[1]!.id])
    for (const request of site.requests) answer(request)
    await call
    await lease.release()
  })

  it("no one that is let go", async () => {
    const site = setUp({ min: 2, max: 2 })
    await site.pass(3)
    const calls = [1, 2].map(() => site.pool.api.f())
    await site.pass(1)
    site.pool.scale({ min: 0, max: 1 }) // one of them retires, and works on
    await site.pass(100)
    expect(site.runners.filter(({ successorOf }) => successorOf !== undefined)).toHaveLength(1)
    for (const request of site.requests) answer(request)
    await Promise.all(calls)
  })
})

describe("both", () => {
  it("are there together as long as calls run on the first, and count as one: `max` boots nobody else", async () => {
    const site = setUp({ max: 1, maxConcurrency: 2 })
    const [long] = [site.pool.api.f("long"), site.pool.api.f("other")]
    await site.pass(93)
    expect(site.alive.map(({ retiring }) => retiring)).toEqual(["walltime", undefined])
    const more = [1, 2, 3].map(n => site.pool.api.f(n))
    await site.pass(5)
    expect(site.runners).toHaveLength(2)
    const [first, second] = site.runners
    expect(first!.open.map(({ args }) => args[0])).toEqual(["long", "other"])
    expect(second!.open.map(({ args }) => args[0])).toEqual([1, 2])
    answer(first!.open[0]!)
    answer(first!.open[0]!)
    expect(await long).toBe("done")
    await site.pass(1)
    expect(first!.state).toBe("gone")
    while (second!.open.length > 0) {
      for (const request of second!.open) answer(request)
      await site.pass(1)
    }
    await Promise.all(more)
    expect(site.runners).toHaveLength(2)
  })

  it("the second is not idle while work goes on on the first: what does not end in time comes to it", async () => {
    const site = setUp({ max: 1, idleShutdownAfter: "10s" })
    const long = site.pool.api.f("long")
    await site.pass(91)
    expectAt(site.handovers[0]?.at, 90)
    await site.pass(29)
    const [first, second] = site.runners
    expect([first!.state, second!.state]).toEqual(["draining", "ready"])
    answer(first!.open[0]!)
    await long
    await site.pass(9)
    expect([first!.state, second!.state]).toEqual(["gone", "ready"]) // from now on it is
    await site.pass(3)
    expect(second).toMatchObject({ state: "gone", goneReason: "idle" })
  })

  it("share no keys: those of the first go to the second", async () => {
    const site = setUp({ max: 1 }, { callMs: 500 })
    const keyed = site.pool.with({ key: "k" })
    const first = keyed.f(1)
    await site.pass(4)
    await first
    const calls = stream(site)
    await site.pass(88)
    expect(site.handovers).toHaveLength(1)
    calls.stop = true
    const second = keyed.f("after")
    await site.pass(2)
    await second
    expect(site.runners[1]!.state).toBe("ready")
    expect(calls.failed).toEqual([])
  })

  it("a successor that does not boot is tried again, less and less often; calls that find nobody wait and are served", async () => {
    const site = setUp({ min: 1, max: 1 }, { failing: [1, 2], callMs: 100 })
    await site.pass(91)
    expect(site.serving).toHaveLength(1)
    const calls = stream(site)
    await site.pass(60)
    expect(site.errors).toHaveLength(2)
    expect(site.serving).toHaveLength(1)
    calls.stop = true
    expect(calls.failed).toEqual([])
    expect(site.runners).toHaveLength(4)
  })

  it("when the queue is longer than it was, the first drains alone, and who comes meanwhile waits for the second", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [2_000, 40_000, 2_000], callMs: 1_000 })
    await site.pass(100)
    expect(site.serving).toHaveLength(0)
    const call = site.pool.api.f()
    await site.pass(20)
    expect(site.runners).toHaveLength(2) // it is on its way for this call, too
    await site.pass(12)
    expect(await call).toBe("done")
  })

  it("hold no process: who has nothing else to do may end", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [2_000, 10_000] })
    await site.pass(50)
    expect(site.clock.held).toBe(0)
    await site.pass(40)
    expect(site.runners.map(({ state }) => state)).toEqual(["ready", "submitted"])
    expect(site.clock.held).toBe(0)
  })

  it("a runner that is lost while its successor waits is replaced by that one", async () => {
    const site = setUp({ min: 1, max: 1 }, { bootMs: [2_000, 10_000] })
    await site.pass(90)
    site.runners[0]!.end("node-fail")
    await site.pass(20)
    expect(site.runners).toHaveLength(2)
    expect(site.serving).toHaveLength(1)
    expect(site.handovers).toEqual([])
  })
})

describe("several", () => {
  it("whose ends are close have successors in one turn, so that one submission can carry them", async () => {
    const site = setUp({ min: 4, max: 4 })
    await site.pass(3)
    for (const [i, runner] of site.runners.entries()) site.endsIn(runner, 100 + i / 2)
    await site.pass(80)
    expect(site.turns).toEqual([4, 4])
    await site.pass(20)
    expect(site.serving).toHaveLength(4)
    expect(site.handovers).toHaveLength(4)
  })

  it("that share a job are replaced by a whole job, although `min` needs fewer", async () => {
    const backend = Object.assign(local(), { runnersPerJob: 4 })
    const site = setUp({ min: 1, max: 4, backend, idleShutdownAfter: "infinity" })
    await site.pass(91)
    expect(site.turns).toEqual([4, 4])
    expect(site.runners.slice(4).map(({ successorOf }) => successorOf)).toEqual(
      site.runners.slice(0, 4).map(({ id }) => id),
    )
    await site.pass(90)
    expect(site.turns).toEqual([4, 4, 4])
  })

  it("when one of a job was lost, its seat is filled with the job of the successors", async () => {
    const backend = Object.assign(local(), { runnersPerJob: 4 })
    const site = setUp({ min: 3, max: 4, backend })
    await site.pass(10)
    site.runners[3]!.end("crashed")
    await site.pass(0.5)
    const before = site.runners.length
    await site.pass(90)
    expect(site.turns.slice(-1)).toEqual([4])
    expect(site.runners.length - before).toBe(4)
  })
})
