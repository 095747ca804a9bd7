import { describe, expect, test } from "vitest"
import { crossEntropy, Network, weightLengths } from "../../examples/train/network.ts"
import { seeded } from "../../examples/train/random.ts"

const SHAPE = { inputs: 7, hidden: 5, outputs: 3 }

function inputsOf(seed: number, count: number): Float32Array {
  const random = seeded(seed)
  // A third of the inputs is zero: the sums leave those out.
  return Float32Array.from({ length: count }, () => (random() < 0.33 ? 0 : random()))
}

function lossOf(network: Network, inputs: Float32Array, labels: readonly number[]): number {
  return labels.reduce((sum, label, at) => sum + crossEntropy(network.forward(inputs, at * SHAPE.inputs), label), 0)
}

describe("the gradient", () => {
  const labels = [0, 1, 2, 1]
  const inputs = inputsOf(3, labels.length * SHAPE.inputs)
  const network = Network.random(SHAPE, seeded(11))
  for (const part of [1, 3])
    network.weights[part]!.forEach((_, i, biases) => {
      biases[i] = 0.05 * (i + 1)
    })
  for (const [at, label] of labels.entries()) network.backward(inputs, at * SHAPE.inputs, label)

  test.each([
    ["hidden weights", 0],
    ["hidden biases", 1],
    ["output weights", 2],
    ["output biases", 3],
  ])("of all %s is the slope of the loss", (_, part) => {
    const weights = network.weights[part]!
    const gradients = network.gradients[part]!
    expect(gradients.some(value => Math.abs(value) > 1e-3)).toBe(true)
    for (let i = 0; i < weights.length; i++) {
      const held = weights[i]!
      weights[i] = held + 1e-3
      const above = { weight: weights[i]!, loss: lossOf(network, inputs, labels) }
      weights[i] = held - 1e-3
      const below = { weight: weights[i]!, loss: lossOf(network, inputs, labels) }
      weights[i] = held
      // Divided by the step that was taken: a weight of 32 bits does not take just any.
      const slope = (above.loss - below.loss) / (above.weight - below.weight)
      expect(Math.abs(gradients[i]! - slope), `weight ${i}: ${gradients[i]} against ${slope}`).toBeLessThan(1e-5)
    }
  })

  test("adds up over inputs", () => {
    const twice = new Network(SHAPE, network.weights)
    for (let round = 0; round < 2; round++) {
      for (const [at, label] of labels.entries()) twice.backward(inputs, at * SHAPE.inputs, label)
    }
    const ratio = twice.gradients[3]!.map((value, i) => value / network.gradients[3]![i]!)
    for (const value of ratio) expect(value).toBeCloseTo(2, 5)
  })
})

test("probabilities are positive and sum to one, also for logits that overflow exp", () => {
  const network = Network.random(SHAPE, seeded(5))
  network.weights[3]!.set([2_000, 1_000, 1_999])
  const probabilities = [...network.forward(inputsOf(1, SHAPE.inputs), 0)]
  expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12)
  expect(probabilities.every(value => value >= 0)).toBe(true)
})

test("the loss of a certain and wrong answer is finite", () => {
  expect(crossEntropy(Float64Array.of(1, 0), 1)).toBeGreaterThan(700)
  expect(crossEntropy(Float64Array.of(1, 0), 1)).toBeLessThan(Number.POSITIVE_INFINITY)
  expect(crossEntropy(Float64Array.of(1, 0), 0)).toBeCloseTo(0, 12)
})

test("weights that do not fit the shape are refused", () => {
  const weights = weightLengths(SHAPE).map(length => new Float32Array(length))
  weights[2] = new Float32Array(4)
  expect(() => new Network(SHAPE, weights)).toThrow("a 7-5-3 network has parts of 35,5,15,3 weights, not 35,5,4,3")
})
