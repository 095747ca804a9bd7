/** A worker's process that is made to stand still, and what wakes it. */
import { readFileSync, rmSync } from "node:fs"
import { PassThrough } from "node:stream"
import { afterEach, expect, it } from "vitest"
import type { ToWorker } from "../../src/runner/ipc.ts"
import { Outlet } from "../../src/runner/supervisor/outlet.ts"
import { signalTree } from "../../src/runner/supervisor/process-tree.ts"
import { WorkerProcess } from "../../src/runner/supervisor/worker-process.ts"
import { HeldWorker, poll } from "./held-worker.ts"

type Init = ConstructorParameters<typeof WorkerProcess>[2]

const made: { worker: WorkerProcess; dir: string }[] = []
afterEach(async () => {
  for (const { worker, dir } of made.splice(0)) {
    worker.kill()
    await worker.exited
    rmSync(dir, { recursive: true })
  }
})

/** A worker that has started a process. */
async function started() {
  const held = new HeldWorker()
  const outlet = () => new Outlet(new PassThrough())
  const output = { stdout: outlet(), stderr: outlet(), seen() {} }
  const worker = new WorkerProcess(held.entry, process.env, { t: "init" } as Init, output)
  made.push({ worker, dir: held.dir })
  const said: unknown[] = []
  worker.onMessage(message => said.push(message))
  await poll(() => said.length).toBeGreaterThan(0)
  const pids = [worker.pid!, said[0] as number]
  const stopped = () => poll(() => pids.map(stateOf)).toEqual(["T", "T"])
  const wake = () => signalTree(worker.pid!, "SIGCONT")
  const block = async () => {
    worker.send({ t: "block" } as unknown as ToWorker)
    await poll(() => said).toContain("blocked")
  }
  /** Resolves when it has run for a while, by what it started. */
  const ran = async () => {
    const before = held.wrote("child")
    await poll(() => held.wrote("child")).toBeGreaterThan(before + 5)
  }
  const goesOn = async () => {
    const before = held.wrote("main")
    await poll(() => held.wrote("main")).toBeGreaterThan(before)
  }
  const releases = () => said.filter(one => one === "released").length
  return { worker, held, wake, stopped, block, ran, goesOn, releases }
}

const stateOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)![0]
/** So much later that nobody waits for it. */
const later = () => performance.now() + 1e8

it("stands still again when the whole job is sent SIGCONT, until it is to go on", async () => {
  const { worker, wake, stopped, goesOn, ran } = await started()
  worker.still(later())
  expect(worker.isStill).toBe(true)
  await stopped()
  // As Slurm does it: to all of the job, one after the other. This process is the runner's here.
  wake()
  process.kill(process.pid, "SIGCONT")
  await stopped()
  worker.still(undefined)
  wake()
  process.kill(process.pid, "SIGCONT")
  await goesOn()
  await ran()
  worker.still(0)
  worker.kill()
  expect(await worker.exited).toMatchObject({ signal: "SIGKILL" })
  expect(process.listenerCount("SIGCONT")).toBe(0)
})

it("does nothing when it is awake although it is to stand still, but what it started does", async () => {
  const { worker, held, wake, stopped, ran, goesOn, releases } = await started()
  worker.still(later())
  await stopped()
  const before = held.wrote("main")
  wake() // and not this process, which would stop them
  await ran()
  expect(held.wrote("main")).toBe(before)
  worker.still(undefined)
  await goesOn()
  await poll(releases).toBe(1)
})

it("is stopped in time also where it blocks its event loop, and holds when it hears of it", async () => {
  const { worker, held, wake, block, stopped, ran } = await started()
  await block()
  worker.still(performance.now() + 20)
  await stopped()
  const before = held.wrote("main")
  held.unblock()
  wake()
  await ran()
  // The timer that is overdue may come before the word of the supervisor.
  expect(held.wrote("main")).toBeLessThanOrEqual(before + 1)
})

it("does not begin to hold when it hears of it after it was let go, and holds the next time", async () => {
  const { worker, held, wake, block, stopped, ran, goesOn, releases } = await started()
  await block()
  worker.still(later())
  worker.still(undefined)
  worker.still(performance.now() + 20)
  await stopped()
  worker.still(undefined)
  held.unblock()
  await goesOn()
  await poll(releases).toBe(2)
  worker.still(later())
  worker.still(undefined)
  worker.still(later())
  await stopped() // not when it holds for the first time, of which it is let go already
  const before = held.wrote("main")
  wake()
  await ran()
  expect(held.wrote("main")).toBe(before)
  worker.still(undefined)
  await poll(releases).toBe(4)
  await goesOn()
})

it("can be killed before it was stopped, and when it holds", async () => {
  const { worker, block } = await started()
  await block()
  worker.still(later())
  worker.kill()
  expect(await worker.exited).toMatchObject({ signal: "SIGKILL" })
  worker.still(undefined) // says nothing to nobody
  const { worker: other, stopped } = await started()
  other.still(later())
  await stopped()
  other.kill()
  expect(await other.exited).toMatchObject({ signal: "SIGKILL" })
  expect(process.listenerCount("SIGCONT")).toBe(0)
})
