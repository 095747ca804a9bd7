/**
 * The module that runs on the runners: one function, which may be begun on one job and ended on another. All that this takes is to ask
 * for the last checkpoint at the start and to give one after each epoch.
 */
import { setTimeout as delay } from "node:timers/promises"
import { currentCall, runner } from "slurm-flame/runner"
import { trainingDigits } from "./digits.ts"
import { type LongConfig, LongTraining, type State } from "./training.ts"

/** How far a training is, and where it runs. The first report of each runner says with which epoch it begins. */
export interface Report {
  /** Completed epochs. */
  readonly epoch: number
  /** Mean loss over the last epoch, in nats; undefined in the first report of a runner. */
  readonly loss: number | undefined
  readonly node: string
  /** Slurm's job id; `local-<pid>` for a process of this machine. */
  readonly jobId: string
}

/**
 * Trains a network; gives its weights.
 * @param paceMs an epoch takes at least so long, as it would with more digits than 6,000
 * @param onReport runs on the caller's side, when a runner begins and after each epoch
 */
export async function train(
  config: LongConfig,
  paceMs: number,
  onReport: (report: Report) => void | Promise<void>,
): Promise<readonly Float32Array[]> {
  const call = currentCall()
  const { node, jobId, signal: runnerEnds } = runner()
  const data = trainingDigits()
  const saved = call.resume<State>()
  const training = saved ? new LongTraining(saved) : LongTraining.fresh(config.seed, data.labels.length)
  await onReport({ epoch: training.epoch, loss: undefined, node, jobId })
  while (training.epoch < config.epochs) {
    // The job is about to end, and all there is has been saved: the rest is for another one.
    runnerEnds.throwIfAborted()
    const pace = delay(paceMs)
    const loss = training.pass(data)
    await call.checkpoint(training.state)
    await onReport({ epoch: training.epoch, loss, node, jobId })
    await pace
    call.signal.throwIfAborted()
  }
  return training.network.weights
}
