/**
 * A training that can be put down after any epoch and taken up again, here or elsewhere, and comes to the same weights bit for bit. Owns
 * what has to be kept for that; knows nothing of runners.
 */
import { createHash } from "node:crypto"
import { CLASSES, type Digits, PIXELS } from "../train/data.ts"
import { Momentum } from "../train/momentum.ts"
import { Network } from "../train/network.ts"
import { shuffle, Xorshift } from "../train/random.ts"

/** A training, completely: the same one gives the same weights. */
export interface LongConfig {
  /** Passes over the training digits. */
  readonly epochs: number
  readonly seed: number
}

/** All that the rest of a training depends on. Plain values and typed arrays. */
export interface State {
  /** Completed epochs. */
  readonly epoch: number
  readonly weights: readonly Float32Array[]
  /** The optimizer's. */
  readonly velocities: readonly Float32Array[]
  /** In which the digits were seen last: each epoch shuffles the order of the one before. */
  readonly order: Uint32Array
  /** Of the source of random numbers. */
  readonly random: number
}

const SHAPE = { inputs: PIXELS, hidden: 32, outputs: CLASSES }
const BATCH = 32
const LEARNING_RATE = 0.01
const MOMENTUM = 0.9

/** A training between two epochs. */
export class LongTraining {
  readonly network: Network
  readonly #optimizer: Momentum
  readonly #random: Xorshift
  readonly #order: Uint32Array
  #epoch: number

  /** Goes on from `state`, whose arrays it takes over. */
  constructor(state: State) {
    this.network = new Network(SHAPE, state.weights)
    this.#optimizer = new Momentum(this.network.weights, LEARNING_RATE, MOMENTUM, state.velocities)
    this.#random = new Xorshift(state.random)
    this.#order = state.order
    this.#epoch = state.epoch
  }

  /** A training of `count` digits that has not begun. */
  static fresh(seed: number, count: number): LongTraining {
    const random = Xorshift.seeded(seed)
    const { weights } = Network.random(SHAPE, random.next)
    const velocities = weights.map(part => new Float32Array(part.length))
    const order = Uint32Array.from({ length: count }, (_, at) => at)
    return new LongTraining({ epoch: 0, weights, velocities, order, random: random.state })
  }

  /** Completed epochs. */
  get epoch(): number {
    return this.#epoch
  }

  /** What `new LongTraining` goes on from. Shares its arrays with the training: write it down before the next epoch. */
  get state(): State {
    const { weights } = this.network
    const { velocities } = this.#optimizer
    return { epoch: this.#epoch, weights, velocities, order: this.#order, random: this.#random.state }
  }

  /** One pass over `digits`. Returns the mean loss, in nats. Blocks: a fraction of a second. */
  pass({ images, labels }: Digits): number {
    const order = shuffle(this.#order, this.#random.next)
    let sum = 0
    for (let start = 0; start < order.length; start += BATCH) {
      const batch = order.subarray(start, start + BATCH)
      for (const at of batch) sum += this.network.backward(images, at * PIXELS, labels[at]!)
      this.#optimizer.step(this.network.gradients, batch.length)
    }
    this.#epoch++
    return sum / order.length
  }
}

/** SHA-256 of weights, in hex: equal for weights that are equal bit for bit, and for no others. */
export function digestOf(weights: readonly Float32Array[]): string {
  const hash = createHash("sha256")
  for (const part of weights) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  return hash.digest("hex")
}
