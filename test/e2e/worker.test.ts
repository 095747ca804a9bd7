/** What user code may do to its worker: leave processes behind, throw what is too large, export what is hard to read. */
import { expect, it } from "vitest"
import { createPool, type PoolOptions, registerClass } from "../../src/index.ts"
import { Refusal } from "../fixtures/modules/refusal.ts"
import type * as worker from "../fixtures/modules/worker.ts"
import type { Passage } from "../transport/lossy-proxy.ts"
import { basicPool, isAlive, keep } from "./helpers.ts"
import { ProxiedBackend } from "./proxied.ts"

registerClass(Refusal)

function workerPool(options: Partial<PoolOptions> = {}) {
  const module = new URL("../fixtures/modules/worker.ts", import.meta.url)
  return keep(createPool<typeof worker>({ module, max: 1, logger: false, ...options }))
}

it("a crash is told although a process that the worker started holds its stderr open", async () => {
  const pool = workerPool()
  let left = 0
  try {
    const call = pool.api.exitAndLeave(3, async pid => {
      left = pid
    })
    await expect(call).rejects.toMatchObject({
      code: "ERR_FLAME_RUNNER_LOST",
      reason: "crashed",
      evidence: { exitCode: 3 },
    })
    expect(await pool.api.pid()).toBeGreaterThan(0) // in a new worker
    await pool.close()
    expect(isAlive(left)).toBe(true) // nobody has waited for it
  } finally {
    if (left > 0) process.kill(left, "SIGKILL")
  }
})

it("an error of a class that both sides registered is caught as one", async () => {
  const error = await workerPool()
    .api.refuse(404)
    .catch((error: unknown) => error)
  expect(error).toBeInstanceOf(Refusal)
  expect(error).toMatchObject({ message: "refused: 404", status: 404, final: true })
})

it("an error that is too much for one message rejects its call alone", async () => {
  const pool = workerPool({ maxConcurrency: 2 })
  const before = await pool.api.pid()
  await expect(pool.api.throwTooMuch()).rejects.toMatchObject({
    code: "ERR_FLAME_NOT_SERIALIZABLE",
    message: expect.stringMatching(/RangeError: rows was thrown, and cannot cross/),
  })
  expect(await pool.api.pid()).toBe(before) // the worker lives
})

it("exports that are huge, unreadable or named `then` stand in nobody's way", async () => {
  const { api } = workerPool()
  expect(await api.settings.deep.twice(4)).toBe(8)
  await expect((api.settings.deep as any).twise(4)).rejects.toThrow(/Did you mean "settings\.deep\.twice"/)
})

it("TypeScript that was not to be bundled is told by what to do", async () => {
  const pool = workerPool({ bundle: false, module: new URL("../fixtures/modules/view.tsx", import.meta.url) })
  await expect(pool.api.pid()).rejects.toMatchObject({
    code: "ERR_FLAME_MODULE",
    hint: expect.stringMatching(/leave `bundle` out/),
  })
})

it.each([
  { until: "the worker has ended", connections: 1 },
  { until: "the next worker came", connections: 2 },
])("a crash is told although the supervisor had no line until $until", async ({ connections }) => {
  const network = new ProxiedBackend()
  try {
    let late = true
    const data: Passage[] = []
    const seen = new Promise<void>(resolve => {
      network.onProxy = proxy =>
        proxy.onPassage(passage => {
          passage.detained = () => {
            if (passage.request.includes("/data") && !data.includes(passage)) {
              data.push(passage)
              if (connections === 1) passage.client.once("close", () => resolve())
              else if (data.length === 2) resolve()
            }
            return late && passage.request.includes("/control")
          }
        })
    })
    const pool = basicPool({ backend: network, tls: false })
    const { jobId, pid } = await pool.api.where()
    const call = pool.api.exit(5)
    await seen
    late = false
    network.proxy.release()
    await expect(call).rejects.toMatchObject({ reason: "crashed", evidence: { exitCode: 5, jobId } })
    const after = await pool.api.where()
    expect(after.jobId).toBe(jobId)
    expect(after.pid).not.toBe(pid)
  } finally {
    network.close()
  }
})
