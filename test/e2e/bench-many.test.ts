/** The groups with many runners on real ones, once each: what they report has its shape. Nothing is said about how fast anything is. */
import { readdirSync, readFileSync } from "node:fs"
import { afterEach, describe, expect, test } from "vitest"
import type { Bench, Group } from "../../bench/suite/group.ts"
import type { Figure } from "../../bench/suite/report.ts"

/** The built one: its processes and its runners' module are files of dist. */
async function groupOf(id: string): Promise<Group> {
  const file = new URL(`../../dist/bench/groups/${id}.js`, import.meta.url)
  const module = (await import(file.href)) as Record<string, Group>
  return module[id]!
}

interface Told {
  readonly bench: Bench
  readonly skipped: Map<string, string>
}

/** @param onProgress hears what is being done */
function fakeBench(onProgress: (words: string) => void = () => undefined, signal = new AbortController().signal): Told {
  const skipped = new Map<string, string>()
  const options = { backend: "local", tls: true, quick: true, secondsPerGroup: 1, maxRunners: 2 } as const
  const bench: Bench = {
    options,
    signal,
    get about(): never {
      throw new Error("not known here")
    },
    with: () => Promise.reject(new Error("no subjects here")),
    pool: () => Promise.reject(new Error("no pools here")),
    skip: (subject, reason) => void skipped.set(subject, reason),
    warn: () => undefined,
    note: () => undefined,
    progress: onProgress,
  }
  return { bench, skipped }
}

/** The children of a process, and theirs. */
function descendants(pid: number): number[] {
  const children = readdirSync("/proc").filter(name => /^\d+$/.test(name) && parentOf(name) === pid)
  return children.flatMap(name => [Number(name), ...descendants(Number(name))])
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])
  } catch {
    return undefined // it has ended meanwhile
  }
}

const before = new Set(descendants(process.pid))
const ours = () => descendants(process.pid).filter(pid => !before.has(pid))

afterEach(() => {
  expect(ours(), "processes that are left").toEqual([])
})

const OURS = "slurm-flame"
const COMLINK = "comlink worker_threads"
const QUANTILES = ["p50", "max"]

const EXPECTED: Record<string, { ids: string[]; subjects: string[] }> = {
  scaling: {
    ids: ["calls", "busy-1ms", "busy-10ms", "sink"],
    subjects: [OURS, COMLINK],
  },
  relay: { ids: [...QUANTILES, "rate"], subjects: [OURS, `${OURS}, direct`, COMLINK, `${COMLINK}, direct`] },
  callbacks: { ids: [...QUANTILES, "rate"], subjects: [OURS, `${OURS}, direct`, COMLINK, `${COMLINK}, direct`] },
  streams: {
    ids: ["numbers-from", "numbers-to", "chunks-from", "chunks-to"],
    subjects: [OURS, `${OURS}, a call each`, `${COMLINK}, a call each`],
  },
}

describe("a group reports", () => {
  test.each(Object.keys(EXPECTED))(
    "%s",
    async id => {
      const { ids, subjects } = EXPECTED[id]!
      const group = await groupOf(id)
      const { bench, skipped } = fakeBench()
      expect(group.id).toBe(id)
      const figures = await group.run(bench)
      for (const figure of figures) expectSound(figure)
      for (const subject of subjects) {
        const own = figures.filter(figure => figure.subject === subject)
        expect(own.map(figure => figure.id)).toEqual(expect.arrayContaining(ids.map(part => `${id}/${part}`)))
      }
      // A name, a parameter and a subject name one figure.
      const names = figures.map(figure => `${figure.id} ${figure.parameter?.value} ${figure.subject}`)
      expect(new Set(names).size).toBe(names.length)
      expect([...skipped.keys()].filter(name => name !== "piscina")).toEqual([])
      if (id === "scaling") expectSizes(figures)
    },
    90_000,
  )
})

function expectSound({ id, n, slices, spread, ratios = {} }: Figure): void {
  expect(n, id).toBeGreaterThan(0)
  // Null: too few samples in that slice for this quantile.
  const known = slices.filter(value => value !== null)
  expect(known.length, id).toBeGreaterThan(0)
  const values = [...known, spread.median, spread.min, spread.max, ...Object.values(ratios).map(one => one.median)]
  for (const value of values) expect(value, id).toEqual(expect.toSatisfy(Number.isFinite))
}

/** Every number of runners has its figures, and each but one its efficiency. */
function expectSizes(figures: readonly Figure[]): void {
  const sizes = (id: string) =>
    figures.filter(one => one.id === `scaling/${id}` && one.subject === OURS).map(one => one.parameter?.value)
  const all = sizes("calls")
  expect(all[0]).toBe(1)
  for (const id of ["busy-1ms", "busy-10ms", "sink"]) expect(sizes(id)).toEqual(all)
  expect(sizes("busy-10ms-efficiency")).toEqual(all.slice(1))
}

test("a runner that is lost in the middle ends the figures of ours, and no others", async () => {
  const { bench, skipped } = fakeBench(words => {
    if (words !== "round 2") return
    // A stage is our child; its children are the processes of a runner.
    const stages = ours().filter(pid => parentOf(String(pid)) === process.pid)
    for (const pid of stages.flatMap(descendants)) process.kill(pid, "SIGKILL")
  })
  const figures = await (await groupOf("callbacks")).run(bench)
  expect([...skipped.keys()]).toEqual([OURS])
  expect(skipped.get(OURS)).toContain("the rounds before are in the figures")
  const rate = (subject: string) => figures.find(one => one.id === "callbacks/rate" && one.subject === subject)?.slices
  expect(rate(OURS)?.[0]).toEqual(expect.any(Number))
  expect(rate(OURS)?.at(-1)).toBeNull()
  expect(rate(COMLINK)?.every(value => value !== null)).toBe(true)
}, 90_000)

test("a run that is ended early leaves nothing behind", async () => {
  const ending = new AbortController()
  const { bench, skipped } = fakeBench(words => {
    if (words === "round 2") ending.abort(new Error("enough"))
  }, ending.signal)
  await (await groupOf("relay")).run(bench)
  expect([...skipped.values()].every(reason => reason.startsWith("enough"))).toBe(true)
  expect([...skipped.keys()].sort()).toEqual([COMLINK, OURS])
}, 90_000)
