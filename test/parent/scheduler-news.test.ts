/** What a pool passes on of a scheduler that does not answer, or that holds submissions back. */
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import type { Logger } from "../../src/parent/logger.ts"
import { FlamePool } from "../../src/parent/pool.ts"
import { checkPoolOptions } from "../../src/parent/pool-options.ts"
import { UnconfirmedEnds } from "../../src/parent/unconfirmed-ends.ts"
import type { Backend, Job, SchedulerNews } from "../../src/shared/backend.ts"

const SILENT: SchedulerNews = { state: "silent", message: "slurmctld does not answer" }
const BACK: SchedulerNews = { state: "answers", message: "slurmctld answers again", silentMs: 60_000 }

const logger = () => ({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }) satisfies Logger

/** A backend that takes nothing on at present. */
function holding() {
  const listeners = new Set<(news: SchedulerNews) => void>()
  const backend: Backend = {
    name: "holding",
    network: "loopback",
    validate() {},
    cancelSync() {},
    submit: (_, signal) =>
      new Promise<Job>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
    heldUp: () => "slurmctld has not answered for 2m",
    onScheduler: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return { backend, listeners, tell: (news: SchedulerNews) => [...listeners].forEach(listener => void listener(news)) }
}

function open(backend: Backend, log: Logger | false, bootTimeout: "infinity" | number = "infinity") {
  const module = fileURLToPath(import.meta.url)
  const pool = new FlamePool<{ f(): void }>(
    checkPoolOptions(
      { module, bundle: false, max: 1, backend, logger: log, bootTimeout },
      { backend: () => backend, inRunner: false },
    ),
  )
  onTestFinished(() => pool.close({ timeout: 0 }))
  const events: SchedulerNews[] = []
  pool.on("scheduler", news => events.push(news))
  return { pool, events }
}

describe("a scheduler that does not answer", () => {
  it("is an event of every pool, and one line in the first log that there is", async () => {
    const { backend, listeners, tell } = holding()
    const [first, second] = [logger(), logger()]
    const pools = [open(backend, false), open(backend, first), open(backend, second)]
    tell(SILENT)
    tell(BACK)
    for (const { events } of pools) expect(events).toEqual([SILENT, BACK])
    expect(first.warn.mock.calls.map(([, message]) => message)).toEqual([SILENT.message, BACK.message])
    expect(second.warn).not.toHaveBeenCalled()
    await Promise.all(pools.map(({ pool }) => pool.close()))
    expect(listeners.size).toBe(0)
  })

  it("is why a runner is not submitted yet, and why its boot took too long", async () => {
    const { backend } = holding()
    const patient = open(backend, false)
    patient.pool.spawn().catch(() => {}) // the pool is closed with the test
    expect(patient.pool.stats().runners).toMatchObject([
      { state: "submitting", reason: "slurmctld has not answered for 2m" },
    ])
    await expect(open(backend, false, 20).pool.spawn()).rejects.toMatchObject({
      code: "ERR_FLAME_BOOT_TIMEOUT",
      message: expect.stringMatching(/not submitted yet, for slurmctld has not answered for 2m\n.*bootTimeout/),
    })
  })
})

it("jobs that nobody says have ended are one line", () => {
  const log = logger()
  const unconfirmed = new UnconfirmedEnds(log)
  unconfirmed.tell()
  for (const job of ["7", "8_0", "8_1"]) unconfirmed.add(job)
  unconfirmed.tell()
  unconfirmed.tell()
  expect(log.error.mock.calls).toEqual([[{ jobs: "7 8_0 8_1" }, expect.stringMatching(/^3 jobs may still be there/)]])
})
