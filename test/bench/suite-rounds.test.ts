/** The order of the slices, and what they become: figures with ratios, of all subjects. */
import { expect, test } from "vitest"
import { atOnce } from "../../bench/suite/at-once.ts"
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

test("a plan has three rounds at least, `full` at most, and ends in time between them", () => {
  const rounds = (more: (done: number) => boolean) => {
    let done = 0
    while (more(done)) done += 1
    return done
  }
  expect(rounds(plan({ quick: true }, { full: 9, seconds: 60 }))).toBe(3)
  expect(rounds(plan({ quick: false }, { full: 9, seconds: 60 }))).toBe(9)
  expect(rounds(plan({ quick: false }, { full: 9, seconds: 0 }))).toBe(3)
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

test("so many at once, results in order, and what has begun is over before it fails", async () => {
  let [running, most, ended] = [0, 0, 0]
  const work = async (ms: number) => {
    running += 1
    most = Math.max(most, running)
    await new Promise(resolve => setTimeout(resolve, ms))
    running -= 1
    ended += 1
    if (ms === 7) throw new Error("seven")
    return ms
  }
  expect(await atOnce([30, 1, 20, 2, 3], 2, work)).toEqual([30, 1, 20, 2, 3])
  expect(most).toBe(2)
  ended = 0
  await expect(atOnce([7, 40], 2, work)).rejects.toThrow("seven")
  expect(ended).toBe(2)
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

test("a quantile that no slice supports is taken of all of them together, and says so", () => {
  const slice = (n: number) => sampled(Float64Array.from({ length: n }, (_, i) => i + 1))
  const slices = new Map([
    ["raw ws", [slice(600), slice(600)]],
    ["ours", [slice(2_000), null]],
    ["few", [slice(20), slice(30)]],
  ])
  const made = quantileFigures({ id: "x", title: "X", unit: "us" }, slices)
  const find = (id: string, subject: string) => made.find(figure => figure.id === id && figure.subject === subject)
  expect(find("x/p50", "few")).toMatchObject({ n: 50, slices: [10.5, 15.5] })
  expect(find("x/p50", "few")!.histogram!.counts.reduce((a, b) => a + b)).toBe(50)
  expect(find("x/p99", "few")).toBeUndefined()
  expect(find("x/p99.9", "few")).toBeUndefined()
  expect(find("x/p99.9", "ours")).toMatchObject({ slices: [expect.closeTo(1_998, 0), null] })
  expect(find("x/p99.9", "ours")!.note).toBeUndefined()
  expect(find("x/p99.9", "ours")!.ratios!["raw ws"]).toMatchObject({ n: 1, median: expect.closeTo(1_998 / 599, 0) })
  expect(find("x/p99", "ours")!.ratios!["raw ws"]!.n).toBe(1) // the one round that both have
  const ws = find("x/p99.9", "raw ws")!
  expect(ws).toMatchObject({ n: 1_200, note: TOGETHER, spread: { n: 1 } })
  expect(Math.abs(ws.spread.median / 599 - 1)).toBeLessThan(0.03)
  expect(find("x/max", "raw ws")!.spread.max).toBe(600)
  expect(made.filter(figure => figure.histogram).every(figure => figure.id === "x/p50")).toBe(true)
})
