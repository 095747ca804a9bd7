import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { DEFAULT_GATE, SubmitGate } from "../../src/slurm/submit-gate.ts"
import { FakeSlurm, runnerSpec } from "./fake-slurm.ts"

const NEVER = new AbortController().signal

/** Lets `count` in line; `leave[i]` ends the submission of the i-th once it got in. */
function line(gate: SubmitGate, count: number, signals: readonly AbortSignal[] = []) {
  const entered: number[] = []
  const leave: (() => void)[] = []
  const failed: unknown[] = []
  for (let i = 0; i < count; i++) {
    gate.enter(signals[i] ?? NEVER).then(
      exit => {
        entered.push(i)
        leave[i] = exit
      },
      error => failed.push(error),
    )
  }
  return { entered, leave, failed }
}

describe("SubmitGate", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const turn = () => vi.advanceTimersByTimeAsync(0)

  it("lets two in at a time, in the order they came", async () => {
    const { entered, leave } = line(new SubmitGate(), 4)
    await turn()
    expect(entered).toEqual([0, 1])
    leave[1]!()
    leave[1]!()
    await turn()
    expect(entered).toEqual([0, 1, 2])
    leave[0]!()
    await turn()
    expect(entered).toEqual([0, 1, 2, 3])
  })

  it("takes a burst without a pause and then one each second; idle time fills it up again, and no further", async () => {
    const gate = new SubmitGate({ ...DEFAULT_GATE, atOnce: 100 })
    const first = line(gate, 13)
    await turn()
    expect(first.entered).toHaveLength(10)
    await vi.advanceTimersByTimeAsync(990)
    expect(first.entered).toHaveLength(10)
    await vi.advanceTimersByTimeAsync(20)
    expect(first.entered).toHaveLength(11)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(first.entered).toHaveLength(13)
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(3_600_000)
    const second = line(gate, 30)
    await turn()
    expect(second.entered).toHaveLength(10)
  })

  it("forgets who gives up: he takes nobody's turn and holds no timer", async () => {
    const gate = new SubmitGate({ atOnce: 1, burst: 1, perSecond: 1 })
    const gone = new AbortController()
    const { entered, leave, failed } = line(gate, 3, [NEVER, gone.signal])
    await turn()
    leave[0]!()
    gone.abort("no longer wanted")
    await turn()
    expect(failed).toEqual(["no longer wanted"])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(entered).toEqual([0, 2])
    const last = new AbortController()
    const { failed: alone } = line(gate, 1, [last.signal])
    leave[2]!()
    expect(vi.getTimerCount()).toBe(1)
    last.abort("neither")
    await turn()
    expect(alone).toEqual(["neither"])
    expect(vi.getTimerCount()).toBe(0)
    await expect(gate.enter(AbortSignal.abort("at once"))).rejects.toBe("at once")
  })
})

describe("submissions of several backends of one program", () => {
  it("pass one gate, which never delays a cancel", async () => {
    const fake = new FakeSlurm()
    const [one, other] = fake.backends(2, { gate: { atOnce: 2, burst: 3, perSecond: 0.001 } })
    const job = await fake.submit(one!)
    fake.answer("sbatch", { hold: true })
    const under = new AbortController()
    const way = ["r2", "r3", "r4"].map((runnerId, i) =>
      fake.submit(i === 1 ? other! : one!, runnerSpec({ runnerId }), under.signal).catch((error: unknown) => error),
    )
    await fake.called("sbatch", 3)
    await job.cancel() // while two are under way and one waits
    expect(fake.calls("scancel").map(call => call.argv)).toEqual([["101"]])
    fake.answer("sbatch", undefined)
    const jobs = await Promise.all(way.slice(0, 2))
    expect(jobs.map(given => (given as { id: string }).id).sort()).toEqual(["102", "103"])
    under.abort("enough")
    expect(await way[2]).toBe("enough")
    expect(fake.calls("sbatch")).toHaveLength(3) // the burst is spent, and a thousand seconds are not over
  })

  it("are watched by one squeue", async () => {
    const fake = new FakeSlurm()
    const [one, other] = fake.backends(2)
    fake.answer("squeue", { hold: true })
    const first = await fake.submit(one!)
    await fake.called("squeue")
    const second = await fake.submit(other!, runnerSpec({ pool: "other" }))
    for (const { id } of [first, second]) fake.job(id, { state: "RUNNING", node: "n1" })
    // Another poll, if there were one, would ask every few milliseconds: long before two more processes have run.
    const more = [await fake.submit(one!), await fake.submit(other!)]
    expect(fake.calls("squeue")).toHaveLength(1)
    fake.answer("squeue", undefined)
    await vi.waitFor(() => expect([first.status.state, second.status.state]).toEqual(["running", "running"]))
    expect(more.map(({ id }) => id)).toEqual(["103", "104"])
  })
})
