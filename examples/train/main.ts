/**
 * A hyper-parameter search over a pool of runners: every configuration is one call. Start it with `node examples/train/run.mjs`;
 * `--backend slurm` makes each runner a Slurm job, and changes nothing else.
 */
import { setMaxListeners } from "node:events"
import { readFile } from "node:fs/promises"
import { performance } from "node:perf_hooks"
import { fileURLToPath } from "node:url"
import { createPool, local, type Pool, slurm } from "slurm-flame"
import { CLASSES, loadDigits, PIXELS, splitDigits } from "./data.ts"
import { loadModel, saveModel } from "./model-file.ts"
import { Network } from "./network.ts"
import { type Options, parseOptions, USAGE, UsageError } from "./options.ts"
import { Progress } from "./progress.ts"
import { describeConfig, randomSearch } from "./search.ts"
import { percent, plural, sparkline, tableLines } from "./table.ts"
import type * as train from "./train.ts"
import { evaluate, type TrainConfig } from "./training.ts"

type TrainResult = Awaited<ReturnType<typeof train.train>>
type Trial = { config: TrainConfig; result: TrainResult } | { config: TrainConfig; error: Error }
type Finished = Extract<Trial, { result: TrainResult }>

const MODEL_FILE = fileURLToPath(new URL("./out/best-model.json", import.meta.url))

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv)
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const start = performance.now()
  const interrupt = new AbortController()
  setMaxListeners(0, interrupt.signal) // every call listens to it: many listeners are no leak here
  // Once only: a second Ctrl-C finds no handler and ends the program at once.
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => interrupt.abort(new Error(`interrupted by ${name}`)))
  }

  await using pool = createPool<typeof train>({
    name: "train",
    module: new URL("./train.ts", import.meta.url),
    backend: await backend(options),
    max: options.runners,
    maxConcurrency: 1, // training keeps a core busy: a second call on the same runner would only slow the first
    bootTimeout: options.backend === "slurm" ? "30m" : "30s",
  })
  const configs = randomSearch(options.configs, options)
  const runners = plural(options.runners, `${options.backend} runner`)
  console.log(`${plural(configs.length, "configuration")}, at most ${runners}\n`)

  const trials = await search(pool, configs, interrupt.signal)
  const ranking = trials.filter(isFinished).sort((a, b) => b.result.accuracy - a.result.accuracy)
  if (ranking.length > 0) reportRanking(ranking, (performance.now() - start) / 1_000)
  if (interrupt.signal.aborted) {
    console.error(`Interrupted: ${ranking.length} of ${trials.length} configurations were done`)
    return 130
  }
  reportErrors(trials)
  const best = ranking[0]
  if (best === undefined) return 1

  console.log(`Best: ${describeConfig(best.config)}`)
  const kept = await keep(best)
  await showLosses(pool, best.config, interrupt.signal)
  console.log(`Wall time ${((performance.now() - start) / 1_000).toFixed(1)} s`)
  return kept && ranking.length === trials.length ? 0 : 1
}

async function backend({ backend, partition, time, script }: Options) {
  if (backend === "local") return local()
  if (script !== undefined) return slurm({ slurmJob: await readScript(script) })
  const lines = ["#!/bin/bash", `#SBATCH --time=${time}`, "#SBATCH --ntasks=1", "#SBATCH --cpus-per-task=1"]
  if (partition !== undefined) lines.push(`#SBATCH --partition=${partition}`)
  return slurm({ slurmJob: `${lines.join("\n")}\n` })
}

async function readScript(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8")
  } catch (cause) {
    throw new UsageError(`--script cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** All configurations at once: the pool decides how many runners that takes, and which runner gets which. */
async function search(pool: Pool<typeof train>, configs: TrainConfig[], signal: AbortSignal): Promise<Trial[]> {
  const progress = new Progress(configs.length)
  try {
    return await Promise.all(
      configs.map(async (config): Promise<Trial> => {
        try {
          const result = await pool.call(api => api.train(config, epoch => progress.epoch(config, epoch)), {
            signal,
            timeout: "infinity", // a queue on a busy cluster has all the time it needs; Ctrl-C has the last word
          })
          progress.done(config, result)
          return { config, result }
        } catch (error) {
          // One failed configuration must not take the others with it; it is reported, and the exit code tells.
          if (!signal.aborted) progress.failed(config, error as Error)
          return { config, error: error as Error }
        }
      }),
    )
  } finally {
    progress.close()
  }
}

function isFinished(trial: Trial): trial is Finished {
  return "result" in trial
}

function reportRanking(ranking: readonly Finished[], seconds: number): void {
  const ranked = ranking.map((trial, at) => ({ rank: at + 1, ...trial }))
  const lines = tableLines(ranked, [
    { title: "rank", align: "right", value: row => String(row.rank) },
    { title: "hidden", align: "right", value: row => String(row.config.hidden) },
    { title: "lr", align: "right", value: row => String(row.config.learningRate) },
    { title: "batch", align: "right", value: row => String(row.config.batchSize) },
    { title: "momentum", align: "right", value: row => String(row.config.momentum) },
    { title: "epochs", align: "right", value: row => `${row.result.epochs}/${row.config.epochs}` },
    { title: "accuracy", align: "right", value: row => percent(row.result.accuracy) },
    { title: "loss", align: "right", value: row => row.result.loss.toFixed(3) },
    { title: "seconds", align: "right", value: row => row.result.seconds.toFixed(1) },
    { title: "runner", value: row => row.result.runner },
    { title: "node", value: row => row.result.node },
    { title: "job", value: row => row.result.jobId },
  ])
  console.log(`\n${lines.join("\n")}\n`)
  const work = ranking.reduce((sum, { result }) => sum + result.seconds, 0)
  const runners = new Set(ranking.map(({ result }) => result.runner)).size
  console.log(`${plural(runners, "runner")} trained for ${work.toFixed(1)} s in ${seconds.toFixed(1)} s`)
}

/** Each error once, in full: when the cluster refuses jobs, all configurations fail for the same reason. */
function reportErrors(trials: readonly Trial[]): void {
  const counts = new Map<string, number>()
  for (const trial of trials) {
    if (!isFinished(trial)) counts.set(String(trial.error), (counts.get(String(trial.error)) ?? 0) + 1)
  }
  for (const [message, count] of counts) console.error(`${count} of ${trials.length} failed: ${message}\n`)
}

/** A stream from a runner: the loss of each of the first batches of the best configuration. */
async function showLosses(pool: Pool<typeof train>, config: TrainConfig, signal: AbortSignal): Promise<void> {
  const losses = await pool.call(
    async api => {
      const seen: number[] = []
      for await (const loss of api.losses(48, config)) seen.push(loss)
      return seen
    },
    { signal },
  )
  const [first, last] = [losses[0] ?? Number.NaN, losses.at(-1) ?? Number.NaN]
  console.log(`Loss of its first ${losses.length} batches: ${first.toFixed(2)} ${sparkline(losses)} ${last.toFixed(2)}`)
}

/** Saves the best network, reads it back, and checks that it is the one the runner scored. False when it is not. */
async function keep({ config, result }: Finished): Promise<boolean> {
  const shape = { inputs: PIXELS, hidden: config.hidden, outputs: CLASSES }
  const { weights, ...score } = result
  await saveModel(MODEL_FILE, new Network(shape, weights), { config, ...score })

  const saved = await loadModel(MODEL_FILE)
  const { validation, test } = splitDigits(loadDigits())
  const again = evaluate(saved, validation)
  if (again.accuracy !== result.accuracy) {
    console.error(
      `The saved model reads ${percent(again.accuracy)} of the validation digits; on its runner it read ${percent(result.accuracy)}`,
    )
    return false
  }
  const unseen = evaluate(saved, test)
  console.log(`Saved, loaded again and checked here: ${MODEL_FILE}`)
  console.log(
    `It reads ${percent(unseen.accuracy)} of ${test.labels.length} digits that no training and no choice has seen`,
  )
  return true
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
