/** Work that is run again: on a worker that lives, with what it needs, and as often as was asked for. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { createPool, transfer } from "../../src/index.ts"
import { keep } from "./helpers.ts"

const dir = mkdtempSync(join(tmpdir(), "flame-retries-"))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Flaky {
  /** Ends its process the first time it is called with `file`, and gives what it was given after that. */
  survive(file: string, value: unknown): Promise<unknown>
  sum(file: string, values: AsyncIterable<number>): Promise<number>
}

const file = join(dir, "flaky.mjs")
writeFileSync(
  file,
  `import { existsSync, writeFileSync } from "node:fs"
function crashOnce(file) {
  if (existsSync(file)) return
  writeFileSync(file, "")
  process.exit(7)
}
export function survive(file, value) {
  crashOnce(file)
  return value
}
export async function sum(file, values) {
  let total = 0
  for await (const value of values) {
    total += value
    crashOnce(file)
  }
  return total
}
`,
)

const flaky = () =>
  keep(createPool<Flaky>({ module: file, max: 1, maxConcurrency: 2, logger: false, idleShutdownAfter: "infinity" }))
let marks = 0
const mark = () => join(dir, `mark-${++marks}`)

describe("a call whose worker crashed", () => {
  it("is run again by the worker that takes its place: one retry is enough", async () => {
    const pool = flaky()
    expect(await pool.with({ retries: 1 }).survive(mark(), 5)).toBe(5)
    const once = mark()
    expect(await pool.call(api => api.survive(once, 6), { retries: 1 })).toBe(6)
  })

  it("rejects with its loss where its arguments were moved there, or read, and cannot be sent again", async () => {
    const api = flaky().with({ retries: 3 })
    const moved = transfer(new Float64Array([1, 2, 3]))
    await expect(api.survive(mark(), moved)).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "crashed" })
    const stream = new ReadableStream<number>({
      start(controller) {
        for (const n of [1, 2]) controller.enqueue(n)
        controller.close()
      },
    })
    const calls = [
      stream,
      (async function* () {
        yield* [1, 2]
      })(),
    ].map(values => api.sum(mark(), values as AsyncIterable<number>))
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ reason: { code: "ERR_FLAME_RUNNER_LOST", reason: "crashed" } })
    }
  })
})

it("a retry on a lease whose worker crashed has nowhere to go, and is told of the crash", async () => {
  const pool = keep(createPool<Flaky>({ module: file, max: 1, logger: false }))
  const lease = await pool.spawn()
  const call = lease.with({ retries: 1 }).survive(join(dir, "leased"), 1)
  await expect(call).rejects.toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", started: true, retryable: false })
})
