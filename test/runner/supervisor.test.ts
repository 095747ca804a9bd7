/** The supervisor before it has reached its parent, with a worker that is played: what it makes of a signal. */
import { expect, it } from "vitest"
import type { ToWorker } from "../../src/runner/ipc.ts"
import { LogFeed } from "../../src/runner/supervisor/log-feed.ts"
import { Outlet } from "../../src/runner/supervisor/outlet.ts"
import { Supervisor } from "../../src/runner/supervisor/supervisor.ts"
import type { WorkerProcess } from "../../src/runner/supervisor/worker-process.ts"

const KILL_WAIT_MS = 5_000

/** What a worker is told that never ends by itself. */
function supervised() {
  const told: ToWorker[] = []
  const worker = {
    exited: new Promise(() => {}),
    isStill: false,
    onMessage: () => {},
    send: (message: ToWorker) => void told.push(message),
    kill: () => {},
  } as unknown as WorkerProcess
  const supervisor = new Supervisor({
    boot: { v: 1, runnerId: "r1", pool: "p", addresses: [{ host: "127.0.0.1", port: 1 }], tls: true, key: "" },
    facts: { killWaitMs: KILL_WAIT_MS, signalBeforeMs: 60_000 },
    jobId: "1",
    node: "n1",
    incarnation: 0,
    endsAt: undefined,
    from: [],
    tmp: undefined,
    first: worker,
    startWorker: () => worker,
    problem: undefined,
    feed: new LogFeed(),
    outlets: { stdout: new Outlet(process.stdout), stderr: new Outlet(process.stderr) },
  })
  return { supervisor, told }
}

it.each([0, 1_000, 60_000])("a signal that came %i ms ago leaves what Slurm leaves from there", ago => {
  const { supervisor, told } = supervised()
  supervisor.signalled("SIGTERM", performance.now() - ago)
  supervisor.signalled("SIGTERM") // a second one changes nothing
  const most = Math.max(0, KILL_WAIT_MS - 1_500 - ago)
  expect(told).toEqual([{ t: "drain", reason: "cancelled", graceMs: expect.any(Number) }])
  const { graceMs } = told[0] as ToWorker & { t: "drain" }
  expect(graceMs).toBeLessThanOrEqual(most)
  expect(graceMs).toBeGreaterThanOrEqual(Math.max(0, most - 500))
})
