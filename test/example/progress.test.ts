import { PassThrough } from "node:stream"
import type { WriteStream } from "node:tty"
import { stripVTControlCharacters } from "node:util"
import { expect, test } from "vitest"
import { Progress } from "../../examples/train/progress.ts"
import type { EpochReport, TrainResult } from "../../examples/train/train.ts"
import type { TrainConfig } from "../../examples/train/training.ts"

const CONFIG: TrainConfig = { hidden: 32, learningRate: 0.05, batchSize: 16, momentum: 0.9, epochs: 4, seed: 1 }
const EPOCH: EpochReport = { epoch: 2, epochs: 4, accuracy: 0.9, loss: 0.5, runner: "r1", node: "n1" }
const TRAINED = { accuracy: 0.93, loss: 0.2, epochs: 4, seconds: 1.5 }
const RESULT: TrainResult = { ...TRAINED, runner: "r1", node: "n1", jobId: "7", weights: [] }

function screen(tty: { columns: number; rows: number } | undefined) {
  const stream = new PassThrough({ encoding: "utf8" })
  const out = Object.assign(stream, tty ? { ...tty, isTTY: true } : {}) as unknown as WriteStream
  return { out, text: () => (stream.read() as string | null) ?? "" }
}

test("in a pipe: one plain line per finished configuration, none per epoch", () => {
  const { out, text } = screen(undefined)
  const progress = new Progress(12, out)
  progress.epoch(CONFIG, EPOCH)
  progress.done(CONFIG, RESULT)
  progress.failed(CONFIG, new Error("node is gone\n  hint: none"))
  progress.close()
  const config = "hidden=32 lr=0.05 batch=16 momentum=0.9"
  expect(text()).toBe(` 1/12 93.0 %  ${config}  1.5 s  r1 on n1\n 2/12 failed  ${config}: node is gone\n`)
})

test("on a terminal: a line per runner and a summary, no wider than the screen", () => {
  const { out, text } = screen({ columns: 60, rows: 24 })
  const progress = new Progress(12, out)
  progress.epoch(CONFIG, EPOCH)
  progress.epoch(CONFIG, { ...EPOCH, runner: "r2", epoch: 4 })
  progress.done(CONFIG, RESULT)
  progress.close()
  const lines = stripVTControlCharacters(text()).trimEnd().split("\n")
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(/^r1 {2}n1 {2}█{8}░{8} 2\/4 {2}90\.0 %/)
  expect(lines[1]).toMatch(/^r2 {2}n1 {2}█{16} 4\/4/)
  expect(lines[2]).toMatch(/^ 1\/12 configurations, best 93\.0 %, 2 runners/)
  for (const line of lines) expect(line.length).toBeLessThan(60)
})

test("on a low terminal: no more lines than fit, so that redrawing finds the first one", () => {
  const { out, text } = screen({ columns: 80, rows: 5 })
  const progress = new Progress(12, out)
  for (let nr = 0; nr < 9; nr++) progress.epoch(CONFIG, { ...EPOCH, runner: `r${nr}` })
  progress.close()
  expect(stripVTControlCharacters(text()).trimEnd().split("\n")).toHaveLength(4)
})
