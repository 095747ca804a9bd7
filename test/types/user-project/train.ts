/** A stranger's runner module: an ordinary module whose exports are the API. */
import { proxy } from "slurm-flame"
import { currentCall, isRunner, runner } from "slurm-flame/runner"

export interface TrainInput {
  rate: number
  layers?: readonly number[]
}

export interface Model {
  weights: Float32Array
  accuracy: number
}

export async function train(
  input: TrainInput,
  onEpoch?: (e: { epoch: number; accuracy: number }) => void,
): Promise<Model> {
  const context = runner()
  const stop = AbortSignal.any([context.signal, currentCall().signal])
  context.onShutdown(async () => {})
  for (let epoch = 0; epoch < 10 && !stop.aborted && context.remaining() > 1_000; epoch++) {
    onEpoch?.({ epoch, accuracy: input.rate * epoch })
  }
  return { weights: new Float32Array(4), accuracy: input.rate }
}

export async function* losses(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) yield i
}

export const where = () => ({ node: runner().node, job: runner().jobId, tmpdir: runner().tmpdir })

/** Not visible from afar, being a class; `counter()` hands out references to instances. */
export class Counter {
  #count = 0
  increment(by: number): number {
    this.#count += by
    return this.#count
  }
}

export const counter = () => proxy(new Counter())

/** A callback whose answer is used at once, which no runner can have: the caller's compiler says so. */
export const keep = (wanted: (x: number) => boolean) => [1, 2, 3].filter(wanted)

if (!isRunner) process.stdout.write("not on a runner\n")
