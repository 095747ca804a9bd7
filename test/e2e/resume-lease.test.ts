/** Resumable calls of a lease: they outlive its runner. */
import { describe, expect, it } from "vitest"
import { type CallResumed, createPool, local, type Pool, type PoolOptions } from "../../src/index.ts"
import type * as resume from "../fixtures/modules/resume.ts"
import { eventually, keep, thrownBy } from "./helpers.ts"

type Resume = typeof resume
type Seen = resume.Seen

function resumePool(options: Partial<PoolOptions> = {}): Pool<Resume> & { events: CallResumed[] } {
  const module = new URL("../fixtures/modules/resume.ts", import.meta.url)
  const pool = keep(createPool<Resume>({ module, max: 1, logger: false, ...options }))
  const events: CallResumed[] = []
  pool.on("call:resumed", event => events.push(event))
  return Object.assign(pool, { events })
}

const endRunner = ({ pid, ppid }: Seen) => [ppid, pid].map(pid => process.kill(pid, "SIGKILL"))

function digestOf(to: number): number[] {
  const digest = new Uint32Array(8)
  for (let n = 1; n <= to; n++) {
    for (let i = 0; i < digest.length; i++) digest[i] = (Math.imul(digest[i]!, 31) + n + i) >>> 0
  }
  return [...digest]
}

describe("a resumable call of a lease", () => {
  it("goes on through the pool when the runner is lost, and the lease is over", async () => {
    const pool = resumePool({ maxConcurrency: 2 })
    const r = await pool.spawn()
    const seen: Seen[] = []
    const other = thrownBy(r.api.wait(() => {})) // not resumable
    const result = await r.with({ resumable: true }).count(
      20,
      20,
      "never",
      s => void seen.push(s),
      n => {
        if (n === 7) endRunner(seen[0]!)
      },
    )
    expect(result.digest).toEqual(digestOf(20))
    expect(seen).toHaveLength(2)
    expect(seen[1]!.resumed).toBeGreaterThanOrEqual(7)
    expect(pool.events).toMatchObject([{ name: "count", attempt: 2, from: { id: r.id } }])
    expect(await r.closed).toMatchObject({ state: "gone" })
    expect(await other).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", started: true })
    expect(await thrownBy(r.with({ resumable: true }).ordinary())).toMatchObject({
      code: "ERR_FLAME_RUNNER_LOST",
      started: false,
    })
    expect(await pool.api.ordinary()).toBeDefined() // the runner is the pool's
  })

  it("is each one of a lease that was asked for so, unless it is said otherwise", async () => {
    const pool = resumePool()
    const r = await pool.spawn({ resumable: true })
    expect(await r.api.crash(2, true)).toEqual([1, 2, 3])
    expect(await thrownBy(r.api.crash(0, false))).toMatchObject({
      code: "ERR_FLAME_RELEASED",
      hint: expect.stringMatching(/spawn\(\) another one/),
    })
    const other = await pool.spawn({ resumable: { attempts: 1 } })
    expect(await thrownBy(other.api.crash(5, false))).toMatchObject({
      message: expect.stringMatching(/begun once without/),
    })
    const third = await pool.spawn({ resumable: true })
    const lost = await thrownBy(third.with({ resumable: false }).crash(1, true))
    expect(lost).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "crashed" })
  })

  it("that never began goes to another runner as well", async () => {
    const pool = resumePool()
    const r = await pool.spawn({ resumable: true })
    let first: Seen | undefined
    const running = r.with({ resumable: false }).wait(s => {
      first = s
    })
    const lost = thrownBy(running)
    const queued = r.api.crash(0, false)
    await eventually(() => first !== undefined, "the first to run")
    endRunner(first!)
    expect(await lost).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST" })
    expect(await queued).toEqual([1])
  })

  it("goes on after the lease was given back", async () => {
    const pool = resumePool()
    const r = await pool.spawn({ resumable: true })
    const seen: Seen[] = []
    const call = r.api.count(
      10,
      20,
      "never",
      s => void seen.push(s),
      n => void (n === 4 && endRunner(seen[0]!)),
    )
    await eventually(() => seen.length === 1, "it to run")
    await r.release()
    expect((await call).digest).toEqual(digestOf(10))
    expect(seen).toHaveLength(2)
  })

  it("ends with a runner that its holder ends, also where it only waits for a slot", async () => {
    const pool = resumePool()
    const r = await pool.spawn({ resumable: true })
    const seen: Seen[] = []
    const calls = [thrownBy(r.api.wait(s => void seen.push(s))), thrownBy(r.api.crash(0, false))]
    await eventually(() => seen.length === 1, "the first to run")
    await r.terminate()
    const [first, second] = await Promise.all(calls)
    expect(first).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "terminated" })
    expect(second).toMatchObject({ code: "ERR_FLAME_RELEASED" })
    expect(pool.events).toEqual([])
  })

  it("is one line for work that is longer than a job", async () => {
    const pool = resumePool({ backend: local({ walltime: 6_000, signalBefore: 2_500 }) })
    const r = await pool.spawn({ resumable: true })
    const result = await r.api.count(80, 100, "throw")
    expect(result.digest).toEqual(digestOf(80))
    expect(result.attempt).toBeGreaterThan(1)
    expect(await r.closed).toMatchObject({ state: "gone", reason: "walltime" })
  })
})
