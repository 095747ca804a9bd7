/** The open loop's figures: one rate for all, and who fell behind has a word. */
import { expect, test } from "vitest"
import type { Bench, OpenSubject } from "../../bench/suite/group.ts"
import { openFigures, rate } from "../../bench/suite/groups/rate.ts"
import { sampled } from "../../bench/suite/sampled.ts"

const loop = (lateMs: number) => ({ ...sampled(Float64Array.from({ length: 200 }, (_, i) => 100 + i)), lateMs })

test("who fell behind is told, and in how many slices", () => {
  const made = openFigures(
    new Map([
      ["raw ws", [loop(1), loop(2), loop(0)]],
      ["ours", [loop(1), loop(900), null]],
    ]),
    5_000,
  )
  const find = (subject: string) =>
    made.find(figure => figure.subject === subject && figure.id === "rate/open-5000/p50")!
  expect(find("raw ws").note).toBeUndefined()
  expect(find("ours").note).toBe("fell behind at 5,000 calls/s in 1 of 3 slices")
})

/** A subject that is asked for no process: what it was asked, and a capacity. */
function subject(name: string, perSecond: number, asked: unknown[], methods: readonly string[] = ["add"]): OpenSubject {
  return {
    name,
    kind: "wire",
    can: method => methods.includes(method),
    async work<T>(work: string, options: { rate?: number }) {
      if (work === "openLoop") asked.push(`${name} ${options.rate}`)
      return (work === "openLoop" ? loop(0) : { perSecond, calls: 10 }) as T
    },
  } as OpenSubject
}

test("the open loop has the same rates for all; who cannot keep up with one, or times its own calls, is told and left out", async () => {
  const asked: string[] = []
  const told = new Map<string, string>()
  const open = [
    subject("quick", 20_000, asked),
    subject("slow", 3_000, asked),
    subject("slowest", 300, asked),
    subject("foreign", 9_000, asked, ["add", "slice"]),
  ]
  const bench = {
    options: { quick: true, secondsPerGroup: 60 },
    with: (_: unknown, body: (open: readonly OpenSubject[]) => Promise<unknown>) => body(open),
    note: (name: string, why: string) => told.set(name, why),
    skip: (name: string, why: string) => expect.fail(`${name}: ${why}`),
    progress: () => undefined,
    warn: () => undefined,
  } as unknown as Bench
  const figures = await rate.run(bench)
  expect([...new Set(asked)].sort()).toEqual(["quick 1000", "quick 5000", "slow 1000"])
  expect(told.get("slow")).toBe("no open loop of 5,000 calls/s: it cannot keep up (3,000 with 64 in flight)")
  expect(told.get("slowest")).toContain("no open loop of 1,000 calls/s")
  expect(told.get("foreign")).toContain("times its own calls")
  expect(figures.some(({ id, subject }) => id === "rate/open-5000/p50" && subject === "quick")).toBe(true)
})
