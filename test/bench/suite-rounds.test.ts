/** The order of the slices, and what they become: figures with ratios, of all subjects. */
import { expect, test } from "vitest"
import { figures, quantileFigures, TOGETHER } from "../../bench/suite/figures.ts"
import { interleave, plan, shuffled, warm } from "../../bench/suite/rounds.ts"
import { sampled } from "../../bench/suite/sampled.ts"

const never = () => expect.fail("nothing fails here")
const named = (...names: string[]) => names.map(name => ({ name }))

test("each round runs each subject once", async () => {
  const order: string[] = []
  const slices = await interleave(
    named("a", "b", "c"),
    done => done < 20,
    async ({ name }) => order.push(name),
    never,
  )
  for (let round = 0; round < 20; round++) {
    expect(order.slice(round * 3, round * 3 + 3).sort()).toEqual(["a", "b", "c"])
  }
  // One in 6 ** 19 runs has the same order in all rounds.
  const rounds = new Set(Array.from({ length: 20 }, (_, i) => order.slice(i * 3, i * 3 + 3).join()))
  expect(rounds.size).toBeGreaterThan(1)
  expect([...slices.values()].map(list => list.length)).toEqual([20, 20, 20])
})

test("who fails is left out from then on, and the rounds of the others keep their places", async () => {
  const told: unknown[] = []
  let round = 0
  const slices = await interleave(
    named("good", "bad"),
    done => {
      round = done
      return done < 4
    },
    async ({ name }) => {
      if (name === "bad" && round === 2) throw new Error("broken")
      return round
    },
    ({ name }, error) => told.push(name, (error as Error).message),
  )
  expect(slices.get("good")).toEqual([0, 1, 2, 3])
  expect(slices.get("bad")).toEqual([0, 1, null, null])
  expect(told).toEqual(["bad", "broken"])
})

test("when all have failed it ends", async () => {
  let rounds = 0
  await interleave(
    named("a"),
    () => {
      rounds += 1
      return true
    },
    () => Promise.reject(new Error("gone")),
    () => undefined,
  )
  expect(rounds).toBe(2)
})

test("a plan has as many rounds as a verdict takes (three with --quick) at least, `full` at most, and ends in time between them", () => {
  const rounds = (more: (done: number) => boolean) => {
    let done = 0
    while (more(done)) done += 1
    return done
  }
  expect(rounds(plan({ quick: true }, { full: 9, seconds: 60 }))).toBe(3)
  expect(rounds(plan({ quick: false }, { full: 9, seconds: 60 }))).toBe(9)
  expect(rounds(plan({ quick: false }, { full: 9, seconds: 0 }))).toBe(6)
})

test("the warm-up ends when three slices are alike, or it was enough, and says who never was", async () => {
  const values: Record<string, number[]> = { calm: [900, 100, 101, 99, 1], wild: [1, 2, 4, 8, 16, 32, 64] }
  const failed: string[] = []
  const result = await warm(
    named("calm", "wild", "broken"),
    5,
    async ({ name }) => values[name]?.shift() ?? Promise.reject(new Error("no")),
    ({ name }) => failed.push(name),
  )
  expect(result.warm.map(({ name }) => name)).toEqual(["calm", "wild"])
  expect(result.unstable).toEqual(["wild"])
  expect(failed).toEqual(["broken"])
  expect([values.calm, values.wild]).toEqual([[1], [32, 64]])
})

test("shuffled leaves what it was given alone, and loses nothing", () => {
  const items = [1, 2, 3, 4, 5]
  expect(shuffled(items).sort()).toEqual([1, 2, 3, 4, 5])
  expect(items).toEqual([1, 2, 3, 4, 5])
})

const HEAD = { id: "x/rate", title: "X", unit: "calls/s", better: "more" } as const

test("a figure has its ratio to each base, round by round, and none to itself", () => {
  const slices = new Map([
    ["raw TCP", [10, 20, 30]],
    ["raw ws", [5, null, 10]],
    ["ours", [20, 20, 60]],
    ["absent", [null, null, null]],
  ])
  const made = figures(HEAD, slices, () => 7)
  expect(made.map(({ subject }) => subject)).toEqual(["raw TCP", "raw ws", "ours"])
  const [tcp, ws, ours] = made
  expect(ours).toMatchObject({ n: 7, slices: [20, 20, 60], spread: { median: 20, min: 20, max: 60, n: 3 } })
  expect(ours!.ratios).toMatchObject({ "raw TCP": { median: 2, n: 3 }, "raw ws": { median: 5, min: 4, max: 6, n: 2 } })
  expect(Object.keys(tcp!.ratios!)).toEqual(["raw ws"])
  expect(Object.keys(ws!.ratios!)).toEqual(["raw TCP"])
})

/** A slice of `n` samples of which `stalls` took 40 ms, and all others from 100 to 200 us. */
function slice(n: number, stalls = 0) {
  return sampled(Float64Array.from({ length: n }, (_, i) => (i < stalls ? 40_000 : 100 + (100 * i) / n)))
}

/** What there is of one subject. */
function quantilesOf(slices: ReadonlyMap<string, readonly (ReturnType<typeof slice> | null)[]>) {
  const made = quantileFigures({ id: "x", title: "X", unit: "us" }, slices)
  return (id: string, subject = "ours") => made.find(figure => figure.id === `x/${id}` && figure.subject === subject)
}

test("slices with too few samples are not left out of a quantile: they are the slow ones", () => {
  // Nine slices; in six of them something stalled, and so few calls were made.
  const stalled = [...Array.from({ length: 6 }, () => slice(60, 3)), ...Array.from({ length: 3 }, () => slice(120))]
  const find = quantilesOf(new Map([["ours", stalled]]))
  const p99 = find("p99")!
  expect(p99).toMatchObject({ n: 720, note: TOGETHER, spread: { n: 1 } })
  expect(Math.abs(p99.value! / 40_000 - 1)).toBeLessThan(0.03)
  // That of the slices that have enough for it would be this.
  expect(find("p50")!.spread).toMatchObject({ n: 9 })
  expect(find("p50")!.value).toBeUndefined()
})

test("the far tail and the largest value are of all samples: a stall in one slice of nine is in them", () => {
  const find = quantilesOf(new Map([["ours", [slice(1_000, 20), ...Array.from({ length: 8 }, () => slice(1_000))]]]))
  const [tail, max] = [find("p99.9")!, find("max")!]
  expect(max).toMatchObject({ value: 40_000, n: 9_000, spread: { n: 9 } })
  expect(max.spread.median).toBeLessThan(201)
  expect(Math.abs(tail.value! / 40_000 - 1)).toBeLessThan(0.03)
  expect(tail.spread.median).toBeLessThan(201)
  expect(tail.slices.length).toBe(9)
  expect(tail.note).toBeUndefined()
})

test("a quantile of all samples is put in relation to that of the base, whatever its slices support", () => {
  const find = quantilesOf(
    new Map([
      ["raw ws", [slice(200), slice(200)]],
      ["ours", [slice(60, 30), slice(200)]],
    ]),
  )
  expect(find("p99", "raw ws")!.value).toBeUndefined()
  const { ratios, value } = find("p99")!
  expect(ratios!["raw ws"]).toMatchObject({ n: 1 })
  expect(ratios!["raw ws"]!.median).toBeCloseTo(value! / 199, -1)
  expect(find("p50")!.ratios!["raw ws"]!.n).toBe(2)
})

test("a quantile needs samples enough in all slices together", () => {
  const find = quantilesOf(
    new Map([
      ["few", [slice(20), slice(30)]],
      ["ours", [slice(600), slice(600)]],
      ["part", [slice(2_000), null]],
    ]),
  )
  expect(find("p50", "few")).toMatchObject({ n: 50, spread: { n: 2 } })
  expect(find("p50", "few")!.histogram!.counts.reduce((a, b) => a + b)).toBe(50)
  expect(find("p99", "few")).toBeUndefined()
  expect(find("p99.9", "few")).toBeUndefined()
  expect(find("p99.9")).toMatchObject({ n: 1_200, note: TOGETHER, spread: { n: 1 } })
  expect(find("p99.9", "part")).toMatchObject({ slices: [expect.closeTo(199.85, 0), null] })
  expect(find("p99")!.histogram).toBeUndefined()
})
