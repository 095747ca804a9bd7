/** The end of a runner's time: what is told of it, what may still be done, and that nothing is left. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { createPool, local, type PoolOptions } from "../../src/index.ts"
import type * as walltime from "../fixtures/modules/walltime.ts"
import { eventually, isAlive, keep, once, told } from "./helpers.ts"

function pool(times: { walltime?: string; signalBefore?: string; killWait?: string }, options?: Partial<PoolOptions>) {
  const module = new URL("../fixtures/modules/walltime.ts", import.meta.url)
  const backend = local(times as Parameters<typeof local>[0])
  return keep(createPool<typeof walltime>({ module, max: 1, logger: false, backend, ...options }))
}

/** A file that does not exist yet. */
function newFile(): string {
  const dir = mkdtempSync(join(tmpdir(), "flame-test-"))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, "file")
}

const SHORT = { walltime: "7s", signalBefore: "3s", killWait: "2s" }

/** What a call rejects with that its runner's time was too short for. */
const LOST = {
  code: "ERR_FLAME_RUNNER_LOST",
  reason: "walltime",
  started: true,
  evidence: { timeLimitMs: 7_000, advice: expect.stringMatching(/needs.*resumable.*more time/) },
  message: expect.stringMatching(/walltime.*its time limit of 7s/),
}

describe("work that does not end when its runner's time does", () => {
  it("but leaves the event loop free: it is lost, the hooks run, the directory goes, all before the end", async () => {
    const file = newFile()
    const p = pool(SHORT)
    const r = await p.spawn()
    await r.api.hook(file)
    const { tmpdir: dir, deadline } = await r.api.where()
    const started = told()
    await expect(r.api.ignore(started.tell)).rejects.toMatchObject(LOST)
    expect(await r.closed).toMatchObject({ reason: "walltime" })
    expect(Date.now()).toBeLessThan(deadline!)
    expect(existsSync(dir)).toBe(false)
    expect(readFileSync(file, "utf8")).toBe("walltime true\n")
  })

  it("and blocks the event loop: it is cut; what was queued behind it runs elsewhere and hears of nothing", async () => {
    const p = pool(SHORT, { maxConcurrency: 1 })
    const first = await p.api.where()
    const started = told()
    const lost = expect(p.api.block(started.tell)).rejects.toMatchObject(LOST)
    const queued = p.api.where()
    await lost
    expect(Date.now()).toBeLessThan(first.deadline!)
    expect((await queued).ppid).not.toBe(first.ppid)
    expect(existsSync(first.tmpdir)).toBe(false)
  })

  it("and is stuck outside of JavaScript, with processes of its own: all of them end", async () => {
    const p = pool(SHORT)
    const r = await p.spawn()
    const { tmpdir: dir, deadline } = await r.api.where()
    const started = told<number[]>()
    const lost = expect(r.api.stuck(started.tell as (pids: number[]) => Promise<void>)).rejects.toMatchObject(LOST)
    const pids = await started.promise
    await lost
    await r.closed
    expect(Date.now()).toBeLessThan(deadline!)
    expect(existsSync(dir)).toBe(false)
    for (const pid of pids) await eventually(() => !isAlive(pid), `process ${pid} ends`)
  })
})

describe("SIGTERM", () => {
  it("when the warning is to be expected takes nothing away: the runner serves until its drain is due", async () => {
    const p = pool({ walltime: "9s", signalBefore: "3s" })
    const r = await p.spawn()
    const { ppid, deadline } = await r.api.where()
    const draining = once(p, "runner:drain")
    process.kill(ppid, "SIGTERM")
    let served = 0
    let over = false
    void draining.then(() => {
      over = true
    })
    while (!over) {
      await r.api.where().then(
        () => (served += 1),
        error => expect(error.code).toMatch(/DRAINING|LOST/),
      )
    }
    expect(await draining).toMatchObject({ drainReason: "walltime" })
    expect(deadline! - Date.now()).toBeLessThan(3_500)
    expect(served).toBeGreaterThan(10)
    expect(await r.closed).toMatchObject({ reason: "walltime" })
  })

  it("a second time means now, whatever time there is; hooks have a moment", async () => {
    const file = newFile()
    const p = pool({ killWait: "60s" })
    const r = await p.spawn()
    await r.api.hook(file)
    const { ppid, tmpdir: dir } = await r.api.where()
    const started = told()
    const lost = expect(r.api.ignore(started.tell)).rejects.toMatchObject({ reason: "cancelled", started: true })
    await started.promise
    const draining = once(p, "runner:drain")
    process.kill(ppid, "SIGTERM")
    expect((await draining).leftMs).toBeGreaterThan(50_000)
    const since = performance.now()
    const again = setInterval(() => process.kill(ppid, "SIGTERM"), 200)
    void r.closed.then(() => clearInterval(again))
    await lost
    await r.closed
    expect(performance.now() - since).toBeLessThan(20_000)
    expect(readFileSync(file, "utf8")).toBe("cancelled true\n")
    expect(existsSync(dir)).toBe(false)
  })

  it("SIGCONT, which Slurm sends along, is ignored", async () => {
    const p = pool({})
    const r = await p.spawn()
    const { ppid } = await r.api.where()
    process.kill(ppid, "SIGCONT")
    expect((await r.api.where()).ppid).toBe(ppid)
    expect(r.info.state).toBe("ready")
  })
})
