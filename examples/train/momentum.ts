/** Stochastic gradient descent with momentum. Owns the velocities; knows weights as arrays, not as a network. */

/** Moves weights against their gradients, keeping a share of the speed of earlier steps. */
export class Momentum {
  /** How fast each weight moves: with the weights, all that the next step depends on. Changed in place. */
  readonly velocities: readonly Float32Array[]

  /**
   * @param learningRate the length of a step, above 0
   * @param momentum how much of the last step goes on: 0 (none) to just below 1
   * @param velocities those of an earlier optimizer that is to be gone on with; used in place. Default: all stand still
   */
  constructor(
    readonly weights: readonly Float32Array[],
    readonly learningRate: number,
    readonly momentum: number,
    velocities: readonly Float32Array[] = weights.map(part => new Float32Array(part.length)),
  ) {
    this.velocities = velocities
  }

  /** One step along `gradients`, which are sums over `samples` inputs and are set back to zero. */
  step(gradients: readonly Float32Array[], samples: number): void {
    const scale = this.learningRate / samples
    const { momentum } = this
    for (const [at, weights] of this.weights.entries()) {
      const velocities = this.velocities[at]!
      const slope = gradients[at]!
      for (let i = 0; i < weights.length; i++) {
        const velocity = momentum * velocities[i]! - scale * slope[i]!
        velocities[i] = velocity
        weights[i]! += velocity
        slope[i] = 0
      }
    }
  }
}
