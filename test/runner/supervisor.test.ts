/** The supervisor before it has reached its parent, with a worker that is played: what it makes of a signal and of its job's end. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { ToWorker } from "../../src/runner/ipc.ts"
import { nodeNow } from "../../src/runner/node-clock.ts"
import { LogFeed } from "../../src/runner/supervisor/log-feed.ts"
import { Outlet } from "../../src/runner/supervisor/outlet.ts"
import { Supervisor } from "../../src/runner/supervisor/supervisor.ts"
import type { WorkerProcess } from "../../src/runner/supervisor/worker-process.ts"
import type { JobFacts } from "../../src/shared/boot.ts"

const KILL_WAIT_MS = 5_000

/** What a worker is told that never ends by itself. */
function supervised(facts: Partial<JobFacts> = {}, leftMs?: number) {
  const told: ToWorker[] = []
  const kill = vi.fn()
  const worker = {
    exited: new Promise(() => {}),
    isStill: false,
    onMessage: () => {},
    send: (message: ToWorker) => void told.push(message),
    kill,
  } as unknown as WorkerProcess
  const supervisor = new Supervisor({
    boot: { v: 1, runnerId: "r1", pool: "p", addresses: [{ host: "127.0.0.1", port: 1 }], tls: true, key: "" },
    facts: { killWaitMs: KILL_WAIT_MS, signalBeforeMs: 60_000, ...facts },
    shared: false,
    jobId: "1",
    node: "n1",
    incarnation: 0,
    leftMs,
    from: [],
    tmp: undefined,
    first: worker,
    startWorker: () => worker,
    problem: undefined,
    feed: new LogFeed(),
    outlets: { stdout: new Outlet(process.stdout), stderr: new Outlet(process.stderr) },
  })
  return { supervisor, told, kill }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "hrtime", "Date"] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** The drain it was told of, with the time it got. */
function drainOf(told: ToWorker[]) {
  const drain = told.find(({ t }) => t === "drain") as (ToWorker & { t: "drain" }) | undefined
  return drain && { reason: drain.reason, graceMs: Math.round(drain.until - nodeNow()) }
}

describe("in a job without a limit", () => {
  it.each([0, 1_000, 60_000])("a signal that came %i ms ago leaves what Slurm leaves from there", ago => {
    const { supervisor, told, kill } = supervised({ limited: false })
    supervisor.signalled("SIGTERM", performance.now() - ago)
    expect(drainOf(told)).toEqual({ reason: "cancelled", graceMs: Math.max(0, KILL_WAIT_MS - 1_500 - ago) })
    expect(kill.mock.calls.length).toBe(ago === 60_000 ? 1 : 0)
  })

  it("a second signal means now, and the same one that is heard twice does not", () => {
    const { supervisor, told, kill } = supervised({ limited: false, killWaitMs: 30_000 })
    supervisor.signalled("SIGTERM")
    vi.advanceTimersByTime(900)
    supervisor.signalled("SIGTERM") // a shell handed it on, beside a scheduler that signals all
    vi.advanceTimersByTime(1_100)
    expect(told.map(({ t }) => t)).toEqual(["drain"])
    supervisor.signalled("SIGTERM")
    expect(told.map(({ t }) => t)).toEqual(["drain", "hurry"])
    vi.advanceTimersByTime(1_000) // it blocks its loop: no answer
    expect(kill).toHaveBeenCalledTimes(1)
  })
})

describe("the end of the job", () => {
  it("begins the drain by itself, and leaves work all but the time to clean up", () => {
    const { told, kill } = supervised({ signalBeforeMs: 20_000 }, 60_000)
    vi.advanceTimersByTime(39_900)
    expect(told).toEqual([])
    vi.advanceTimersByTime(200)
    expect(drainOf(told)).toEqual({ reason: "walltime", graceMs: expect.any(Number) })
    vi.advanceTimersByTime(18_300) // 1.6 s before the end
    expect([told.at(-1)!.t, kill.mock.calls.length]).toEqual(["drain", 0])
    vi.advanceTimersByTime(200)
    expect([told.at(-1)!.t, kill.mock.calls.length]).toEqual(["hurry", 0])
    vi.advanceTimersByTime(300)
    expect(kill).toHaveBeenCalledTimes(1)
  })

  it("does not go by the clock of the node, which somebody sets", () => {
    const { told } = supervised({ signalBeforeMs: 20_000 }, 60_000)
    vi.setSystemTime(Date.now() + 3_600_000)
    vi.advanceTimersByTime(39_000)
    expect(told).toEqual([])
    vi.setSystemTime(Date.now() - 7_200_000)
    vi.advanceTimersByTime(1_100)
    expect(drainOf(told)?.reason).toBe("walltime")
  })

  it("is worth more than a signal that may be the warning, when nobody is there to ask: that is taken for a cancel", () => {
    const { supervisor, told } = supervised({ signalBeforeMs: 15_000 }, 60_000 - 16_000)
    supervisor.signalled("SIGTERM")
    expect(told).toEqual([]) // for a moment: the parent may be reached
    vi.advanceTimersByTime(2_500)
    expect(drainOf(told)).toEqual({ reason: "cancelled", graceMs: 1_000 })
  })

  it("is far: a signal is somebody's wish to end it, at once", () => {
    const { supervisor, told } = supervised({ signalBeforeMs: 15_000 }, 60_000)
    supervisor.signalled("SIGTERM")
    expect(drainOf(told)).toEqual({ reason: "cancelled", graceMs: 3_500 })
  })

  it("is near, but the signal is none of Slurm's warnings", () => {
    const { supervisor, told } = supervised({ signalBeforeMs: 15_000 }, 30_000)
    supervisor.signalled("SIGINT")
    expect(drainOf(told)).toMatchObject({ reason: "cancelled" })
  })
})
