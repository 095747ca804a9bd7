/**
 * One training: a configuration and digits in, a network out. Owns the loop over epochs and batches; knows nothing of
 * runners, so that it runs anywhere, a test included.
 */
import { setImmediate as eventLoop } from "node:timers/promises"
import { CLASSES, type Digits, PIXELS } from "./data.ts"
import { Momentum } from "./momentum.ts"
import { crossEntropy, Network } from "./network.ts"
import { seeded, shuffle } from "./random.ts"

/** What a search varies. */
export interface HyperParameters {
  /** Units of the hidden layer. */
  readonly hidden: number
  readonly learningRate: number
  /** Digits per step. */
  readonly batchSize: number
  /** 0 to just below 1. */
  readonly momentum: number
}

/** One training, completely: the same configuration gives the same weights, bit for bit. */
export interface TrainConfig extends HyperParameters {
  /** Passes over the training digits. */
  readonly epochs: number
  readonly seed: number
}

/** How good a network is on some digits. */
export interface Score {
  /** Share of digits it names right, 0 to 1. */
  readonly accuracy: number
  /** Mean cross entropy, in nats. */
  readonly loss: number
}

/** After each epoch: `loss` is the training loss, `accuracy` that on the validation digits. */
export interface Epoch extends Score {
  /** Counted from 1. */
  readonly epoch: number
  readonly epochs: number
}

export interface TrainingOptions {
  /** Awaited after each epoch. What it throws ends the training. */
  readonly onEpoch?: ((epoch: Epoch) => void | Promise<void>) | undefined
  /** Aborted: give up at the next batch and throw the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Aborted: stop at the next batch and keep what was learnt, if at least one epoch is complete; else as `signal`. */
  readonly stopEarly?: AbortSignal | undefined
}

/** A trained network, its score on the validation digits, and the number of epochs it completed. */
export interface Trained extends Score {
  readonly network: Network
  readonly epochs: number
}

/** Trains a fresh network. Gives way to the event loop after every batch. */
export async function runTraining(
  config: TrainConfig,
  data: { train: Digits; validation: Digits },
  { onEpoch, signal, stopEarly }: TrainingOptions = {},
): Promise<Trained> {
  const training = new Training(config, data.train)
  let score: Score = { accuracy: 0, loss: Number.POSITIVE_INFINITY }
  let epochs = 0
  while (epochs < config.epochs) {
    let sum = 0
    for (const batch of training.epoch()) {
      sum += batch.loss * batch.digits
      // Without this the callbacks of this training, and every other call of the process, would wait for its end.
      await eventLoop()
      signal?.throwIfAborted()
      if (stopEarly?.aborted) {
        if (epochs === 0) throw stopEarly.reason
        return { network: training.network, epochs, ...evaluate(training.network, data.validation) }
      }
    }
    epochs++
    score = evaluate(training.network, data.validation)
    await onEpoch?.({
      epoch: epochs,
      epochs: config.epochs,
      accuracy: score.accuracy,
      loss: sum / data.train.labels.length,
    })
  }
  return { network: training.network, epochs, ...score }
}

/** The mean loss of one batch of `digits` digits, before the step it led to. */
export interface Batch {
  readonly loss: number
  readonly digits: number
}

/** A training that goes on one batch at a time. */
export class Training {
  readonly network: Network
  readonly #optimizer: Momentum
  readonly #random
  readonly #order: Uint32Array

  constructor(
    readonly config: TrainConfig,
    readonly digits: Digits,
  ) {
    this.#random = seeded(config.seed)
    this.network = Network.random({ inputs: PIXELS, hidden: config.hidden, outputs: CLASSES }, this.#random)
    this.#optimizer = new Momentum(this.network.weights, config.learningRate, config.momentum)
    this.#order = Uint32Array.from(digits.labels.keys())
  }

  /** One pass over the digits in a new order: a step per batch, done when the batch is asked for. */
  *epoch(): Generator<Batch> {
    const { network, digits } = this
    const order = shuffle(this.#order, this.#random)
    for (let start = 0; start < order.length; start += this.config.batchSize) {
      const batch = order.subarray(start, start + this.config.batchSize)
      let sum = 0
      for (const at of batch) sum += network.backward(digits.images, at * PIXELS, digits.labels[at]!)
      this.#optimizer.step(network.gradients, batch.length)
      yield { loss: sum / batch.length, digits: batch.length }
    }
  }
}

/** How good `network` is on `digits`. */
export function evaluate(network: Network, digits: Digits): Score {
  let right = 0
  let sum = 0
  for (const [at, label] of digits.labels.entries()) {
    const probabilities = network.forward(digits.images, at * PIXELS)
    sum += crossEntropy(probabilities, label)
    if (probabilities.indexOf(Math.max(...probabilities)) === label) right++
  }
  return { accuracy: right / digits.labels.length, loss: sum / digits.labels.length }
}
