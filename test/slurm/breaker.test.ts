import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Breaker, type BreakerEvent, type BreakerPace } from "../../src/slurm/breaker.ts"

const NEVER = new AbortController().signal
const PACE: BreakerPace = { after: 3, first: 5_000, most: 60_000, spread: 5_000 }

/** A controller that answers or does not, and a program that asks it. */
function setUp(pace = PACE) {
  const probes: number[] = []
  const events: BreakerEvent[] = []
  let up = false
  const started = performance.now()
  const breaker = new Breaker(async () => {
    const startedAt = performance.now()
    probes.push(startedAt - started)
    await new Promise(resolve => setTimeout(resolve, 10))
    breaker.heard(up ? undefined : "no answer", startedAt)
  }, pace)
  breaker.onChange(event => events.push(event))
  /** One command that takes `ms`. */
  const command = async (answered: boolean, ms = 100) => {
    const startedAt = performance.now()
    await vi.advanceTimersByTimeAsync(ms)
    breaker.heard(answered ? undefined : "Unable to contact slurm controller", startedAt)
  }
  const open = async () => {
    for (let i = 0; i < pace.after; i++) await command(false)
  }
  const heal = () => {
    up = true
  }
  return { breaker, probes, events, command, open, heal }
}

describe("Breaker", () => {
  beforeEach(() => {
    vi.useFakeTimers()
    vi.spyOn(Math, "random").mockReturnValue(0.5)
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  it("opens after some commands in a row without an answer, and says so once", async () => {
    const { breaker, events, command } = setUp()
    await command(false)
    await command(false)
    await command(true)
    await command(false)
    await command(false)
    expect(breaker.silent).toBe(false)
    await expect(breaker.pass(NEVER)).resolves.toBeUndefined()
    await command(false)
    await command(false)
    expect(breaker.silent).toBe(true)
    expect(events).toEqual([{ silent: true, why: "Unable to contact slurm controller" }])
  })

  it("takes commands that were under way together for one", async () => {
    const { breaker } = setUp()
    const together = performance.now()
    await vi.advanceTimersByTimeAsync(4_000)
    for (let i = 0; i < 20; i++) breaker.heard("refused", together)
    expect(breaker.silent).toBe(false)
  })

  it("sends one probe at a time, ever more rarely, up to a limit, and only while somebody waits", async () => {
    const { breaker, probes, open } = setUp()
    await open()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(probes).toEqual([])
    const enough = new AbortController()
    const waits = [breaker.pass(enough.signal), breaker.pass(enough.signal), breaker.pass(enough.signal)]
    for (const wait of waits) wait.catch(() => {})
    await vi.advanceTimersByTimeAsync(300_000)
    const gaps = probes.slice(1).map((at, i) => Math.round((at - probes[i]!) / 1_000))
    expect(gaps).toEqual([8, 11, 17, 25, 38, 57, 60, 60])
    enough.abort("no longer")
    await expect(waits[0]).rejects.toBe("no longer")
    await vi.advanceTimersByTimeAsync(300_000)
    expect(probes).toHaveLength(9)
    expect(vi.getTimerCount()).toBe(0)
  })

  it("lets everybody go on a moment after the first answer, and says so once", async () => {
    const { breaker, probes, events, open, heal } = setUp()
    await open()
    const gone: number[] = []
    const waits = [1, 2, 3].map(n => breaker.pass().then(() => gone.push(n)))
    await vi.advanceTimersByTimeAsync(60_000) // probes at 5, 12.5, 23.8 and 40.7 s
    heal()
    await vi.advanceTimersByTimeAsync(7_000) // the one at 66 s is answered
    expect(probes).toHaveLength(5)
    expect(gone).toEqual([])
    await vi.advanceTimersByTimeAsync(4_000)
    await Promise.all(waits)
    expect(gone).toEqual([1, 2, 3])
    expect(probes).toHaveLength(5)
    expect(events).toMatchObject([{ silent: true }, { silent: false }])
    // From the first command that failed to the moment at which all went on: that probe, and 2.5 s of a spread of 5.
    expect((events[1] as { ms: number }).ms / 1_000).toBeCloseTo(68.8, 0)
  })

  it("goes on with long pauses when it was back only for a moment", async () => {
    const started = performance.now()
    const { breaker, probes, command, open, heal } = setUp()
    await open()
    void breaker.pass()
    await vi.advanceTimersByTimeAsync(30_000) // probes at 5, 12.5 and 23.8 s
    heal()
    await vi.advanceTimersByTimeAsync(20_000) // and at 40.7 s
    expect(breaker.silent).toBe(false)
    expect(probes).toHaveLength(4)
    for (let i = 0; i < 3; i++) await command(false)
    expect(breaker.silent).toBe(true)
    void breaker.pass()
    const since = performance.now()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(probes).toHaveLength(5)
    expect((probes[4]! + started - since) / 1_000).toBeCloseTo(25.3, 0)
  })

  it("is silent again when the answer was followed by none", async () => {
    const { breaker, command, events, open, heal } = setUp()
    await open()
    const wait = vi.fn()
    void breaker.pass().then(wait)
    heal()
    await vi.advanceTimersByTimeAsync(5_011) // answered, and nobody has gone on yet
    await command(false, 1)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(wait).not.toHaveBeenCalled()
    expect(events).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(wait).toHaveBeenCalled()
  })

  it("orSilent gives up waiting when the silence begins", async () => {
    const { breaker, open } = setUp()
    expect(await breaker.orSilent(Promise.resolve(7))).toBe(7)
    await expect(breaker.orSilent(Promise.reject(new Error("no")))).rejects.toThrow("no")
    const never = breaker.orSilent(new Promise(() => {}))
    await open()
    expect(await never).toBeUndefined()
    expect(await breaker.orSilent(new Promise(() => {}))).toBeUndefined()
  })
})

describe("a hundred programs", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it("do not come back in one second, nor ask in step before", async () => {
    const programs = Array.from({ length: 100 }, () => setUp())
    for (const { breaker } of programs) for (let i = 0; i < 3; i++) breaker.heard("refused", performance.now())
    const back: number[] = []
    const begin = performance.now()
    for (const { breaker } of programs) void breaker.pass().then(() => back.push((performance.now() - begin) / 1_000))
    await vi.advanceTimersByTimeAsync(120_000)
    const asked = programs.flatMap(({ probes }) => probes.map(at => Math.floor(at / 1_000)))
    const busiest = Math.max(...[...new Set(asked)].map(second => asked.filter(at => at === second).length))
    expect(busiest).toBeLessThan(50)
    for (const { heal } of programs) heal()
    await vi.advanceTimersByTimeAsync(120_000)
    expect(back).toHaveLength(100)
    const seconds = back.map(Math.floor)
    const together = Math.max(...[...new Set(seconds)].map(second => seconds.filter(at => at === second).length))
    expect(together).toBeLessThan(15)
  })
})
