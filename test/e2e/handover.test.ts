/** Hand-over before the end, with real processes: a stream of calls on runners that live for seconds. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { createPool, local, type RunnerInfo } from "../../src/index.ts"
import type * as logbook from "../fixtures/modules/logbook.ts"
import { keep } from "./helpers.ts"

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "handover-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

it("a stream of calls goes on over the ends of its runners: none fails, none runs twice, and somebody always serves", async () => {
  const pool = keep(
    createPool<typeof logbook>({
      module: new URL("../fixtures/modules/logbook.ts", import.meta.url),
      max: 1,
      maxConcurrency: 2,
      backend: local({ walltime: "14s", signalBefore: "3s" }),
      logger: false,
    }),
  )
  const pairs: (readonly [RunnerInfo, RunnerInfo])[] = []
  const downs: string[] = []
  /** How many serve, each time that one comes, hands over, drains or goes. */
  const serving: number[] = []
  const look = () => serving.push(pool.stats().runners.filter(({ state }) => state === "ready").length)
  pool.on("runner:up", look)
  pool.on("runner:drain", look)
  pool.on("runner:down", ({ goneReason }) => {
    downs.push(goneReason)
    look()
  })
  pool.on("runner:handover", ({ runner, successor }) => {
    pairs.push([runner, successor])
    look()
  })

  const file = join(directory, "began")
  let sent = 0
  const row = async () => {
    const done: number[] = []
    while (pairs.length < 3) {
      const id = sent++
      done.push(await pool.api.logged(file, id, 100))
    }
    return done
  }
  const done = (await Promise.all([row(), row()])).flat()
  const began = readFileSync(file, "utf8").trim().split("\n").map(Number)
  const numbers = Array.from({ length: sent }, (_, i) => i)
  expect(done.sort((a, b) => a - b)).toEqual(numbers)
  expect(began.sort((a, b) => a - b)).toEqual(numbers)
  expect(Math.min(...serving)).toBeGreaterThan(0)
  for (const [runner, successor] of pairs) {
    expect(successor).toMatchObject({ state: "ready", successorOf: runner.id })
    expect(runner.deadline!.getTime()).toBeLessThan(successor.deadline!.getTime())
  }
  expect(pairs.map(([runner]) => runner.id).slice(1)).toEqual(pairs.map(([, successor]) => successor.id).slice(0, -1))
  expect(new Set(downs)).toEqual(new Set(["walltime"]))
}, 90_000)
