/** `slurm-flame bench`: hands over to the benchmark suite, a program of its own beside the library. Owns how it is found. */
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { shellQuote } from "../slurm/job-script.ts"
import { type SlurmArguments, slurmOptions } from "./slurm-options.ts"

/** As commander gives them. */
export type BenchOptions = SlurmArguments & Readonly<Record<string, unknown>>

/** The suite, which the build puts here. */
const SUITE = new URL("../bench/main.js", import.meta.url)

interface SuiteModule {
  bench(given: Readonly<Record<string, unknown>>, commandLine: string): Promise<number>
}

/**
 * Runs the suite.
 * @returns the exit code
 * @throws OptionError when the options make no sense
 */
export async function bench({ slurmJob, partition, sbatch, ...rest }: BenchOptions): Promise<number> {
  if (!existsSync(SUITE)) {
    process.stderr.write(
      `error: the benchmark suite is not in this installation: there is no ${fileURLToPath(SUITE)}\n`,
    )
    return 1
  }
  const given = slurmOptions({
    ...(slurmJob === undefined ? {} : { slurmJob }),
    ...(partition === undefined ? {} : { partition }),
    ...(sbatch === undefined ? {} : { sbatch }),
  })
  const words = ["slurm-flame", ...process.argv.slice(2)].map(word =>
    /^[\w./=-]+$/.test(word) ? word : shellQuote(word),
  )
  try {
    const suite = (await import(SUITE.href)) as SuiteModule
    return await suite.bench({ ...given, ...rest }, words.join(" "))
  } catch (error) {
    if ((error as NodeJS.ErrnoException)?.code !== "EMFILE") throw error
    process.stderr.write(
      "error: too few files may be open at a time here for the suite: raise `ulimit -n` (1024 will do)\n",
    )
    return 1
  }
}
