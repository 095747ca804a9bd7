import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { local } from "../../src/index.ts"
import { basicPool, eventually, isAlive, once, runnerDirs, told } from "./helpers.ts"

describe("a worker that dies", () => {
  it("rejects what ran on it with exit code and last words; the job and its queue go on", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    const before = await pool.api.where()
    const dying = pool.api.exit(7)
    const queued = [pool.api.add(1, 1), pool.api.add(2, 2)]
    await expect(dying).rejects.toMatchObject({
      code: "ERR_FLAME_RUNNER_LOST",
      reason: "crashed",
      started: true,
      evidence: { exitCode: 7, stderrTail: "last words\n" },
    })
    expect(await Promise.all(queued)).toEqual([2, 4])
    const after = await pool.api.where()
    expect(after.ppid).toBe(before.ppid) // the same job: queue time is not paid twice
    expect(after.pid).not.toBe(before.pid)
  })

  it("SIGKILL of a worker is told as such, and ends the lease on it", async () => {
    const pool = basicPool()
    const r = await pool.spawn()
    const { tmpdir: dir } = await r.api.where()
    await expect(r.api.die()).rejects.toMatchObject({ reason: "crashed", evidence: { signal: "SIGKILL" } })
    await r.closed
    await expect(r.api.add(1, 1)).rejects.toMatchObject({ code: "ERR_FLAME_RELEASED" })
    await pool.close()
    expect(runnerDirs()).not.toContain(dir.split("/").at(-1))
  })

  it("that keeps crashing is given up, with its exit code", async () => {
    const pool = basicPool()
    const down = once(pool, "runner:down")
    const attempts = [1, 2, 3, 4, 5].map(() => pool.api.exit(9))
    const results = await Promise.allSettled(attempts)
    expect(results.every(r => r.status === "rejected")).toBe(true)
    expect(await down).toMatchObject({ goneReason: "crashed", evidence: { exitCode: 9 } })
    expect(await pool.api.add(1, 1)).toBe(2)
  })
})

describe("SIGTERM", () => {
  it("reaches the runner while user code blocks the event loop; the rest moves on", async () => {
    const pool = basicPool({ max: 2, backend: local({ killWait: "3s" }) })
    const r = await pool.spawn()
    const { ppid, tmpdir: dir } = await r.api.where()
    const started = told()
    const blocked = r.api.block(started.tell)
    blocked.catch(() => {}) // asserted below
    await started.promise
    const draining = once(pool, "runner:drain")
    process.kill(ppid, "SIGTERM")
    expect(await draining).toMatchObject({ id: r.id, drainReason: "cancelled" })
    await expect(blocked).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "cancelled", started: true })
    await r.closed
    expect(runnerDirs()).not.toContain(dir.split("/").at(-1))
    expect(await pool.api.add(1, 1)).toBe(2)
  })

  it("aborts runner().signal, lets running calls finish and deliver, runs the hooks, and says bye", async () => {
    const out = mkdtempSync(join(tmpdir(), "flame-test-"))
    const pool = basicPool()
    const r = await pool.spawn()
    await r.api.hook(join(out, "hook.txt"))
    expect(await r.api.scribble()).toEqual([".slurm-flame", "a.txt"])
    const { ppid, tmpdir: dir } = await r.api.where()
    const started = told()
    const call = r.api.hold(started.tell)
    const behind = r.api.add(1, 1) // waits for the slot of `call`
    const refused = expect(behind).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_DRAINING", retryable: true })
    await started.promise
    process.kill(ppid, "SIGTERM")
    expect(await call).toBe("runner aborted")
    await refused
    expect(await r.closed).toMatchObject({ reason: "cancelled" })
    expect(readFileSync(join(out, "hook.txt"), "utf8")).toBe("hook cancelled\n")
    rmSync(out, { recursive: true })
    expect(runnerDirs()).not.toContain(dir.split("/").at(-1))
  })

  it("queued pool calls of a draining runner run elsewhere, once", async () => {
    const pool = basicPool({ max: 1 })
    const first = await pool.api.where()
    const started = told()
    const held = pool.api.hold(started.tell)
    await started.promise
    const queued = [pool.api.where(), pool.api.where()]
    process.kill(first.ppid, "SIGTERM")
    expect(await held).toBe("runner aborted")
    const moved = await Promise.all(queued)
    expect(moved.every(where => where.ppid !== first.ppid)).toBe(true)
  })

  it("loses no pool call whose large argument is still on its way; the runner leaves it to another", async () => {
    const pool = basicPool({ max: 2, min: 1, maxConcurrency: 20 })
    const { ppid } = await pool.api.where()
    const bulk = new Float64Array(500_000)
    const calls = Array.from({ length: 20 }, (_, i) => pool.api.echo({ i, bulk }).then(back => back.i))
    process.kill(ppid, "SIGTERM")
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })
})

describe("a boot", () => {
  it("tells when it came how far", async () => {
    const before = Date.now()
    const pool = basicPool()
    const up = once(pool, "runner:up")
    const r = await pool.spawn()
    const { wanted, submitted, running, connected, serving } = r.info.boot
    const moments = [before, ...[wanted, submitted, running, connected, serving].map(at => at!.getTime()), Date.now()]
    expect(moments).toEqual([...moments].sort((a, b) => a - b))
    expect((await up) as { boot: unknown }).toMatchObject({ boot: r.info.boot })
    // Between these two a process was started, made a connection and imported a module: they cannot be the same moment.
    expect(serving!.getTime()).toBeGreaterThan(wanted.getTime())
  })
})

describe("the walltime", () => {
  it("is known to the runner, and drains it before it ends", async () => {
    const pool = basicPool({ backend: local({ walltime: "6s", signalBefore: "4s" }) })
    const r = await pool.spawn()
    const deadline = await r.api.deadline()
    expect(Math.abs(r.info.deadline!.getTime() - deadline!)).toBeLessThan(1_000) // told as what is left, which takes its way
    expect(r.info.clockSkewMs).toBe(0)
    const started = told()
    const draining = once(pool, "runner:drain")
    const call = r.api.hold(started.tell)
    expect(await draining).toMatchObject({ drainReason: "walltime" })
    expect(await call).toBe("runner aborted")
    expect(await r.closed).toMatchObject({ reason: "walltime" })
    expect(Date.now()).toBeLessThan(deadline!)
  })

  it("cuts a call that blocks the loop in time to clean up", async () => {
    const pool = basicPool({ backend: local({ walltime: "5s", signalBefore: "3s", killWait: "2s" }) })
    const r = await pool.spawn()
    const { tmpdir: dir } = await r.api.where()
    const started = told()
    await expect(r.api.block(started.tell)).rejects.toMatchObject({ reason: "walltime", started: true })
    await r.closed
    expect(runnerDirs()).not.toContain(dir.split("/").at(-1))
  })
})

describe("a supervisor that dies", () => {
  it("is noticed at once; its calls reject and the pool boots another", async () => {
    const pool = basicPool()
    const { ppid, pid } = await pool.api.where()
    const started = told()
    const held = pool.api.gate(started.tell)
    await started.promise
    process.kill(ppid, "SIGKILL")
    await expect(held).rejects.toMatchObject({
      code: "ERR_FLAME_RUNNER_LOST",
      started: true,
      evidence: { signal: "SIGKILL" },
    })
    expect((await pool.api.where()).ppid).not.toBe(ppid)
    await eventually(() => !isAlive(pid), "the orphaned worker ends")
  })
})
