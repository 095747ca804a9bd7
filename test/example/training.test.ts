import { createHash } from "node:crypto"
import { expect, test, vi } from "vitest"
import { loadDigits, splitDigits } from "../../examples/train/data.ts"
import { Momentum } from "../../examples/train/momentum.ts"
import { type Epoch, evaluate, runTraining, type TrainConfig, Training } from "../../examples/train/training.ts"

const data = splitDigits(loadDigits())
const TINY: TrainConfig = { hidden: 16, learningRate: 0.05, batchSize: 16, momentum: 0.9, epochs: 2, seed: 1 }

function fingerprint(weights: readonly Float32Array[]): string {
  const hash = createHash("sha256")
  for (const part of weights) hash.update(new Uint8Array(part.buffer))
  return hash.digest("hex")
}

test("a tiny network learns to read: most digits it has never seen after two epochs", async () => {
  const epochs: Epoch[] = []
  const trained = await runTraining(TINY, data, { onEpoch: epoch => void epochs.push(epoch) })
  expect(trained.epochs).toBe(2)
  expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2])
  expect(epochs[1]!.loss).toBeLessThan(epochs[0]!.loss)
  expect(epochs[1]!.accuracy).toBe(trained.accuracy)
  expect(evaluate(trained.network, data.test).accuracy).toBeGreaterThan(0.85)
})

test("the same seed gives the same weights bit for bit, another seed gives others", async () => {
  const few = { ...TINY, epochs: 1, batchSize: 64 }
  const [one, again, other] = await Promise.all([
    runTraining(few, data),
    runTraining(few, data),
    runTraining({ ...few, seed: 2 }, data),
  ])
  expect(fingerprint(again.network.weights)).toBe(fingerprint(one.network.weights))
  expect(fingerprint(other.network.weights)).not.toBe(fingerprint(one.network.weights))
})

test("an epoch shows every digit once, the last batch being what is left", () => {
  const training = new Training({ ...TINY, batchSize: 700 }, data.train)
  expect([...training.epoch()].map(({ digits }) => digits)).toEqual([700, 700, 700, 700, 700, 700, 700, 700, 400])
})

test("the event loop turns after every batch", async () => {
  let turns = 0
  let next: NodeJS.Immediate
  const turn = () => {
    turns++
    next = setImmediate(turn)
  }
  turn()
  await runTraining({ ...TINY, epochs: 1 }, data)
  clearImmediate(next!)
  expect(turns).toBeGreaterThanOrEqual(6_000 / TINY.batchSize)
})

test("an aborted call ends at the next batch, with the signal's reason", async () => {
  const abort = new AbortController()
  const onEpoch = vi.fn(() => abort.abort(new Error("enough")))
  await expect(runTraining({ ...TINY, epochs: 5 }, data, { onEpoch, signal: abort.signal })).rejects.toThrow("enough")
  expect(onEpoch).toHaveBeenCalledTimes(1)
})

test("a runner that has to end keeps the epochs it has done", async () => {
  const ends = new AbortController()
  const onEpoch = vi.fn(({ epoch }: Epoch) => {
    if (epoch === 2) ends.abort(new Error("walltime"))
  })
  const trained = await runTraining({ ...TINY, epochs: 5 }, data, { onEpoch, stopEarly: ends.signal })
  expect(trained.epochs).toBe(2)
  expect(trained.accuracy).toBe(evaluate(trained.network, data.validation).accuracy)
})

test("a runner that has to end before its first epoch is done has nothing to give", async () => {
  const stopEarly = AbortSignal.abort(new Error("walltime"))
  await expect(runTraining(TINY, data, { stopEarly })).rejects.toThrow("walltime")
})

test("what a callback throws ends the training", async () => {
  const onEpoch = () => Promise.reject(new Error("caller is gone"))
  await expect(runTraining(TINY, data, { onEpoch })).rejects.toThrow("caller is gone")
})

test("momentum keeps its share of the last step, takes the mean gradient, and clears it", () => {
  const weights = [Float32Array.of(1)]
  const optimizer = new Momentum(weights, 0.5, 0.25)
  const gradients = [Float32Array.of(4)]
  optimizer.step(gradients, 2)
  expect(weights[0]![0]).toBe(0) // 1 - 0.5 * 4 / 2
  expect(gradients[0]![0]).toBe(0)
  optimizer.step(gradients, 2)
  expect(weights[0]![0]).toBe(-0.25) // a quarter of the last step, no new slope
})
