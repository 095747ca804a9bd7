/** The command line of the example. Knows nothing of pools or digits. */
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { GRID_SIZE } from "./search.ts"

/** What the user asked for. */
export interface Options {
  readonly backend: "local" | "slurm"
  readonly runners: number
  readonly configs: number
  readonly epochs: number
  readonly seed: number
  readonly partition: string | undefined
  readonly time: string
  /** Path of a batch script to use instead of the built-in one. */
  readonly script: string | undefined
  readonly help: boolean
}

/** The text of `--help`. */
export const USAGE = `Trains networks that read handwritten digits, one configuration per call, on a pool of runners.

  --backend local|slurm   runners are processes of this machine, or Slurm jobs (default: local)
  --runners N             at most this many at once (default: 4 jobs; processes: one per core, at most 4)
  --configs N             configurations to try, 1 to ${GRID_SIZE} (default: 12)
  --epochs N              passes over the 6,000 training digits (default: 6)
  --seed N                chooses the configurations and the starting weights (default: 1)
  --partition NAME        for Slurm: the partition (default: the cluster's)
  --time LIMIT            for Slurm: the time limit of a job (default: 00:10:00)
  --script FILE           for Slurm: your own batch script, with its #SBATCH lines, exports and module loads
  --help                  this text`

/** The command line makes no sense. The message says which option and what it takes. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/**
 * Reads the arguments after the program's name.
 * @throws UsageError for an unknown option, a bad value, or Slurm's options without `--backend slurm`
 */
export function parseOptions(argv: readonly string[]): Options {
  const values = parse(argv)
  const backend = values.backend ?? "local"
  if (backend !== "local" && backend !== "slurm") {
    throw new UsageError(`--backend is local or slurm, not ${JSON.stringify(backend)}`)
  }
  for (const name of ["partition", "time", "script"] as const) {
    if (values[name] !== undefined && backend === "local") throw new UsageError(`--${name} needs --backend slurm`)
  }
  for (const name of ["partition", "time"] as const) {
    const value = values[name]
    if (value === undefined) continue
    if (values.script !== undefined) throw new UsageError(`--${name} belongs into the #SBATCH lines of --script`)
    if (!/^[\w.,:-]+$/.test(value)) throw new UsageError(`--${name} is not a ${name}: ${JSON.stringify(value)}`)
  }
  const cores = Math.min(4, availableParallelism())
  return {
    backend,
    runners: whole("runners", values.runners, { fallback: backend === "slurm" ? 4 : cores, min: 1, max: 1_000 }),
    configs: whole("configs", values.configs, { fallback: 12, min: 1, max: GRID_SIZE }),
    epochs: whole("epochs", values.epochs, { fallback: 6, min: 1, max: 1_000 }),
    seed: whole("seed", values.seed, { fallback: 1, min: 0, max: 2 ** 31 - 1 }),
    partition: values.partition,
    time: values.time ?? "00:10:00",
    script: values.script,
    help: values.help ?? false,
  }
}

function parse(argv: readonly string[]) {
  const text = { type: "string" } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        backend: text,
        runners: text,
        configs: text,
        epochs: text,
        seed: text,
        partition: text,
        time: text,
        script: text,
        help: { type: "boolean", short: "h" },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function whole(
  name: string,
  text: string | undefined,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  if (text === undefined) return fallback
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) {
    throw new UsageError(`--${name} is a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
  }
  return value
}
