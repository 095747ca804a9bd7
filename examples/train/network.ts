/**
 * A network of one hidden layer (ReLU, then softmax with cross entropy) and its gradient. Owns the arithmetic; knows
 * nothing of batches, learning rates, files or runners.
 */
import type { Random } from "./random.ts"

/** How many numbers go in, how many units are in the middle, how many classes come out. */
export interface Shape {
  readonly inputs: number
  readonly hidden: number
  readonly outputs: number
}

/** A network of `shape`. `weights` are used in place, not copied: whoever changes them changes the network. */
export class Network {
  readonly gradients: readonly Float32Array[]
  // Sums are kept in double precision: only what is stored for long is rounded to 32 bits.
  readonly #hidden: Float64Array
  readonly #hiddenDelta: Float64Array
  readonly #probabilities: Float64Array

  /**
   * @param weights hidden weights (input by input), hidden biases, output weights (unit by unit), output biases
   * @throws RangeError when the lengths of `weights` do not fit `shape`
   */
  constructor(
    readonly shape: Shape,
    readonly weights: readonly Float32Array[],
  ) {
    const expected = weightLengths(shape)
    const given = weights.map(part => part.length)
    if (given.join() !== expected.join()) {
      throw new RangeError(`a ${describe(shape)} network has parts of ${expected} weights, not ${given}`)
    }
    this.gradients = expected.map(length => new Float32Array(length))
    this.#hidden = new Float64Array(shape.hidden)
    this.#hiddenDelta = new Float64Array(shape.hidden)
    this.#probabilities = new Float64Array(shape.outputs)
  }

  /** A fresh network: biases zero, weights uniform with the variance that keeps ReLU activations at their size. */
  static random(shape: Shape, random: Random): Network {
    const weights = weightLengths(shape).map(length => new Float32Array(length))
    const fill = (part: Float32Array, fanIn: number) => {
      const limit = Math.sqrt(6 / fanIn)
      for (let i = 0; i < part.length; i++) part[i] = (2 * random() - 1) * limit
    }
    fill(weights[0]!, shape.inputs)
    fill(weights[2]!, shape.hidden)
    return new Network(shape, weights)
  }

  /**
   * The probability of each class for the input at `inputs[from...]`. The array is the network's own and is overwritten
   * by the next call.
   */
  forward(inputs: Float32Array, from: number): Float64Array {
    const [hiddenWeights, hiddenBiases, outputWeights, outputBiases] = this.weights as Quad
    const { inputs: inputCount, hidden: hiddenCount, outputs: outputCount } = this.shape
    const hidden = this.#hidden
    const out = this.#probabilities

    for (let h = 0; h < hiddenCount; h++) hidden[h] = hiddenBiases[h]!
    for (let i = 0; i < inputCount; i++) {
      const x = inputs[from + i]!
      if (x === 0) continue // four pixels of five are background: this is most of the speed
      const row = i * hiddenCount
      for (let h = 0; h < hiddenCount; h++) hidden[h]! += x * hiddenWeights[row + h]!
    }

    for (let k = 0; k < outputCount; k++) out[k] = outputBiases[k]!
    for (let h = 0; h < hiddenCount; h++) {
      const a = hidden[h]!
      if (a <= 0) {
        hidden[h] = 0
        continue
      }
      const row = h * outputCount
      for (let k = 0; k < outputCount; k++) out[k]! += a * outputWeights[row + k]!
    }
    return softmax(out)
  }

  /** Adds the gradient of the loss of one labelled input to `gradients`, and returns that loss. */
  backward(inputs: Float32Array, from: number, label: number): number {
    const delta = this.forward(inputs, from)
    const loss = crossEntropy(delta, label)
    delta[label]! -= 1 // softmax and cross entropy together: the derivative is probability minus truth

    const [hiddenGradients, hiddenBiasGradients, outputGradients, outputBiasGradients] = this.gradients as Quad
    const outputWeights = this.weights[2]!
    const { inputs: inputCount, hidden: hiddenCount, outputs: outputCount } = this.shape
    const hidden = this.#hidden
    const hiddenDelta = this.#hiddenDelta

    for (let k = 0; k < outputCount; k++) outputBiasGradients[k]! += delta[k]!
    for (let h = 0; h < hiddenCount; h++) {
      const a = hidden[h]!
      let back = 0
      if (a > 0) {
        const row = h * outputCount
        for (let k = 0; k < outputCount; k++) {
          outputGradients[row + k]! += a * delta[k]!
          back += outputWeights[row + k]! * delta[k]!
        }
      }
      hiddenDelta[h] = back
      hiddenBiasGradients[h]! += back
    }
    for (let i = 0; i < inputCount; i++) {
      const x = inputs[from + i]!
      if (x === 0) continue
      const row = i * hiddenCount
      for (let h = 0; h < hiddenCount; h++) hiddenGradients[row + h]! += x * hiddenDelta[h]!
    }
    return loss
  }
}

/** How wrong `probabilities` are about `label`: 0 for certain and right, in nats. Finite even where certain and wrong. */
export function crossEntropy(probabilities: Float64Array, label: number): number {
  return -Math.log(Math.max(probabilities[label]!, Number.MIN_VALUE))
}

/** The lengths of the four parts of a network's weights, in their order. */
export function weightLengths({ inputs, hidden, outputs }: Shape): number[] {
  return [inputs * hidden, hidden, hidden * outputs, outputs]
}

type Quad = readonly [Float32Array, Float32Array, Float32Array, Float32Array]

function softmax(values: Float64Array): Float64Array {
  let max = Number.NEGATIVE_INFINITY
  for (const value of values) if (value > max) max = value
  let sum = 0
  for (let k = 0; k < values.length; k++) {
    // Less the largest, so that exp cannot overflow; the quotient is the same.
    const e = Math.exp(values[k]! - max)
    values[k] = e
    sum += e
  }
  for (let k = 0; k < values.length; k++) values[k]! /= sum
  return values
}

function describe({ inputs, hidden, outputs }: Shape): string {
  return `${inputs}-${hidden}-${outputs}`
}
