/** The command line of the example. Knows nothing of pools or digits. */
import { parseArgs } from "node:util"

/** What the user asked for. */
export interface Options {
  readonly backend: "local" | "slurm"
  readonly epochs: number
  /** An epoch takes at least so long, in milliseconds. */
  readonly paceMs: number
  readonly seed: number
  /** The time limit of a job, as it was written: minutes, seconds with an `s`, or what else Slurm takes. */
  readonly time: string
  /** The same in milliseconds; only of processes, Slurm reads its own. */
  readonly walltimeMs: number | undefined
  /** So long before it the runner takes its leave, in milliseconds. */
  readonly signalBeforeMs: number
  readonly partition: string | undefined
  /** Options for sbatch, as `name=value`. */
  readonly sbatch: Readonly<Record<string, string>>
  /** No runners: the training in this process, from its beginning to its end. */
  readonly uninterrupted: boolean
  /** Afterwards the same without a pause in this process, and a look whether the weights are equal. */
  readonly compare: boolean
  readonly help: boolean
}

/** The text of `--help`. */
export const USAGE = `Trains one network on jobs that are all too short for it, and loses nothing.

  --backend local|slurm   runners are processes of this machine, or Slurm jobs (default: local)
  --minutes M             so much work: as many epochs as are done in M minutes at this pace (default: 1)
  --epochs N              the same as a number of passes over the 6,000 training digits
  --pace S                an epoch takes at least S seconds, as it would with more digits (default: 1)
  --seed N                the starting weights and the order of the digits (default: 1)
  --time LIMIT            the time limit of a job: minutes as Slurm takes them, or for a process seconds (default: 2, or 20s)
  --signal-before S       so many seconds before it the runner takes its leave (default: 20 for Slurm, 5 for a process)
  --partition NAME        for Slurm: the partition (default: the cluster's)
  --sbatch NAME=VALUE     for Slurm: an option for sbatch, once for each
  --uninterrupted         the same training in this process, from its beginning to its end, without a pause
  --compare               both, one after the other; the exit code is 1 if their weights are not equal bit for bit
  --help                  this text`

/** The command line makes no sense. The message says which option and what it takes. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

const SLURM_ONLY = ["partition", "sbatch"] as const

/**
 * Reads the arguments after the program's name.
 * @throws UsageError for an unknown option, a bad value, options that exclude each other, or Slurm's without `--backend slurm`
 */
export function parseOptions(argv: readonly string[]): Options {
  const values = parse(argv)
  const backend = values.backend ?? "local"
  if (backend !== "local" && backend !== "slurm") {
    throw new UsageError(`--backend is local or slurm, not ${JSON.stringify(backend)}`)
  }
  for (const name of SLURM_ONLY) {
    if (values[name] !== undefined && backend === "local") throw new UsageError(`--${name} needs --backend slurm`)
  }
  if (values.minutes !== undefined && values.epochs !== undefined) {
    throw new UsageError("--minutes and --epochs say the same in two ways: give one")
  }
  if (values.uninterrupted && values.compare) throw new UsageError("--compare does what --uninterrupted does as well")
  const pace = number("pace", values.pace, 1, 0)
  const minutes = number("minutes", values.minutes, 1, 0.01)
  if (pace === 0 && values.epochs === undefined)
    throw new UsageError("--pace 0 needs --epochs: minutes have no meaning then")
  const slurm = backend === "slurm"
  const time = values.time ?? (slurm ? "2" : "20s")
  return {
    backend,
    epochs: values.epochs === undefined ? Math.ceil((minutes * 60) / pace) : whole("epochs", values.epochs, 1),
    paceMs: pace * 1_000,
    seed: values.seed === undefined ? 1 : whole("seed", values.seed, 0),
    time,
    walltimeMs: slurm ? undefined : milliseconds(time),
    signalBeforeMs: number("signal-before", values["signal-before"], slurm ? 20 : 5, 1) * 1_000,
    partition: values.partition,
    sbatch: Object.fromEntries((values.sbatch ?? []).map(pair)),
    uninterrupted: values.uninterrupted ?? false,
    compare: values.compare ?? false,
    help: values.help ?? false,
  }
}

function parse(argv: readonly string[]) {
  const text = { type: "string" } as const
  const flag = { type: "boolean" } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        backend: text,
        minutes: text,
        epochs: text,
        pace: text,
        seed: text,
        time: text,
        "signal-before": text,
        partition: text,
        sbatch: { type: "string", multiple: true },
        uninterrupted: flag,
        compare: flag,
        help: { type: "boolean", short: "h" },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function number(name: string, text: string | undefined, fallback: number, min: number): number {
  if (text === undefined) return fallback
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= 1_440)) {
    throw new UsageError(`--${name} is a number from ${min} to 1440, not ${JSON.stringify(text)}`)
  }
  return value
}

/** What a process takes of the ways in which Slurm's limits are written. */
function milliseconds(time: string): number {
  const [, count, seconds] = /^(\d+)(s?)$/.exec(time) ?? []
  if (count === undefined) {
    throw new UsageError(`--time of a process is minutes (2) or seconds (20s), not ${JSON.stringify(time)}`)
  }
  return Number(count) * (seconds ? 1_000 : 60_000)
}

function whole(name: string, text: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= 2 ** 31 - 1)) {
    throw new UsageError(`--${name} is a whole number from ${min}, not ${JSON.stringify(text)}`)
  }
  return value
}

function pair(text: string): [string, string] {
  const [, name, value] = /^([A-Za-z][\w-]*)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new UsageError(`--sbatch is NAME=VALUE, not ${JSON.stringify(text)}`)
  }
  return [name, value]
}
