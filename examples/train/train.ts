/**
 * The module that runs on the runners: its exports are the API that `main.ts` calls. An ordinary module; all it has to do with
 * slurm-flame is to ask where it runs and whether it should stop.
 */
import { performance } from "node:perf_hooks"
import { currentCall, runner } from "slurm-flame/runner"
import { loadDigits, type Splits, splitDigits } from "./data.ts"
import { type Epoch, runTraining, type Score, type TrainConfig, Training } from "./training.ts"

/** An epoch, and who did it. */
export interface EpochReport extends Epoch {
  readonly runner: string
  readonly node: string
}

/** A trained network, and who trained it. The score is that on the validation digits. */
export interface TrainResult extends Score {
  /** Completed epochs: fewer than asked for where the runner had to end. */
  readonly epochs: number
  /** Time spent training, without that for reading the digits. */
  readonly seconds: number
  readonly runner: string
  readonly node: string
  /** Slurm's job id; `local-<pid>` for a process of this machine. */
  readonly jobId: string
  /** The network's weights, in the order of `Network`. */
  readonly weights: readonly Float32Array[]
}

// Reading the digits takes longer than an epoch, and a runner trains many configurations: once per process.
let splits: Splits | undefined

function digits(): Splits {
  splits ??= splitDigits(loadDigits())
  return splits
}

/**
 * Trains one configuration. `onEpoch` runs on the caller's side, after each epoch.
 * When the call is aborted the training ends with the signal's reason; when the runner has to end (walltime, `scancel`), it
 * answers with what it has learnt by then.
 */
export async function train(
  config: TrainConfig,
  onEpoch?: (report: EpochReport) => void | Promise<void>,
): Promise<TrainResult> {
  const { id, node, jobId, signal: runnerEnds } = runner()
  const data = digits()
  const start = performance.now()
  const { network, ...trained } = await runTraining(config, data, {
    onEpoch: onEpoch && (epoch => onEpoch({ ...epoch, runner: id, node })),
    signal: currentCall().signal,
    stopEarly: runnerEnds,
  })
  const seconds = (performance.now() - start) / 1_000
  return { ...trained, seconds, runner: id, node, jobId, weights: network.weights }
}

const DEFAULT: TrainConfig = { hidden: 32, learningRate: 0.05, batchSize: 32, momentum: 0.9, epochs: 1, seed: 1 }

/** The losses of the first `n` batches of a training, each as it comes; ends sooner where the configuration has fewer batches. */
export async function* losses(n: number, config: TrainConfig = DEFAULT): AsyncGenerator<number> {
  const training = new Training(config, digits().train)
  let left = n
  for (let epoch = 0; epoch < config.epochs; epoch++) {
    for (const { loss } of training.epoch()) {
      if (left-- <= 0) return
      yield loss
    }
  }
}
