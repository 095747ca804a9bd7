/**
 * One training on jobs that are all too short for it. For the caller it is one call, `resumable`; where it runs, and how often it moves,
 * is the pool's affair. Start it with `node examples/long-train/run.mjs`.
 */
import { createPool, local, slurm } from "slurm-flame"
import { trainingDigits } from "./digits.ts"
import { Journal } from "./journal.ts"
import { type Options, parseOptions, USAGE, UsageError } from "./options.ts"
import type * as train from "./train.ts"
import { digestOf, LongTraining } from "./training.ts"

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv)
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const digest = options.uninterrupted ? uninterrupted(options) : await onJobs(options)
  console.log(`SHA-256 of the weights: ${digest}`)
  if (!options.compare) return 0
  console.log("The same training without a pause, in this process:")
  const expected = uninterrupted(options)
  console.log(`SHA-256 of the weights: ${expected}`)
  console.log(digest === expected ? "They are the same, bit for bit" : "They are NOT the same")
  return digest === expected ? 0 : 1
}

/** Trains on runners; gives the digest of the weights. */
async function onJobs(options: Options): Promise<string> {
  const interrupt = new AbortController()
  // Once only: a second Ctrl-C finds no handler and ends the program at once.
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => interrupt.abort(new Error(`interrupted by ${name}`)))
  }
  await using pool = createPool<typeof train>({
    name: "long-train",
    module: new URL("./train.ts", import.meta.url),
    backend: backend(options),
    min: 1, // there is always one; the pool has its successor ready when it ends
    max: 1,
    // A node that goes dark is given up this soon: the training has its checkpoints, and little to lose.
    heartbeat: "2s",
    reconnectTimeout: "20s",
    bootTimeout: options.backend === "slurm" ? "30m" : "30s",
  })
  const journal = new Journal(options.epochs)
  let interruptions = 0
  let handovers = 0
  pool.on("runner:handover", ({ runner, successor }) => {
    handovers++
    journal.handover(runner, successor)
  })
  pool.on("runner:drain", info => journal.draining(info))
  pool.on("call:resumed", ({ from, reason, checkpoint }) => {
    interruptions++
    journal.resumed(from, reason, checkpoint)
  })
  pool.on("runner:down", info => journal.gone(info, info.goneReason))

  const { epochs, seed, paceMs } = options
  console.log(`${epochs} epochs on jobs of ${options.time}${options.backend === "slurm" ? " (Slurm)" : ""}`)
  const weights = await pool
    .with({ resumable: true, signal: interrupt.signal })
    .train({ epochs, seed }, paceMs, report => journal.report(report))
  journal.line(`done: ${epochs} epochs, interrupted ${interruptions} times, ${handovers} hand-overs`)
  return digestOf(weights)
}

/** Trains here. */
function uninterrupted({ epochs, seed }: Options): string {
  const digits = trainingDigits()
  const training = LongTraining.fresh(seed, digits.labels.length)
  while (training.epoch < epochs) training.pass(digits)
  return digestOf(training.network.weights)
}

function backend({ backend, time, walltimeMs, signalBeforeMs: signalBefore, partition, sbatch }: Options) {
  if (backend === "local") return local({ walltime: walltimeMs ?? 0, signalBefore })
  const lines = ["#!/bin/bash", "#SBATCH --ntasks=1", "#SBATCH --cpus-per-task=1"]
  const more = { time, ...(partition !== undefined && { partition }), ...sbatch }
  return slurm({ slurmJob: `${lines.join("\n")}\n`, sbatch: more, signalBefore })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
