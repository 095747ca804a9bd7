/** One data line over real sockets that are cut at every byte: each call runs once, and is answered once. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type Api, type Joined, join, leave } from "./joined.ts"
import { TestHub } from "./link.ts"
import type { Direction, Fault, Passage } from "./lossy-proxy.ts"

afterEach(leave)

/** How often each call ran, by its number. */
class Ledger {
  readonly runs = new Map<number, number>()
  ran(n: number): void {
    this.runs.set(n, (this.runs.get(n) ?? 0) + 1)
  }
}

const ledger = new Ledger()
let numbers = 0

const api: Api = {
  add(n: number, a: number, b: number) {
    ledger.ran(n)
    return a + b
  },
  double(n: number, values: Uint8Array) {
    ledger.ran(n)
    return values.map(v => v * 2)
  },
  async ask(n: number, fn: (x: number) => Promise<number>) {
    ledger.ran(n)
    return (await fn(20)) + (await fn(1))
  },
  async *count(n: number, to: number) {
    ledger.ran(n)
    for (let i = 0; i < to; i++) yield i
  },
  async fail(n: number) {
    ledger.ran(n)
    throw new RangeError(`no ${n}`)
  },
}

/** One of everything, at the same time. Each runs once and gives what it should, or this fails. */
async function exchange({ call }: Joined, bytes: number): Promise<void> {
  const first = numbers
  numbers += 5
  const asked: number[] = []
  const ask = (x: number) => {
    asked.push(x)
    return 2 * x
  }
  const values = new Uint8Array(bytes).fill(3)
  const [sum, doubled, answer, stream, failure] = await Promise.all([
    call("add", [first, 40, 2]),
    call("double", [first + 1, values]),
    call("ask", [first + 2, ask]),
    call("count", [first + 3, 2]),
    // An error's stack is long, and to be cut at each of its bytes shows nothing new.
    bytes < 50
      ? call("add", [first + 4, 0, 0])
      : call("fail", [first + 4]).then(
          () => "none",
          (error: Error) => error.message,
        ),
  ])
  const items: number[] = []
  for await (const item of stream) items.push(item)
  expect([sum, answer, failure]).toEqual([42, 42, bytes < 50 ? 0 : `no ${first + 4}`])
  expect(doubled.byteLength).toBe(bytes)
  expect((doubled as Uint8Array).every(v => v === 6)).toBe(true)
  expect(items).toEqual([0, 1])
  expect(asked).toEqual([20, 1])
  for (let n = first; n < first + 5; n++) expect(ledger.runs.get(n)).toBe(1)
}

/** The line is up on both sides, over a connection that nothing has happened to. */
async function steady(joined: Joined): Promise<void> {
  do {
    await joined.call("add", [numbers++, 1, 1])
  } while (!joined.proxy.last.whole)
}

const FAULTS: readonly Fault[] = ["rst", "fin", "mute"]

/** Cuts the connection after so many more bytes while an exchange goes on. False: there were not so many. */
async function struck(joined: Joined, direction: Direction, at: number, fault: Fault, bytes: number): Promise<boolean> {
  await steady(joined)
  let hit = false
  const strike = joined.proxy.last.strikeAfter(direction, at, fault).then(() => {
    hit = true
    if (fault === "mute") joined.data.relink() // as a supervisor that has noticed would have it
  })
  await exchange(joined, bytes)
  if (hit) await strike
  return hit
}

describe("a line without TLS, cut after every byte", () => {
  let hub: TestHub
  beforeAll(async () => {
    hub = await TestHub.open({ tls: false })
  })
  afterAll(() => hub.close())

  it.each(["up", "down"] as const)("%s, loses nothing and repeats nothing", async direction => {
    const joined = await join(hub, api)
    await exchange(joined, 8)
    let cuts = 0
    for (let at = 0; await struck(joined, direction, at, FAULTS[at % 3]!, 8); at++) cuts += 1
    expect(cuts).toBeGreaterThan(300)
    expect(joined.proxy.passages).toHaveLength(cuts + 1) // and makes one new connection for each
  })
})

/** Numbers from 0 to below `limit`, the same in each run. */
function dice(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

describe.each([true, false])("a line (tls: %s)", tls => {
  let hub: TestHub
  beforeAll(async () => {
    hub = await TestHub.open({ tls })
  })
  afterAll(() => hub.close())

  it("cut anywhere in large values loses nothing and repeats nothing", async () => {
    const joined = await join(hub, api)
    const roll = dice(1)
    let hits = 0
    for (let i = 0; i < 24; i++) {
      const direction = i % 2 === 0 ? "up" : "down"
      if (await struck(joined, direction, roll(700_000), FAULTS[i % 3]!, 600_000)) hits += 1
    }
    expect(hits).toBeGreaterThan(12)
  })

  it("whose next connection is cut while it is made, again and again, comes back with the one that is not", async () => {
    const roll = dice(2)
    const one = async (i: number) => {
      const joined = await join(hub, api)
      await exchange(joined, 100)
      let toCut = 2
      joined.proxy.onPassage(passage => {
        if (toCut-- > 0)
          void passage.strikeAfter(i % 2 === 0 ? "up" : "down", roll(tls ? 900 : 500), i % 4 < 2 ? "rst" : "fin")
      })
      joined.proxy.cut("rst")
      await exchange(joined, 100)
      await steady(joined)
      expect(joined.proxy.passages.length).toBeGreaterThan(1)
    }
    await Promise.all(Array.from({ length: 16 }, (_, i) => one(i)))
  })

  it("keeps 100 calls and a transfer of 32 MiB through random cuts", async () => {
    const joined = await join(hub, api)
    await exchange(joined, 100)
    const roll = dice(3)
    const fault = (passage: Passage) => {
      for (const direction of ["up", "down"] as const) {
        void passage.strikeAfter(direction, 20_000 + roll(6_000_000), roll(2) === 0 ? "rst" : "fin")
      }
    }
    fault(joined.proxy.last)
    joined.proxy.onPassage(fault)
    const bytes = 32 * 1024 * 1024
    const big = joined.call("double", [numbers++, new Uint8Array(bytes).fill(1)])
    const calls = Array.from({ length: 100 }, async (_, i) => {
      const n = numbers++
      await new Promise(resolve => setImmediate(resolve))
      expect(await joined.call("add", [n, i, i])).toBe(2 * i)
      return n
    })
    for (const n of await Promise.all(calls)) expect(ledger.runs.get(n)).toBe(1)
    const doubled = (await big) as Uint8Array
    expect(doubled.byteLength).toBe(bytes)
    expect(doubled.indexOf(1)).toBe(-1)
    expect(doubled.lastIndexOf(2)).toBe(bytes - 1)
    expect(joined.proxy.passages.length).toBeGreaterThan(3)
  })

  it("answers what was asked before a link was down as soon as it is up again", async () => {
    const joined = await join(hub, api)
    await exchange(joined, 100)
    joined.proxy.hold()
    const during = Array.from({ length: 50 }, (_, i) => joined.call("add", [numbers++, i, 1]))
    joined.proxy.cut("rst")
    await joined.proxy.next() // its attempt gets no answer
    joined.proxy.release()
    expect(await Promise.all(during)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  })

  it("hears nothing twice when it is replaced while the old connection still brings calls", async () => {
    const joined = await join(hub, api)
    await exchange(joined, 100)
    joined.proxy.delayMs = 10
    joined.proxy.last.mute("up") // what comes down still comes down
    let over = false
    const first = numbers
    const calls: Promise<number>[] = []
    const more = () => {
      calls.push(joined.call("add", [numbers++, 1, 1]))
      if (!over) setTimeout(more, 1)
    }
    more()
    joined.data.relink()
    await calls[0]
    over = true
    await Promise.all(calls)
    for (let n = first; n < first + calls.length; n++) expect(ledger.runs.get(n)).toBe(1)
    expect(calls.length).toBeGreaterThan(10)
  })

  it("is not replaced when it proves to be alive", async () => {
    const joined = await join(hub, api)
    await exchange(joined, 100)
    joined.data.relink() // the news of a cut that is over, say
    await joined.proxy.next()
    await exchange(joined, 100)
    await steady(joined)
    expect(joined.proxy.passages[0]!.over).toBe(false)
    expect(joined.proxy.open[0]).toBe(joined.proxy.passages[0])
  })
})
