/**
 * `slurm-flame script`: what would be submitted, without submitting it. Owns what is shown and where: the script, and nothing else,
 * on stdout; sbatch's command line and what is to be said about both on stderr. Asks Slurm nothing.
 */
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { checkPoolName } from "../parent/pool-options.ts"
import type { Duration } from "../shared/duration.ts"
import { OptionError } from "../shared/errors.ts"
import { shellQuote } from "../slurm/job-script.ts"
import { logDirectory } from "../slurm/log-file.ts"
import { checkOptions } from "../slurm/options.ts"
import { composeSubmission } from "../slurm/submission.ts"
import { readText, type SlurmArguments, slurmOptions } from "./slurm-options.ts"

/** Options of the command, as commander gives them. */
export interface ScriptOptions extends SlurmArguments {
  readonly pool: string
  readonly runners: string
  readonly runnersPerJob: string
  readonly epilogue?: string
  readonly signalBefore?: string
  readonly node?: string
}

/** What the job's main process is, from src/cli as from dist/cli. */
const SUPERVISOR = fileURLToPath(new URL("../../dist/bin/supervisor.js", import.meta.url))

/**
 * Writes the script to stdout and the command line to stderr.
 * @throws OptionError when an option makes no sense, or pool and script do not go together
 */
export function script(options: ScriptOptions): void {
  const { node, epilogue, signalBefore } = options
  const pool = checkPoolName(options.pool)
  const runners = count(options.runners, "runners")
  const perJob = count(options.runnersPerJob, "runners-per-job")
  const settings = checkOptions({
    ...slurmOptions(options),
    runnersPerJob: perJob,
    ...(epilogue === undefined ? {} : { epilogue: readText(epilogue, "epilogue") }),
    ...(signalBefore === undefined ? {} : { signalBefore: signalBefore as Duration }),
    ...(node === undefined ? {} : { node }),
  })
  const together = perJob > 1 ? Math.min(runners, perJob) : runners
  const run = randomBytes(3).toString("hex") // as a pool makes its runners' names, and each submission its own
  const spec = { runnerId: `${pool.toLowerCase()}-${run}-1`, pool, entry: SUPERVISOR, nodeArgs: [] }
  const site = { logDir: logDirectory(process.env), cwd: process.cwd(), nonce: randomBytes(3).toString("hex") }
  const text = typeof settings.slurmJob === "string" ? settings.slurmJob : undefined
  const submission = composeSubmission(settings, spec, text, site, together)
  process.stdout.write(submission.script)
  process.stderr.write(`${commandLine(submission.argv)}\n${notes(submission.warnings, runners, together)}`)
}

/** As one would type it. */
function commandLine(argv: readonly string[]): string {
  // Within an argument no shell takes `--name=` for anything else.
  const words = argv.map(word => word.replace(/^(--[\w-]+=)?(.*)$/s, (_, name = "", value) => name + shellQuote(value)))
  return ["sbatch", ...words].join(" \\\n  ")
}

function notes(warnings: readonly string[], runners: number, together: number): string {
  const jobs = Math.floor(runners / together)
  const rest = runners % together
  const more =
    runners === together
      ? []
      : [`${jobs} such submission${jobs === 1 ? "" : "s"}${rest === 0 ? "" : `, and one for ${rest} more`}`]
  return [...more.map(text => `note: ${text}\n`), ...warnings.map(text => `warning: ${text}\n`)].join("")
}

function count(text: string, name: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new OptionError(name, `--${name} takes a whole number from 1, not ${JSON.stringify(text)}`)
}
