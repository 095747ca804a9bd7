import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { SlurmCommandError } from "../../src/shared/errors.ts"
import type { QueueRow } from "../../src/slurm/queue-row.ts"
import { DEFAULT_PACE, type Watched, Watcher } from "../../src/slurm/watcher.ts"

const SILENT = new SlurmCommandError("silent", {
  argv: [],
  exitCode: 1,
  signal: null,
  stdout: "",
  stderr: "",
  timedOut: false,
})

function setUp() {
  const asked: number[] = []
  const rows = new Map<string, QueueRow>()
  let silent = false
  const started = Date.now()
  const watcher = new Watcher({
    queue: async () => {
      asked.push(Date.now() - started)
      if (silent) throw SILENT
      return rows
    },
  })
  const job = (id: string) => ({ id, onRow: vi.fn(), onMissing: vi.fn(), onSilence: vi.fn() }) satisfies Watched
  return {
    watcher,
    asked,
    rows,
    job,
    silence: (value: boolean) => {
      silent = value
    },
  }
}

describe("Watcher's pace", () => {
  beforeEach(() => {
    vi.useFakeTimers()
    vi.spyOn(Math, "random").mockReturnValue(0.5)
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  it("asks soon, then ever more slowly, and once a minute in the end while all are pending", async () => {
    const { watcher, asked, job } = setUp()
    watcher.watch(job("1"))
    await vi.advanceTimersByTimeAsync(3_600_000)
    const gaps = asked.map((at, i) => at - (asked[i - 1] ?? 0))
    expect(gaps.slice(0, 4)).toEqual([250, 400, 640, 1_024])
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b))
    expect(gaps.at(-1)).toBe(60_000)
    // The first hour of a job in the queue costs less than two questions a minute, the others one.
    expect(asked.length).toBeLessThan(100)
    // Nobody is told later than by a tenth, and a little, of what he has waited.
    for (const [i, gap] of gaps.entries()) if (i > 4) expect(gap).toBeLessThan(0.12 * asked[i - 1]! + 5_000)
  })

  it("asks every five seconds while somebody waits for news of one", async () => {
    const { watcher, asked, job } = setUp()
    watcher.watch(job("1"))
    await vi.advanceTimersByTimeAsync(3_600_000)
    watcher.watch({ ...job("2"), urgent: true })
    await vi.advanceTimersByTimeAsync(60_000)
    asked.length = 0
    await vi.advanceTimersByTimeAsync(600_000)
    const gaps = asked.slice(1).map((at, i) => at - asked[i]!)
    expect(new Set(gaps)).toEqual(new Set([DEFAULT_PACE.most]))
  })

  it("asks once a second at most while changes never end", async () => {
    const { watcher, asked, job } = setUp()
    watcher.watch(job("1"))
    await vi.advanceTimersByTimeAsync(60_000)
    asked.length = 0
    for (let i = 0; i < 600; i++) {
      watcher.soon()
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(asked.length).toBeGreaterThan(55)
    expect(asked.length).toBeLessThan(60 + 15 + 5)
  })

  it("leaves squeue at rest for twice as long as it takes", async () => {
    const asked: number[] = []
    const started = Date.now()
    const watcher = new Watcher({
      queue: async () => {
        asked.push(Date.now() - started)
        await new Promise(resolve => setTimeout(resolve, 1_000))
        return new Map()
      },
    })
    watcher.watch(setUp().job("1"))
    await vi.advanceTimersByTimeAsync(250)
    for (let i = 0; i < 20; i++) {
      watcher.soon()
      await vi.advanceTimersByTimeAsync(1_000)
    }
    expect(asked.slice(1).map((at, i) => at - asked[i]!)).toEqual([3_000, 3_000, 3_000, 3_000, 3_000, 3_000])
  })

  it("names the only job or array there is, among very many of other programs", async () => {
    const asks: (string | undefined)[] = []
    const rows = new Map(Array.from({ length: 600 }, (_, i) => [String(i), { id: String(i) } as QueueRow]))
    const watcher = new Watcher({
      queue: async only => {
        asks.push(only)
        return rows
      },
    })
    const { job } = setUp()
    watcher.watch(job("1000_1"))
    watcher.watch(job("1000_2"))
    await vi.advanceTimersByTimeAsync(700)
    expect(asks).toEqual([undefined, "1000"])
    const other = job("7")
    watcher.watch(other)
    await vi.advanceTimersByTimeAsync(300)
    expect(asks.slice(2)).toEqual([undefined]) // of two squeue is sent everything anyway
    watcher.unwatch(other)
    await vi.advanceTimersByTimeAsync(500)
    expect(asks.at(-1)).toBe("1000")
  })

  it("asks soon again for a new job, also when many come in a row", async () => {
    const { watcher, asked, job } = setUp()
    watcher.watch(job("1"))
    await vi.advanceTimersByTimeAsync(20_000)
    asked.length = 0
    for (let id = 2; id < 12; id++) {
      watcher.watch(job(String(id)))
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(asked.length).toBeGreaterThanOrEqual(3)
    expect(asked.length).toBeLessThanOrEqual(4)
  })

  it("asks nothing when nobody is watched", async () => {
    const { watcher, asked, job } = setUp()
    const only = job("1")
    watcher.watch(only)
    await vi.advanceTimersByTimeAsync(300)
    watcher.unwatch(only)
    expect(vi.getTimerCount()).toBe(0)
    watcher.soon()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toEqual([250])
  })

  it("backs off from a controller that does not answer, whatever happens meanwhile", async () => {
    const { watcher, asked, job, silence } = setUp()
    silence(true)
    const first = job("1")
    watcher.watch(first)
    await vi.advanceTimersByTimeAsync(250)
    expect(first.onSilence).not.toHaveBeenCalled()
    watcher.watch(job("2"))
    await vi.advanceTimersByTimeAsync(1_500)
    expect(asked).toEqual([250, 750, 1_750])
    expect(first.onSilence).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(asked.at(-1)! - asked.at(-2)!).toBe(DEFAULT_PACE.mostSilent)
    silence(false)
    const before = asked.length
    await vi.advanceTimersByTimeAsync(30_300)
    expect(asked.length).toBeGreaterThanOrEqual(before + 2)
    expect(first.onMissing).toHaveBeenCalled()
  })

  it("tells a job nothing of a question that was asked before it was there", async () => {
    let answer = (_: Map<string, QueueRow>) => {}
    const watcher = new Watcher({
      queue: () =>
        new Promise(resolve => {
          answer = resolve
        }),
    })
    const { job } = setUp()
    const [early, late] = [job("1"), job("2")]
    watcher.watch(early)
    await vi.advanceTimersByTimeAsync(250)
    watcher.watch(late)
    answer(new Map())
    await vi.advanceTimersByTimeAsync(0)
    expect(early.onMissing).toHaveBeenCalledTimes(1)
    expect(late.onMissing).not.toHaveBeenCalled()
  })
})
