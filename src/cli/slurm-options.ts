/**
 * Options of `slurm()` as a command line gives them. Owns their names there, and the files they are read from; what they may hold is
 * for `slurm()` to judge.
 */
import { readFileSync } from "node:fs"
import type { Command } from "commander"
import { OptionError } from "../shared/errors.ts"
import type { SlurmOptions } from "../slurm/options.ts"

/** As commander gives them. */
export interface SlurmArguments {
  readonly slurmJob?: string
  readonly partition?: string
  /** `name=value`, or `name` alone. */
  readonly sbatch?: readonly string[]
}

/** Adds the options to a command. */
export function addSlurmOptions(command: Command): Command {
  return command
    .option("--slurm-job <file>", "the batch script that `slurmJob` would be")
    .option("--partition <name>", "the same as --sbatch partition=<name>")
    .option("--sbatch <name=value...>", "options of sbatch's, as in `sbatch`: time=1:00:00 gres=gpu:1 exclusive")
}

/**
 * The options for `slurm()`.
 * @throws OptionError when a file cannot be read or an option of sbatch's is said twice
 */
export function slurmOptions({ slurmJob, partition, sbatch = [] }: SlurmArguments): SlurmOptions {
  const options: Record<string, string | true> = {}
  for (const word of [...(partition === undefined ? [] : [`partition=${partition}`]), ...sbatch]) {
    const [, name, value] = /^-*([^=]*)(?:=(.*))?$/s.exec(word)!
    if (!name) throw new OptionError("sbatch", `--sbatch takes name=value, not ${JSON.stringify(word)}`)
    if (Object.hasOwn(options, name)) throw new OptionError("sbatch", `${name} is given twice`)
    options[name] = value ?? true
  }
  return { ...(slurmJob === undefined ? {} : { slurmJob: readText(slurmJob, "script") }), sbatch: options }
}

/** @throws OptionError when the file cannot be read. */
export function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    throw new OptionError(what, `the ${what} ${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
